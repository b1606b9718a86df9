"""`belvedere import FOLDER` against a real recorder: plan, times, overlaps, bad files, and starting again."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.local import local_site
from belvedere.cli.main import app
from belvedere.foundation.clock import MINUTE_US, SECOND_US
from belvedere.foundation.errors import BelvedereError, Conflict
from belvedere.foundation.settings import load_settings
from belvedere.media.stream import Codec
from belvedere.site.imports.apart import examine_apart, units_apart
from belvedere.site.imports.walltime import to_us
from imports_stage import write_dav, write_video

START_US = to_us(datetime(2024, 11, 5, 20, 15, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class Place:
    """A data folder whose recorder runs, and a folder of an old one."""

    data: Path
    old: Path

    def run(self, *arguments: str, status: int = 0) -> str:
        done = CliRunner().invoke(app, ["import", str(self.old), *arguments, "--data", str(self.data)])
        if isinstance(done.exception, BelvedereError):
            raise done.exception
        assert done.exit_code == status, done.output
        return done.output

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with sqlite3.connect(f"file:{self.data / 'site' / 'index.db'}?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def runs(self) -> list[tuple[str, float, float]]:
        """Camera, begin and end of every run, in seconds from 20:15."""
        sql = (
            "SELECT c.slug, r.start_us, r.end_us FROM run r JOIN stream s ON s.id = r.stream_id "
            "JOIN camera c ON c.id = s.camera_id ORDER BY c.slug, r.start_us"
        )
        rows = self.rows(sql)
        return [
            (str(slug), round((int(str(a)) - START_US) / SECOND_US, 1), round((int(str(b)) - START_US) / SECOND_US, 1))
            for slug, a, b in rows
        ]


@contextmanager
def place(folder: Path) -> Iterator[Place]:
    settings = load_settings(folder / "data")
    with local_site(settings):
        yield Place(settings.data, folder / "old")


def test_a_folder_from_plan_to_footage_and_again(tmp_path: Path) -> None:
    old = tmp_path / "old"
    write_video(old / "CH01_20241105_201830_201834.mkv", seed=1)  # 20:15:10 by a right clock
    write_video(old / "CH01_20241105_201834_201838.mkv", seed=2)
    write_video(old / "CH01_20241105_201836_201842.mkv", 6, seed=3)  # overlaps the one before by 2 s
    write_video(old / "d" / "CH02_20241105_201830_201834.mkv", seed=4)
    (old / "CH02_20241105_202000_202004.mkv").write_bytes(b"no video at all" * 99)
    write_video(old / "other.mkv", seed=5)
    ordinary = ("--zone", "Europe/London", "--map", "1=gate", "--map", "*=old-{ch}", "--said-by", "Ada Li")
    clock = ("--clock-shows", "2024-11-06T10:03:20", "--really", "2024-11-06T10:00:00")
    with place(tmp_path) as here:
        plan = here.run(*ordinary, *clock, "--dry-run", status=1)
        assert "preset dvr (5 of 6 files)" in plan and "Clock correction -3m20s" in plan
        assert "2024-11-05 20:15:10" in plan and "can't be read as a video" in plan and "other.mkv" in plan
        assert here.runs() == [] and here.rows("SELECT slug FROM camera") == []

        told = here.run(*ordinary, *clock, status=1)
        assert "4 brought in, 0 there before, 0 left out, 1 bad" in told
        assert here.runs() == [
            ("gate", 10.0, 14.0),
            ("gate", 14.0, 18.0),
            ("gate", 18.0, 22.0),  # of the third file what was not there, from a keyframe on
            ("old-2", 10.0, 14.0),
        ]
        kept = [str(row[0]) for row in here.rows("SELECT provenance FROM run ORDER BY start_us")]
        assert "sha256:" in kept[0] and "zone Europe/London clock -3m20s" in kept[0] and "said by Ada Li" in kept[0]
        noted = here.rows("SELECT name, camera, offset_us, zone, said_by FROM imported_file ORDER BY name")
        assert noted[3] == ("d/CH02_20241105_201830_201834.mkv", "old-2", -200 * SECOND_US, "Europe/London", "Ada Li")

        (old / "CH01_20241105_201834_201838.mkv").rename(old / "CH03_20241105_201834_201838.mkv")
        again = here.run(*ordinary, *clock, status=1)
        assert "0 brought in, 4 there before" in again and "Brought in before as CH01_20241105_201834" in again
        assert len(here.runs()) == 4


def test_seams_between_files_lose_nothing(tmp_path: Path) -> None:
    """Names tell whole seconds: files that overlap by less are put one behind the other, B-frames or not."""
    old = tmp_path / "old"
    for number, second in enumerate((0, 3, 7)):  # the second overlaps the first by a second
        write_video(old / f"c{number}_{second}.mp4", seed=number, b_frames=2)
    for path in list(old.iterdir()):
        begins = int(path.stem.split("_")[1])
        path.rename(old / f"CH01_20241105_2015{begins:02d}_201559.mp4")
    with place(tmp_path) as here:
        here.run("--zone", "UTC", "--camera", "gate")
        runs = here.runs()
        assert [round(end - begin, 1) for _, begin, end in runs] == [4.0] * 3
        assert [begin for _, begin, _ in runs[1:]] == [end for _, _, end in runs[:-1]]


def test_times_from_file_dates(tmp_path: Path) -> None:
    for number in range(2):
        end_us = START_US + MINUTE_US + 4 * number * SECOND_US
        write_video(tmp_path / "old" / f"hiv0000{number}.mp4", seed=number, modified_us=end_us)
    with place(tmp_path) as here:
        here.run("--zone", "UTC", "--camera", "gate", "--offset", "+1m")
        assert here.runs() == [("gate", 116.0, 120.0), ("gate", 120.0, 124.0)]


def test_a_dahua_file_is_read(tmp_path: Path) -> None:
    recording = examine_apart(write_dav(tmp_path / "20.15.00-20.15.04[M][0@0][0].dav"), hashed=False)
    assert (recording.format, recording.codec, recording.width, float(recording.fps)) == ("dhav", Codec.H264, 64, 5.0)
    units = list(units_apart(recording))
    assert [unit.dts_90k - units[0].dts_90k for unit in units] == [18_000 * number for number in range(20)]
    assert [unit.keyframe for unit in units] == [number % 5 == 0 for number in range(20)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--camera", "gate"), "The zone of the recorder's clock is not known"),
        (("--zone", "Mars", "--camera", "gate"), "no time zone 'Mars'"),
        (("--zone", "UTC", "--pattern", "x{ch}.mp4", "--camera", "gate"), "No file in"),
        (("--zone", "UTC", "--offset", "1s", "--really", "2024-01-01", "--clock-shows", "2024-01-01"), "in two ways"),
        (("--zone", "UTC", "--map", "gate"), "--map 'gate' can't be understood"),
        (("--zone", "UTC", "--times", "guess"), "'guess' tells no time"),
        (("--zone", "UTC", "--overlap", "both"), "no way to treat overlaps"),
        (("--zone", "UTC", "--start", "2024-01-01T00:00:00Z"), "without --start"),
    ],
)
def test_what_is_refused_before_anything_starts(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    here = Place(tmp_path / "data", tmp_path / "old")
    here.old.mkdir()
    (here.old / "CH01_20241105_201500_201504.avi").write_bytes(b"x")
    with pytest.raises(BelvedereError, match=words):
        here.run(*arguments)


def test_overlap_stop_changes_nothing(tmp_path: Path) -> None:
    for second in (0, 2):
        write_video(tmp_path / "old" / f"CH01_20241105_20150{second}_201504.mkv", seed=second)
    with place(tmp_path) as here:
        with pytest.raises(Conflict, match="1 files overlap"):
            here.run("--zone", "UTC", "--camera", "gate", "--overlap", "stop")
        assert here.rows("SELECT slug FROM camera") == []
        here.run("--zone", "UTC", "--camera", "gate", "--overlap", "skip")
        assert here.runs() == [("gate", 0.0, 4.0)]


def test_a_folder_of_unknown_names(tmp_path: Path) -> None:
    here = Place(tmp_path / "data", tmp_path / "old")
    here.old.mkdir()
    (here.old / "a.mp4").write_bytes(b"x")
    with pytest.raises(BelvedereError, match="named like those of a known recorder"):
        here.run("--zone", "UTC", "--camera", "gate")
