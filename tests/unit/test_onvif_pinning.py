"""Addresses from a device lead to that device."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadAddress, CameraProtocol
from belvedere.site.onvif.pinning import Place, pinned_service, pinned_stream, service_address

HOME = Place("http", "10.0.0.5", 80, "/onvif/device_service")
_URLS = st.text(max_size=60) | st.builds(
    lambda scheme, host, rest: f"{scheme}://{host}{rest}",
    st.sampled_from(["http", "https", "rtsp", "file", "gopher", "HTTP", "rtsp+udp"]),
    st.sampled_from(
        ["10.0.0.9", "hub", "[fd00::1]:9", "a:b@c", "evil@10.0.0.5", "10.0.0.5@evil", "x:0", "y:70000", ""]
    ),
    st.text(max_size=20),
)


@given(_URLS)
def test_whatever_a_device_writes_leads_to_its_own_host(text: str) -> None:
    try:
        place, moved = pinned_service(text, HOME)
    except CameraProtocol as error:
        assert error.advice
    else:
        assert place.host == HOME.host and place.scheme in ("http", "https") and isinstance(moved, bool)
        assert place.url.startswith((f"{place.scheme}://10.0.0.5/", f"{place.scheme}://10.0.0.5:"))
    try:
        url, _ = pinned_stream(text, HOME)
    except CameraProtocol as error:
        assert error.advice
    else:
        assert "@" not in url.partition("://")[2].partition("/")[0]
        assert url.partition("://")[2].startswith(("10.0.0.5", "10.0.0.5:"))


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_our_error(text: str) -> None:
    try:
        place, _, _ = service_address(text)
    except BadAddress as error:
        assert error.advice
    else:
        again, _, _ = service_address(place.url)
        assert again == place


def test_what_people_write() -> None:
    def url(text: str) -> str:
        return service_address(text)[0].url

    assert url("10.0.0.5") == "http://10.0.0.5/onvif/device_service"
    assert url("camera.local:8000") == "http://camera.local:8000/onvif/device_service"
    assert url("https://10.0.0.5/x?y=1") == "https://10.0.0.5/x?y=1"
    assert url("[fd00::5]:8080") == "http://[fd00::5]:8080/onvif/device_service"
    assert service_address("http://u%40x:p:w@10.0.0.5")[1:] == ("u@x", "p:w")
    for bad in (
        "",
        "rtsp://10.0.0.5",
        "10.0.0.5:0",
        "10.0.0.5:x",
        "[fd00::5",
        "[x]",
        "[fd00::5]x",
        "a b",
        "http://h?x",
    ):
        with pytest.raises(BadAddress):
            service_address(bad)
    assert pinned_service("http://10.0.0.5:8080/onvif/media", HOME) == (
        Place("http", "10.0.0.5", 8080, "/onvif/media"),
        False,
    )
    assert pinned_stream("rtsp://u:p@10.9.9.9:8554/a?b=c", HOME) == ("rtsp://10.0.0.5:8554/a?b=c", True)
    assert pinned_stream("rtsp://10.0.0.5/a", Place("http", "fd00::5", 80, "/"))[0] == "rtsp://[fd00::5]/a"
    for bad in ("udp://239.1.1.1:5000", "file:///etc/passwd", ""):
        with pytest.raises(CameraProtocol):
            pinned_stream(bad, HOME)
