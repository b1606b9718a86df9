"""Where a hub of several processes answers what, and which settings it refuses."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.processes.homes import Home, home_of, process_of
from belvedere.hub.processes.several import check_shared
from door_table import DOORS

_NAMES = st.lists(st.text("0123456789abcdef", min_size=8, max_size=8), min_size=1, max_size=6, unique=True)


@pytest.mark.parametrize(
    ("method", "path", "home"),
    [
        ("GET", "/healthz/ready", Home.HERE),
        ("GET", "/log/tile/0/000", Home.HERE),
        ("GET", "/cases", Home.HERE),
        ("GET", "/api/live", Home.PERSON),
        ("GET", "/api/play/gate/main.m3u8", Home.PERSON),
        ("POST", "/api/devices/gate/move", Home.PERSON),
        ("POST", "/api/dwell/notes", Home.PERSON),
        ("POST", "/api/dwell/notes/note_1/end", Home.CHAIR),
        ("POST", "/log/cosignature", Home.CHAIR),
        ("GET", "/metrics", Home.CHAIR),
        ("GET", "/page/abc", Home.CHAIR),
        ("POST", "/api/session", Home.CHAIR),
        ("GET", "/api/liveliness", Home.CHAIR),
    ],
)
def test_what_is_held_in_memory_has_one_home(method: str, path: str, home: Home) -> None:
    assert home_of(method, path) is home


def test_nothing_that_changes_anything_is_done_just_anywhere() -> None:
    for door in DOORS:
        method, path = door.split(" ", 1)
        if method not in ("GET", "WS"):
            assert home_of(method, path) is not Home.HERE, door
        elif path.startswith("/api/"):
            assert home_of("GET", path) is not Home.HERE, door


@given(_NAMES, st.text(min_size=1, max_size=20))
def test_a_process_that_goes_moves_its_own_people_only(living: list[str], account: str) -> None:
    has = process_of(account, living)
    assert has in living
    for gone in living:
        left = [each for each in living if each != gone]
        assert process_of(account, left) == ("" if not left else has) or gone == has


def test_people_are_spread() -> None:
    shares = Counter(process_of(f"account_{number}", ("a", "b", "c", "d")) for number in range(4000))
    assert all(800 < share < 1200 for share in shares.values())


def settings_of(data: Path, **hub: object) -> Settings:
    settings = load_settings(data)
    for name, value in hub.items():
        setattr(settings.hub, name, value)
    return settings


def test_settings_that_could_not_work_are_refused_in_words(tmp_path: Path) -> None:
    postgres, bus = "postgresql://hub@db/belvedere", "nats://127.0.0.1:4222"
    check_shared(settings_of(tmp_path))
    check_shared(settings_of(tmp_path, database_url=postgres, bus=bus, processes=4))
    for wrong, words in (
        ({"processes": 2}, "need a message bus"),
        ({"processes": 2, "database_url": postgres}, "need a message bus"),
        ({"processes": 2, "bus": bus}, "PostgreSQL"),
        ({"database_url": postgres, "bus": "http://127.0.0.1"}, "no NATS server"),
    ):
        with pytest.raises(BadSettings, match=words):
            check_shared(settings_of(tmp_path, **wrong))
