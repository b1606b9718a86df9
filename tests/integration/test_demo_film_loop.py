"""Films as files: what the encoder writes plays everywhere, loops, repeats what repeats, and takes a running clock."""

import dataclasses
import shutil
import subprocess
from datetime import date
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from belvedere.demo import films
from belvedere.demo.cameras import camera_by_id
from belvedere.demo.film import Group, make
from belvedere.demo.footage import spans_between
from belvedere.demo.life import loop_actors
from belvedere.demo.picture import backdrop
from belvedere.demo.picture.clock import LiveClock
from belvedere.demo.picture.light import Light
from belvedere.demo.picture.render import Painter
from belvedere.demo.picture.sprites import SpriteBox
from belvedere.demo.rtsp.reel import load_reel
from belvedere.demo.scene import ActorState
from belvedere.demo.town import build_town
from belvedere.foundation.errors import BadMedia

PLAN = dataclasses.replace(camera_by_id("rowan-court"), width=640, height=360, sub_width=320, sub_height=176)


@pytest.fixture(scope="module")
def painter() -> Painter:
    return Painter(backdrop.survey(PLAN, build_town()), Light.DAY, SpriteBox())


def nobody(_second: float) -> tuple[ActorState, ...]:
    return ()


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    with av.open(str(path), "r") as container:
        return [np.asarray(frame.to_ndarray(format="yuv420p"), np.uint8) for frame in container.decode(video=0)]


def sizes(path: Path) -> list[tuple[int, bool]]:
    with av.open(str(path), "r") as container:
        return [(packet.size, packet.is_keyframe) for packet in container.demux(video=0) if packet.size]


@pytest.fixture(scope="module")
def film(painter: Painter, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Six groups: two with people, three quiet ones that repeat, one with people again."""
    folder = tmp_path_factory.mktemp("film")
    quiet = [Group(2.0 * k, nobody, ("quiet",)) for k in range(2, 5)]
    groups = [Group(0.0, loop_actors), Group(2.0, loop_actors), *quiet, Group(10.0, loop_actors)]
    paths = folder / "main.mp4", folder / "sub.mp4"
    make(painter, groups, lambda second: f"10:00:{int(second):02d}", *paths)
    return paths


def test_both_streams_last_as_long_as_their_groups(film: tuple[Path, Path]) -> None:
    for path, fps, size in zip(film, (10, 5), ((640, 360), (320, 176)), strict=True):
        frames = sizes(path)
        assert [k for k, (_, keyframe) in enumerate(frames) if keyframe] == [k * 2 * fps for k in range(6)]
        shown = pictures(path)
        assert len(shown) == len(frames) == 12 * fps
        assert shown[0].shape == (size[1] * 3 // 2, size[0])


def test_a_quiet_stretch_costs_little_and_its_clock_runs(film: tuple[Path, Path]) -> None:
    frames = sizes(film[0])
    quiet = [size for size, keyframe in frames[4 * 10 : 10 * 10] if not keyframe]
    busy = [size for size, keyframe in frames[: 4 * 10] if not keyframe]
    assert sum(quiet) < 0.2 * sum(busy) * len(quiet) / len(busy)
    shown = pictures(film[0])
    before, after = shown[7 * 10 - 1], shown[7 * 10]
    assert (before[:16] != after[:16]).any()
    np.testing.assert_array_equal(before[16:360], after[16:360])


def test_people_move_between_the_frames_of_a_busy_stretch(film: tuple[Path, Path]) -> None:
    shown = pictures(film[0])
    assert (np.abs(shown[3][16:360].astype(int) - shown[9][16:360]) > 30).sum() > 20


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="needs Debian's ffmpeg")
def test_another_decoder_reads_it_without_complaint(film: tuple[Path, Path]) -> None:
    for path in film:
        run = subprocess.run(
            ["ffmpeg", "-v", "warning", "-xerror", "-i", str(path), "-f", "null", "-"],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (run.returncode, run.stderr) == (0, b"")


def test_a_live_clock_is_written_onto_a_loop(film: tuple[Path, Path], tmp_path: Path) -> None:
    for path in film:
        reel = load_reel(path)
        clock = LiveClock(path)
        stream = b"".join(b"\0\0\0\1" + nal for nal in reel.parameter_sets)
        for turn in range(2):
            for k, unit in enumerate(reel.units):
                stream += b"".join(b"\0\0\0\1" + nal for nal in clock.stamp(unit.nals, f"1{turn}:30:{k // 12:02d}"))
        raw = tmp_path / f"{path.stem}.264"
        raw.write_bytes(stream)
        stamped, plain = pictures(raw), pictures(path) * 2
        assert len(stamped) == len(plain)
        for a, b in zip(stamped, plain, strict=True):
            # A motion vector may reach into the band from just below it: a step of brightness, no more.
            assert np.abs(a[16 : reel.height].astype(int) - b[16 : reel.height]).max() <= 4
        assert any((a[:16] != b[:16]).any() for a, b in zip(stamped, plain, strict=True))


def test_a_film_of_somebody_else_takes_no_clock(tmp_path: Path) -> None:
    path = tmp_path / "other.mp4"
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=5)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for _ in range(3):
            out.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        out.mux(stream.encode())
    with pytest.raises(BadMedia):
        LiveClock(path)


def test_a_second_start_makes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = films.live_film("alder-close-gate", tmp_path, quick=True)
    assert [file.stream for file in made] == ["main", "sub"]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(file.path.name for file in made)
    assert all(file.start_us is None and file.codec == "h264" for file in made)
    monkeypatch.setattr(films, "painter", None)
    assert films.live_film("alder-close-gate", tmp_path, quick=True) == made


def test_the_night_is_cut_into_what_is_filmed_and_what_repeats() -> None:
    plan = camera_by_id("juniper-entrance")
    spans = spans_between(plan, 77_000, 79_000)
    kinds = set()
    for k in range(400):
        group = films._group(spans, 77_000 + k * 3.0, 3.0)
        kinds.add(None if group.repeat is None else group.repeat[0])
        assert isinstance(group.actors(group.start_s), tuple)
    assert kinds == {None, "quiet", "idling"}


def test_every_camera_has_one_worker_and_quick_loops_come_first(tmp_path: Path) -> None:
    todo = films.tasks(None, False, tmp_path)
    shares = films.shares(todo, 2)
    assert sorted(map(str, [*shares[0], *shares[1]])) == sorted(map(str, todo))
    assert not {t.camera for t in shares[0]} & {t.camera for t in shares[1]}
    for share in shares:
        ranks = [0 if t.quick else 1 if t.incident is None else 2 for t in share]
        assert ranks == sorted(ranks)
        assert 0.4 < len(share) / len(todo) < 0.6
    nights = [task for task in todo if task.incident is not None]
    assert nights[0].incident == "gathering", "the longest first"


def test_no_worker_idles_while_another_has_work(tmp_path: Path) -> None:
    todo = films.tasks(None, False, tmp_path)
    queues = films.shares(todo, 2)
    own = [list(queue) for queue in queues]
    came: list[list[films.Task]] = [[], []]
    worker = 0
    while (
        task := films.take(queues, worker)
    ) is not None:  # the second is slow: it takes one for each three of the first
        came[worker].append(task)
        worker = 1 if len(came[0]) > 3 * len(came[1]) else 0
    assert sorted(map(str, came[0] + came[1])) == sorted(map(str, todo)), "each once"
    assert came[0][: len(own[0])] == own[0]
    assert came[0][len(own[0]) :] == own[1][len(came[1]) :][::-1], "what was left of the other's, from its end"
    assert films.take(queues, 1) is None


def test_old_films_and_drafts_are_tidied_away(tmp_path: Path) -> None:
    keep = tmp_path / f"live-x-main-{films.fingerprint()}.mp4"
    other = tmp_path / f"night-2026-01-01-fall-x-main-{films.fingerprint()}.mp4"
    for path in (keep, other, tmp_path / "live-x-main-0000.mp4", tmp_path / "live-x.12.part"):
        path.write_bytes(b"x")
    films.tidy(tmp_path, date(2026, 11, 21))
    assert [p.name for p in tmp_path.iterdir()] == [keep.name]
