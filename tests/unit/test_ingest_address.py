"""Camera addresses: credentials out, nonsense refused, nothing secret in what is said about it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadAddress
from belvedere.site.ingest.address import host_and_port, own_client, split_address


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
        ("RTSP+UDP://admin:pw@h:554/a", ("rtsp+udp://h/a", "admin", "pw")),
        ("http://admin:p%40s@h:80/live.ts?ch=1", ("http://h/live.ts?ch=1", "admin", "p@s")),
        ("https://h:443/live.flv", ("https://h/live.flv", "", "")),
        ("https://h:80/live.flv", ("https://h:80/live.flv", "", "")),
        ("udp://239.1.2.3:5004/", ("udp://239.1.2.3:5004", "", "")),
        ("udp://[ff02::1]:5004", ("udp://[ff02::1]:5004", "", "")),
    ],
)
def test_addresses_are_taken_apart(url: str, parts: tuple[str, str, str]) -> None:
    assert split_address(url) == parts


@pytest.mark.parametrize(
    "url",
    [
        "", "10.0.0.5", "ftp://h/", "file:///etc/passwd", "rtsps://h/", "srt://h:9000", "rtmp://h/live/a", "rtp://10.0.0.5:5004",
        "udp://h:5004", "udp://10.0.0.5", "udp://0.0.0.0:5004", "udp://[::]:5004", "udp://10.0.0.5:5004?localaddr=0.0.0.0",
        "udp://a:secret@10.0.0.5:5004", "http://", "http://h:0/", "rtsp+tcp://h/", "https://user:secret@/",
        "rtsp://", "rtsp:///x", "rtsp://h:0/", "rtsp://h:99999/",
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
    assert host_and_port("https://cam.local/x") == ("cam.local", 443)
    assert host_and_port("udp://10.0.0.5:7000") == ("10.0.0.5", 7000)


def test_only_plain_rtsp_is_read_by_our_own_client() -> None:
    addresses = ["rtsp://h/", "RTSP://h/", "rtsp+udp://h/", "http://h/", "https://h/", "udp://10.0.0.5:5004"]
    assert [own_client(url) for url in addresses] == [True, True, False, False, False, False]


@given(st.one_of(st.text(max_size=40), st.text(max_size=40).map(lambda text: f"rtsp://{text}")))
def test_any_text_is_taken_or_refused_and_taking_again_changes_nothing(text: str) -> None:
    for scheme in ("", "rtsp+udp://", "http://", "https://", "udp://"):
        _taken_or_refused(scheme + text)


def _taken_or_refused(text: str) -> None:
    try:
        clean, _, _ = split_address(text)
    except BadAddress:
        return
    assert clean.isascii() and clean.isprintable() and " " not in clean
    assert split_address(clean)[0] == clean
