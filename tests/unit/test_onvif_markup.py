"""XML from devices: no bytes raise anything but our errors; nothing is resolved, nothing grows without end."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import CameraFault, CameraProtocol
from belvedere.site.onvif import soap
from belvedere.site.onvif.discovery import read_answer
from belvedere.site.onvif.events import read_notices
from belvedere.site.onvif.markup import MAX_BYTES, Node, parse, quoted, shown
from belvedere.site.onvif.media import number, propose, read_profiles, read_profiles2, whole
from belvedere.site.onvif.recordings import read_recording
from belvedere.site.onvif.times import parse_date_and_time

_WORDS = (
    "Envelope Body Fault Profiles VideoEncoder Resolution Width Topic Message NotificationMessage Data SimpleItem Source "
    "ProbeMatch XAddrs Scopes RecordingInformation RecordingToken Track UTCDateTime Year Month Hour"
)
_NAMES = st.sampled_from(re.findall(r"\w+", _WORDS))
_TEXT = st.text(max_size=20) | st.sampled_from(
    ["tns1:VideoSource/MotionAlarm", "1e999", "nan", "-5", "http://x:99999/", "2026"]
)
_TREE = st.recursive(
    st.builds(
        lambda n, t, k: f'<{n} token="{k}" Name="State" Value="true">{quoted(t)}</{n}>', _NAMES, _TEXT, st.integers()
    ),
    lambda inner: st.builds(lambda n, parts: f"<{n}>{''.join(parts)}</{n}>", _NAMES, st.lists(inner, max_size=5)),
    max_leaves=25,
)


def read_everything(root: Node) -> None:
    """Every reader of the room, on a tree of any shape."""
    read_notices(root)
    propose([*read_profiles(root), *read_profiles2(root)])
    for node in root.walk():
        read_recording(node)
    try:
        parse_date_and_time(root)
    except CameraProtocol:
        pass


@given(st.binary(max_size=400))
def test_any_bytes_are_a_tree_or_our_error(data: bytes) -> None:
    for head in (b"", b"<a>", b'<?xml version="1.0" encoding="utf-16"?><a>', b"\xff\xfe", b"\xef\xbb\xbf<x/>"):
        try:
            read_everything(parse(head + data))
        except CameraProtocol as error:
            assert error.advice


@given(_TREE, st.integers(0, 600))
def test_any_tree_is_read_or_refused(text: str, status: int) -> None:
    read_everything(parse(text.encode()))
    try:
        read_answer(text.encode(), "10.0.0.5")
    except CameraProtocol:
        pass
    wrapped = f'<e:Envelope xmlns:e="{soap.ENVELOPE}"><e:Body>{text}</e:Body></e:Envelope>'.encode()
    for data in (text.encode(), wrapped, wrapped[: len(wrapped) // 2]):
        try:
            read_everything(soap.read_reply(status, data))
        except CameraFault as error:
            assert error.advice


@given(st.text(max_size=60))
def test_text_comes_back_as_it_went(text: str) -> None:
    kept = parse(f"<a>{quoted(text)}</a>".encode("utf-8", "replace")).text
    plain = "".join(
        c for c in text if c in "\t\n" or (c >= " " and not "\ud800" <= c <= "\udfff" and c not in "\ufffe\uffff")
    )
    assert kept.replace("\r", "\n") == plain.replace("\r", "\n") or "\r" in text
    assert shown(text) == shown(shown(text)) and "\n" not in shown(text) and len(shown(text)) <= 100


@pytest.mark.parametrize(
    "data",
    [
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        b'<!DOCTYPE a SYSTEM "http://10.0.0.1/x.dtd"><a/>',
        b"<a>&b;</a>",
        b"<a>" * 65 + b"</a>" * 65,
        b"<a>" + b"<b/>" * 20_001 + b"</a>",
        b"<a>" + b"x" * MAX_BYTES + b"</a>",
        b"",
        b"<a><b></a>",
        b"<a xmlns:x='u' x:y='1' x:y='2'/>",
    ],
)
def test_what_is_refused(data: bytes) -> None:
    with pytest.raises(CameraProtocol) as caught:
        parse(data)
    assert "XML" in caught.value.message


def test_what_is_put_up_with() -> None:
    assert parse(b'\xef\xbb\xbf<?xml version="1.0" encoding="GB2312"?>\n<a>\xff\x00ok\x01</a>').text == "\ufffdok"
    assert parse('<?xml version="1.0" encoding="utf-16"?><a>é</a>'.encode("utf-16")).text == "é"
    assert len(parse(b"<a>" + b"y" * 100_000 + b"</a>").text) == 65_536
    root = parse(b'<a xmlns="u" xmlns:p="v"><p:b c="1">x</p:b><b>y</b></a>')
    assert root.namespace == "u" and root.value("b") == "x" and root.children[0].namespace == "v"
    assert parse(b'<a><p:b q:c="1">x</p:b></a>').value("b") == "x"  # prefixes that were never declared
    assert root.children[1].namespace == "u" and root.children[0].attributes == {"c": "1"}
    assert root.child("c") is None and root.value("c") == "" and len(root.all("b")) == 2


@given(st.text(max_size=12) | st.floats().map(str))
def test_numbers_are_bounded(text: str) -> None:
    assert 0 <= number(text) <= 1 << 20 and whole(text) == int(number(text))


def test_faults_say_what_they_mean() -> None:
    def fault(code: str, text: str) -> bytes:
        return (
            f'<e:Envelope xmlns:e="{soap.ENVELOPE}"><e:Body><e:Fault><e:Code><e:Value>e:Sender</e:Value><e:Subcode>'
            f"<e:Value>ter:{code}</e:Value></e:Subcode></e:Code><e:Reason><e:Text>{text}</e:Text></e:Reason></e:Fault>"
            "</e:Body></e:Envelope>"
        ).encode()

    with pytest.raises(soap.SoapFault) as caught:
        soap.read_reply(500, fault("ActionNotSupported", "no"))
    assert caught.value.subcode == "ActionNotSupported" and "no" in caught.value.message
    for status, data in (
        (400, fault("NotAuthorized", "x")),
        (500, fault("x", "Sender not Authorized")),
        (401, b"Unauthorized"),
    ):
        with pytest.raises(CameraFault) as denied:
            soap.read_reply(status, data)
        assert denied.value.code == "camera_denied"


def test_the_token_is_that_of_the_standard() -> None:
    """The example of the ONVIF programmer's guide."""
    import base64

    nonce = base64.b64decode("LKqI6G/AikKCQrN0zqZFlg==")
    assert soap.password_digest(nonce, "2010-09-16T07:50:45Z", "userpassword") == "tuOSpGlFlIXsozq4HFNeeGeFLEI="
    first, second = (soap.username_token("a<b", "secret", 1_790_000_000_000_000) for _ in range(2))
    assert first != second and "secret" not in first and "a&lt;b" in first and "2026-09-21T" in first
