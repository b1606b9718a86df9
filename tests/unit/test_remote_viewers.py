"""Whose pictures carry their name: who looks from outside the control room's networks, by whichever address they came."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import HTTPConnection

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import HubSettings
from belvedere.hub.review.remote import addresses_of, is_remote, networks_of
from belvedere.vision.masking.mark import paint_mark, place_at, plain
from masking_stage import planes, shot

USUAL = networks_of(tuple(HubSettings.model_validate({}).control_room_networks))
ROOM = networks_of(("10.20.0.0/16", "2001:db8:1::/64"))


def came_by(peer: str, **headers: str) -> list[str]:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return addresses_of(HTTPConnection({"type": "http", "client": (peer, 1), "headers": raw}))


def test_the_control_room_is_where_its_networks_are() -> None:
    for here in ("127.0.0.1", "::1", "10.1.2.3", "192.168.7.7", "::ffff:192.168.7.7", "fd00::1"):
        assert not is_remote([here], USUAL)
    for outside in ("203.0.113.9", "2001:db8::1", "", "testclient", "::ffff:203.0.113.9"):
        assert is_remote([outside], USUAL)
    assert not is_remote(["10.20.1.1"], ROOM) and not is_remote(["2001:db8:1::7"], ROOM)
    assert is_remote(["10.21.1.1"], ROOM) and is_remote(["127.0.0.1"], ROOM) and is_remote([], ROOM)


def test_a_proxy_does_not_make_everybody_local_and_a_header_makes_nobody_local() -> None:
    assert is_remote(came_by("127.0.0.1", x_forwarded_for="203.0.113.9"), USUAL)
    assert is_remote(came_by("127.0.0.1", x_forwarded_for="10.0.0.1, 203.0.113.9"), USUAL)  # the first was made up
    assert not is_remote(came_by("127.0.0.1", x_forwarded_for="203.0.113.9, 10.0.0.1"), USUAL)
    assert is_remote(came_by("203.0.113.9", x_forwarded_for="10.0.0.1"), USUAL)
    assert is_remote(came_by("127.0.0.1", x_forwarded_for="unknown"), USUAL)


def test_a_network_that_is_none_is_told() -> None:
    with pytest.raises(BadInput, match="control_room_networks"):
        networks_of(("10.20.0.0/99",))


def test_the_mark_is_in_the_picture_and_the_picture_is_still_there() -> None:
    before, _ = shot((), 0)
    after = before.copy()
    paint_mark(planes(after), 1_790_000_000 * SECOND_US, ("Ann Operator ABCDEFGH", "access YZWVUT12"))
    changed = before != after
    assert 800 < changed.sum() < before.size * 0.05
    assert not changed[360:].any()  # luma only
    untouched = before.copy()
    paint_mark(planes(untouched), 0, ())
    assert np.array_equal(untouched, before)


def test_the_mark_wanders_over_the_whole_picture_and_never_leaves_it() -> None:
    places = [place_at(second * SECOND_US, 400, 300) for second in range(300)]
    assert {0, 400} <= {x for x, _ in places} and {0, 300} <= {y for _, y in places}
    assert all(0 <= x <= 400 and 0 <= y <= 300 for x, y in places)


@given(st.text(max_size=200))
def test_any_name_becomes_letters_that_can_be_drawn(name: str) -> None:
    drawn = plain(name)
    assert len(drawn) <= 72 and drawn.isascii() and (drawn == "" or drawn.isprintable())


def test_accents_go_and_the_rest_stays_countable() -> None:
    assert plain("Zoë  Núñez") == "Zoe Nunez" and plain("李雷 X") == "?? X"


@given(st.integers(0, 2**53), st.lists(st.text(max_size=90), min_size=1, max_size=3))
def test_no_mark_is_too_long_for_a_picture(at_us: int, lines: list[str]) -> None:
    small = np.full((54, 48), 90, np.uint8)  # 48 x 36
    paint_mark(planes(small), at_us, lines)
