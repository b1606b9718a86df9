"""What is lost when a process is killed or the power is cut, and what the index costs to ask.

The whole recorder runs: cameras over RTSP, ingest process, site process. Loss is the time from the cut to the end of the
footage that a fresh start finds, so it counts everything: pictures on their way, the fragment under way, what was not synced.
Peers, killed and cut at the same moments: ffmpeg writing 10 s MP4 segments, the usual recorder's layout.
"""

import json
import random
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog
from cuts import CutDisk, cut_disk, missing
from examine import examine
from films import street_film
from record import PYTHON, SEGMENT_S, drain, spawn, wait_line
from table import Claim

from belvedere.foundation.clock import DAY_US, MINUTE_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.site.storage.index import Index, statements

CAMERAS = 2
CUTS_A_DISK = 100
SETTINGS = "[site]\nmin_free_bytes = 100000000\nsegment_seconds = 20\n"
_EXAMINE = str(Path(__file__).parent / "examine.py")
_PLAYABLE = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "json"]


class Recorder:
    """Site and ingest process on one data folder; each start is a start after whatever happened before."""

    def __init__(self, data: Path, port: int) -> None:
        self.data = data
        self.port = port
        self._processes: list[subprocess.Popen[str]] = []
        (data / "belvedere.toml").write_text(SETTINGS)

    def start(self) -> None:
        """Returns when every camera has durable footage of this start."""
        settings = load_settings(self.data)
        began_us = SystemClock().now_us()
        site = spawn(PYTHON, "-m", "belvedere.site.serve", "--data", str(self.data))
        self._processes.append(site)
        wait_line(site, "ready")
        drain(site)
        with BlockingSiteLink(settings.link_socket) as link:
            known = {camera.camera for camera in link.status().cameras}
            for index in range(CAMERAS):
                if f"cam{index}" not in known:
                    link.put_camera(f"cam{index}", f"cam{index}", f"rtsp://127.0.0.1:{self.port}/cam{index}", "")
            ingest = spawn(PYTHON, "-m", "belvedere.site.ingest.serve", "--socket", str(settings.ingest_socket))
            self._processes.append(ingest)
            wait_line(ingest, "ready")
            drain(ingest)
        deadline = time.monotonic() + 120  # whatever else the machine does
        while min(self.durable_us().values(), default=0) < began_us:
            if time.monotonic() > deadline:
                raise SystemExit("the recorder did not begin to record")
            time.sleep(0.1)

    def durable_us(self) -> dict[str, int]:
        """How far each camera's footage is known to be durable: what the recorder acknowledges."""
        with BlockingSiteLink(load_settings(self.data).link_socket) as link:
            lines = link.timeline([f"cam{n}" for n in range(CAMERAS)], "main", 0, 1 << 60).cameras
        return {line.camera: line.runs[-1].end_us for line in lines if line.runs}

    def kill(self, victim: str) -> float:
        """SIGKILL to the site, the ingest process or both; wall seconds of that moment. The survivor ends by itself or is ended."""
        site, ingest = self._processes
        victims = {"site": [site], "ingest": [ingest], "both": [site, ingest]}[victim]
        at = time.time()
        for process in victims:
            process.send_signal(signal.SIGKILL)
        if victim == "ingest":
            ingest.wait()
            self.stop()
        else:
            for process in self._processes:
                process.wait(120)
            self._processes.clear()
        return at

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            process.wait(120)
        self._processes.clear()


@contextmanager
def cameras(film: Path) -> Iterator[int]:
    """The port of an RTSP server that shows `film` for every camera."""
    server = spawn(PYTHON, str(Path(__file__).parent / "load_server.py"), str(film), str(CAMERAS + 1))
    try:
        port = int(str(wait_line(server, "port")["port"]))
        drain(server)
        yield port
    finally:
        server.terminate()
        server.wait(10)


class Segments:
    """One ffmpeg that writes 10 s MP4 segments."""

    def __init__(self, port: int, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self._process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "quiet", "-rtsp_transport", "tcp", "-i", f"rtsp://127.0.0.1:{port}/cam{CAMERAS}",
             "-an", "-c", "copy", "-f", "segment", "-segment_time", str(SEGMENT_S), "-reset_timestamps", "1",
             str(folder / "s-%05d.mp4")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        while not any(folder.iterdir()):
            if self._process.poll() is not None:
                raise SystemExit("ffmpeg did not begin to record")
            time.sleep(0.02)
        self.began = time.time()

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


def playable_s(folder: Path) -> float:
    """Seconds of the segments that ffprobe can open. Those before the last four count as whole, unseen, in the peer's favour."""
    segments = sorted(folder.glob("s-*.mp4"))
    total = float(SEGMENT_S * len(segments[:-4]))
    for segment in segments[-4:]:
        done = subprocess.run([*_PLAYABLE, str(segment)], capture_output=True, text=True)
        if done.returncode == 0:
            total += float(json.loads(done.stdout).get("format", {}).get("duration", 0.0))
    return total


class Losses:
    """What a row of crashes cost."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.theirs: list[float] = []
        self.broken_promises = 0  # acknowledged, then not there
        self.problems = 0
        self.unexplained = 0

    def count(self, at: float, acknowledged: dict[str, int], found: dict[str, object]) -> None:
        ends = found["ends"]
        assert isinstance(ends, dict)
        self.seconds.append(max(at - end_us / 1e6 for end_us in ends.values()))
        self.broken_promises += sum(ends.get(camera, 0) < until_us for camera, until_us in acknowledged.items())
        problems, unexplained = found["problems"], found["unexplained"]
        assert isinstance(problems, list) and isinstance(unexplained, int)
        self.problems += len(problems)
        self.unexplained += unexplained

    def claims(self, what: str, goal_s: float) -> list[Claim]:
        worst = max(self.seconds)
        name = f"{what}, {len(self.seconds)} times"
        peer = "ffmpeg, 10 s MP4 segments" if self.theirs else ""
        theirs = max(self.theirs) if self.theirs else None
        middle = statistics.median(self.theirs) if self.theirs else None
        return [
            Claim(f"{name}: worst loss", f"<= {goal_s:g}", worst, "s", peer, theirs, worst <= goal_s),
            Claim(f"{name}: median loss", "", statistics.median(self.seconds), "s", peer, middle),
            Claim(f"{name}: acknowledged, then lost", "0", self.broken_promises, "streams", ok=not self.broken_promises),
            Claim(f"{name}: index or seal wrong", "0", self.problems, "findings", ok=not self.problems),
            Claim(f"{name}: gaps without a reason", "0", self.unexplained, "runs", ok=not self.unexplained),
        ]  # fmt: skip


def kills(port: int, count: int, chance: random.Random) -> list[Claim]:
    """SIGKILL at random moments, to each process in turn."""
    losses = Losses()
    with tempfile.TemporaryDirectory(prefix="bv-kills-") as folder:
        recorder = Recorder(Path(folder), port)
        for number in range(count):
            recorder.start()
            time.sleep(chance.uniform(0.2, 2.5))
            acknowledged = recorder.durable_us()
            at = recorder.kill(("site", "ingest", "both")[number % 3])
            done = subprocess.run([PYTHON, _EXAMINE, folder], capture_output=True, text=True, check=True)
            losses.count(at, acknowledged, json.loads(done.stdout))
            if len(losses.seconds) % 50 == 0:
                print(f"{len(losses.seconds)} of {count} kills", file=sys.stderr, flush=True)
        if shutil.which("ffmpeg"):
            running = [Segments(port, Path(folder) / f"ff{n}") for n in range(4)]
            for number, peer in enumerate(running):
                time.sleep(chance.uniform(9, 15) if number == 0 else chance.uniform(1, 3))
                peer.kill()
                losses.theirs.append(max(0.0, time.time() - peer.began - playable_s(peer.folder)))
    return losses.claims("kill -9 of a process", 1.0)


def power(port: int, count: int, chance: random.Random, *, beside_ffmpeg: bool) -> Losses:
    """Power cuts at random moments while everything goes on; a new disk every CUTS_A_DISK, so that looking stays quick."""
    losses = Losses()
    for done in range(0, count, CUTS_A_DISK):
        _one_disk(port, min(CUTS_A_DISK, count - done), chance, losses, beside_ffmpeg=beside_ffmpeg)
        print(f"{len(losses.seconds)} of {count} power cuts", file=sys.stderr, flush=True)
    return losses


def _one_disk(port: int, count: int, chance: random.Random, losses: Losses, *, beside_ffmpeg: bool) -> None:
    with cut_disk() as disk:
        recorder = Recorder(disk.folder, port)
        peer: Segments | None = None
        try:
            recorder.start()
            if beside_ffmpeg:
                peer = Segments(port, disk.folder / "ff")
                time.sleep(SEGMENT_S + 2)  # its first segment is complete
            for _ in range(count):
                time.sleep(chance.uniform(0.1, 2.0))
                _one_cut(disk, recorder, peer, losses)
        finally:
            if peer:
                peer.kill()
            recorder.stop()


def _one_cut(disk: CutDisk, recorder: Recorder, peer: Segments | None, losses: Losses) -> None:
    acknowledged = recorder.durable_us()
    copy = disk.cut()
    at = time.time()  # the copy was made up to now, so the loss is told a little too large rather than too small

    def look() -> str:
        return json.dumps([examine(disk.folder), playable_s(peer.folder) if peer else 0.0])

    found, playable = json.loads(disk.look(copy, look))
    losses.count(at, acknowledged, found)
    if peer:
        losses.theirs.append(max(0.0, at - peer.began - playable))


def timeline(days: int, chance: random.Random) -> list[Claim]:
    """A camera-day out of an index of 60 cameras with two streams each, a run of four hours after the other."""
    with tempfile.TemporaryDirectory(prefix="bv-index-") as folder:
        index = Index(Path(folder) / "index.db", SystemClock())
        try:
            _fill(index.path, days)
            took: list[float] = []
            for _ in range(400):
                from_us = chance.randrange(days) * DAY_US
                asked = {
                    "camera": f"cam{chance.randrange(60)}",
                    "stream": "main",
                    "from_us": from_us,
                    "to_us": from_us + DAY_US,
                }
                began = time.perf_counter()
                rows = index.read().execute(statements()["timeline"], asked).fetchall()
                took.append((time.perf_counter() - began) * 1000)
                assert 6 <= len(rows) <= 8
        finally:
            index.close()
    middle = statistics.median(took)
    name = f"timeline of a camera-day from {days} days x 60 cameras"
    return [Claim(name, "< 1 median", middle, "ms", ok=middle < 1)]


def _fill(path: Path, days: int) -> None:
    """Rows as a recorder would have written them; the fragment records are left out, for the timeline does not read them."""
    db = sqlite3.connect(path)
    db.executescript("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; BEGIN;")
    db.execute("INSERT INTO disk (id, uuid, path, created_us) VALUES (1, 'u', 'p', 0)")
    run_us = 4 * 60 * MINUTE_US
    streams = [(s, s // 2, kind) for s, kind in ((n, ("main", "sub")[n % 2]) for n in range(120))]
    db.executemany("INSERT INTO camera (id, slug, name, enabled, created_us) VALUES (?, ?, ?, 1, 0)",
                   [(c + 1, f"cam{c}", f"cam{c}") for c in range(60)])  # fmt: skip
    db.executemany(
        "INSERT INTO stream (id, camera_id, kind) VALUES (?, ?, ?)", [(s + 1, c + 1, k) for s, c, k in streams]
    )
    for number in range(days * 6):
        start_us = number * run_us
        db.executemany(
            "INSERT INTO run (stream_id, config_id, boot_id, start_us, end_us, end_reason) VALUES (?, 1, 1, ?, ?, 'crash')",
            [(s + 1, start_us, start_us + run_us - 1) for s, _, _ in streams],
        )
    db.executemany(
        "INSERT INTO segment (stream_id, run_id, config_id, disk_id, boot_id, seq, ordinal, day, start_us, dur_us, "
        "media_start_90k, media_dur_90k, rate_ppm, kept_from_us, bytes, plain_bytes, sha256, flags, lost_packets, path, fragments) "
        "VALUES (?, 1, 1, 1, 1, ?, 0, ?, ?, 60000000, 0, 5400000, 0, ?, 30000000, 30000000, x'00', 0, 0, 'p', x'')",
        ((s + 1, m * 120 + s, m // 1440, m * MINUTE_US, m * MINUTE_US) for m in range(days * 1440) for s in range(120)),
    )
    db.commit()
    db.close()


def bench(*, quick: bool) -> list[Claim]:
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    chance = random.Random(3)
    claims: list[Claim] = []
    with cameras(street_film()) as port:
        claims += kills(port, 6 if quick else 300, chance)
        why = missing()
        if why:
            print(f"No power is cut here: {why}.")
        else:
            losses = power(port, 12 if quick else 1000, chance, beside_ffmpeg=shutil.which("ffmpeg") is not None)
            claims += losses.claims("power cut", 2.0)
    return claims + timeline(3 if quick else 31, chance)
