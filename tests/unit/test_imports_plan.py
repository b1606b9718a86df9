"""The plan for a recorder's folder: cameras, times, the hour that came twice, overlaps, and what is bad."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US
from belvedere.foundation.errors import BadInput, BadMedia
from belvedere.media.stream import Codec
from belvedere.site.imports.folder import FolderFile, Planned, Rules, State, Times, plan, scan
from belvedere.site.imports.names import NamePattern
from belvedere.site.imports.recording import Recording
from belvedere.site.imports.walltime import local_of, to_us

LONDON = ZoneInfo("Europe/London")
PATTERN = NamePattern("CH{ch}_{start:YYYYMMDD_hhmmss}*.avi")
NOW_US = to_us(datetime(2026, 11, 22, tzinfo=UTC))
QUARTER_US = 15 * MINUTE_US


def files(*names: str, modified_us: int = 0) -> list[FolderFile]:
    found = []
    for name in names:
        parts = PATTERN.match(name)
        assert parts is not None
        found.append(FolderFile(Path("/f") / name, name, 1000, modified_us, parts))
    return found


def recording(path: Path, duration_us: int = QUARTER_US) -> Recording:
    return Recording(path, "", "avi", "h264", Codec.H264, 64, 48, Fraction(25), duration_us, None)


def planned(
    found: list[FolderFile],
    rules: Rules | None = None,
    *,
    taken: Iterable[tuple[int, int]] = (),
    duration_us: int = QUARTER_US,
) -> list[Planned]:
    rules = rules or Rules(LONDON, cameras={"*": "old-{ch}"})
    return plan(found, rules, lambda p: recording(p, duration_us), lambda *_: taken, NOW_US)


@given(
    st.integers(1_400_000_000, 1_760_000_000),
    st.integers(-HOUR_US, HOUR_US),
    st.lists(st.integers(60, 1800), min_size=1, max_size=30),
)
def test_unbroken_recording_stays_unbroken_through_every_change_of_the_clock(
    begin_s: int, offset_us: int, lengths: list[int]
) -> None:
    """Whatever the night: files that followed each other without a hole are planned at their true times."""
    true_us = begin_s * SECOND_US
    found, expected, durations = [], [], {}
    for number, seconds in enumerate(lengths):
        shown = local_of(true_us - offset_us, LONDON).replace(microsecond=0)
        (file,) = files(f"CH01_{shown:%Y%m%d_%H%M%S}_{number}.avi", modified_us=true_us)
        found.append(file)
        expected.append(true_us - (true_us - offset_us) % SECOND_US)
        durations[file.path] = seconds * SECOND_US
        true_us += seconds * SECOND_US
    rules = Rules(LONDON, offset_us=offset_us, cameras={"*": "old"})
    result = plan(found, rules, lambda p: recording(p, durations[p]), lambda *_: (), NOW_US)
    first_twice = next((at for at, one in enumerate(result) if any("twice" in note for note in one.notes)), None)
    if first_twice == 0:
        return  # nothing came before: which hour it is can't be known, and the plan says so
    assert [one.start_us for one in result] == expected
    assert all(one.state is State.IMPORT for one in result)


def test_the_hour_that_came_twice_with_files_at_the_same_minutes() -> None:
    names = [f"CH01_20241027_{at}.avi" for at in ("004500", "010000", "011500", "013000", "014500")]
    again = [f"CH01_20241027_{at}_b.avi" for at in ("010000", "011500", "013000", "014500")]
    later = ["CH01_20241027_020000.avi"]
    result = planned(files(*names, modified_us=1) + files(*again, modified_us=2) + files(*later))
    assert [one.start_us - result[0].start_us for one in result] == [QUARTER_US * n for n in range(10)]
    assert [one.file.name for one in result] == names + again + later
    assert all("came twice" in one.notes[0] for one in result[1:9])
    assert "as the second" in result[5].notes[0]


def test_a_time_that_summer_time_skipped_is_said() -> None:
    (one,) = planned(files("CH01_20240331_013000.avi"))
    assert one.start_us == to_us(datetime(2024, 3, 31, 1, 30, tzinfo=UTC))
    assert "did not exist" in one.notes[0]


def test_cameras_by_channel() -> None:
    rules = Rules(LONDON, cameras={"1": "gate", "*": "old-{ch}"})
    result = planned(files("CH01_20241105_201500.avi", "CH16_20241105_201500.avi"), rules)
    assert [one.camera for one in result] == ["gate", "old-16"]
    (one,) = planned(files("CH02_20241105_201500.avi"), Rules(LONDON, cameras={"1": "gate"}))
    assert (one.state, one.notes) == (State.BAD, ("No camera is given for it: --map 2=CAMERA.",))
    with pytest.raises(BadInput):
        planned(files("CH02_20241105_201500.avi"), Rules(LONDON, cameras={"2": "No Slug"}))


def test_overlaps() -> None:
    name = files("CH01_20241105_201500.avi")
    start = to_us(datetime(2024, 11, 5, 20, 15, tzinfo=UTC))
    end = start + QUARTER_US
    (one,) = planned(name, taken=[(start - HOUR_US, start + SECOND_US // 2)])
    assert one.state is State.IMPORT, "less than a second is how names round"
    (one,) = planned(name, taken=[(start + MINUTE_US, start + 2 * MINUTE_US)])
    assert (one.state, one.wanted) == (State.PARTLY, True) and "60 s" in one.notes[0]
    rules = Rules(LONDON, cameras={"*": "old"}, trim=False)
    (one,) = planned(name, rules, taken=[(start + MINUTE_US, start + 2 * MINUTE_US)])
    assert (one.state, one.wanted) == (State.OVERLAP, False)
    (one,) = planned(name, taken=[(start - HOUR_US, end)])
    assert one.state is State.OVERLAP


def test_files_of_one_folder_that_overlap() -> None:
    result = planned(files("CH01_20241105_201500.avi", "CH01_20241105_202000.avi", "CH01_20241105_203500.avi"))
    assert [one.state for one in result] == [State.IMPORT, State.PARTLY, State.IMPORT]


def test_times_from_the_files_date() -> None:
    found = files("CH01_20241105_201500.avi", modified_us=NOW_US - HOUR_US)
    rules = Rules(LONDON, offset_us=-MINUTE_US, times=Times.MODIFIED_END, cameras={"*": "old"})
    (one,) = planned(found, rules)
    assert (one.start_us, one.end_us) == (NOW_US - HOUR_US - MINUTE_US - QUARTER_US, NOW_US - HOUR_US - MINUTE_US)
    (one,) = planned(found, Rules(UTC, times=Times.MODIFIED, cameras={"*": "old"}))
    assert one.start_us == NOW_US - HOUR_US


def test_what_is_bad_stops_nothing() -> None:
    def examine(path: Path) -> Recording:
        if "03" in path.name:
            raise BadMedia(f"{path.name} is empty.")
        if "04" in path.name:
            raise PermissionError(13, "Permission denied")
        return recording(path)

    future = local_of(NOW_US + HOUR_US, LONDON)
    names = ["CH01_20241105_201500.avi", "CH03_20241105_201500.avi", "CH04_20241105_201500.avi"]
    found = files(*names, f"CH05_{future:%Y%m%d_%H%M%S}.avi")
    result = plan(found, Rules(LONDON, cameras={"*": "old-{ch}"}), examine, lambda *_: (), NOW_US)
    assert [(one.camera, one.state) for one in result] == [
        ("old-1", State.IMPORT),
        ("old-3", State.BAD),
        ("old-4", State.BAD),
        ("old-5", State.BAD),
    ]
    assert [one.notes[0] for one in result[1:]] == [
        "is empty.",
        "It can't be read: Permission denied.",
        "It would lie in the future: check the times.",
    ]


def test_a_name_that_tells_another_length() -> None:
    pattern = NamePattern("CH{ch}_{start:YYYYMMDD_hhmmss}_{end:hhmmss}.avi")
    parts = pattern.match("CH01_20241105_201500_203000.avi")
    assert parts is not None
    file = FolderFile(Path("/f/a.avi"), "a.avi", 1, 0, parts)
    (one,) = planned([file], duration_us=600 * SECOND_US)
    assert one.notes == ("Its name says 900 s; it holds 600 s.",)
    (one,) = planned([file], duration_us=0)
    assert one.end_us - one.start_us == QUARTER_US, "a raw file tells no length: the name does"


def test_a_folder_is_scanned(tmp_path: Path) -> None:
    for name in ("b/CH01_20241105_201500.avi", "a/CH02_20241105_201500.avi", "a/odd.avi", "a/shot.jpg", ".x/CH03.avi"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * 10)
    (tmp_path / "loop").symlink_to(tmp_path)
    found, others = scan(tmp_path, PATTERN)
    assert [file.name for file in found] == ["a/CH02_20241105_201500.avi", "b/CH01_20241105_201500.avi"]
    assert found[0].bytes == 10 and timedelta(microseconds=NOW_US - found[0].modified_us) < timedelta(days=4000)
    assert others == ["a/odd.avi"]
