"""Camera addresses: credentials out, nonsense refused, nothing secret in what is said about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadAddress
from belvedere.site.ingest.address import host_and_port, split_address


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("rtsp://10.0.0.5/stream1", ("rtsp://10.0.0.5/stream1", "", "")),
        ("RTSP://10.0.0.5:554", ("rtsp://10.0.0.5", "", "")),
        ("rtsp://admin:pw@cam.local:8554/a?b=c&d=1", ("rtsp://cam.local:8554/a?b=c&d=1", "admin", "pw")),
        ("rtsp://admin:p%40ss%2Fw@h/a", ("rtsp://h/a", "admin", "p@ss/w")),
        ("rtsp://admin:p@s:s@h/a", ("rtsp://h/a", "admin", "p@s:s")),
        ("rtsp://admin@h/", ("rtsp://h/", "admin", "")),
        ("rtsp://[fd00::5]:555/x", ("rtsp://[fd00::5]:555/x", "", "")),
        ("  rtsp://h/Straße@2 ".rstrip(), ("rtsp://h/Stra%C3%9Fe@2", "", "")),
        ("rtsp://h/cam%20one", ("rtsp://h/cam%20one", "", "")),
    ],
)
def test_addresses_are_taken_apart(url: str, parts: tuple[str, str, str]) -> None:
    assert split_address(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "", "10.0.0.5", "http://h/", "rtsps://h/", "rtsp://", "rtsp:///x", "rtsp://h:0/", "rtsp://h:99999/",
        "rtsp://h:x/", "rtsp://[fd00::5/x", "rtsp://[nothex]/", "rtsp://a b/", "rtsp://h/a\r\nX: 1", "rtsp://h/\tx",
        "rtsp://user:secret@/", "rtsp://h" + "a" * 3000, "rtsp://-/", "rtsp://a..b/", "rtsp://user:secret@h:port/x",
    ],
)  # fmt: skip
def test_nonsense_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        split_address(url)
    assert "secret" not in str(caught.value)


def test_host_and_port() -> None:
    assert host_and_port("rtsp://[fd00::5]:555/x") == ("fd00::5", 555)
    assert host_and_port("rtsp://cam.local/x") == ("cam.local", 554)


@given(st.one_of(st.text(max_size=40), st.text(max_size=40).map(lambda text: f"rtsp://{text}")))
def test_any_text_is_taken_or_refused_and_taking_again_changes_nothing(text: str) -> None:
    try:
        clean, _, _ = split_address(text)
    except BadAddress:
        return
    assert clean.isascii() and clean.isprintable() and " " not in clean
    assert split_address(clean)[0] == clean
