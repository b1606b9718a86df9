"""Three hundred cameras on one site: what is lost, and what happens when all of them drop at the same moment.

Each sends what a camera's second stream is (640x360, 5 pictures a second, 0.15 Mbit/s): the load of 300 full streams is what
`bench record` measures; this one is about their number. The load server runs beside the recorder and uses the same processors.
Counted are the site's process and the ingest processes. Counts hold on a machine that does other things too; times do not, and
connects are counted when the load server takes them, which may be several at once where it was kept waiting.
"""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from films import small_film
from record import PYTHON, drain, measure, spawn, wait_line
from table import Claim

from belvedere.demo.rtsp.reel import load_reel
from belvedere.demo.rtsp.server import RtspServer, Session
from belvedere.foundation.clock import SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.link.messages import StreamStatus

CAMERAS = 300
PATIENCE_S = 600.0  # on a machine that does much else
DURABLE_S = 60.0


class Sessions(set[Session]):
    """The server's connections, and when each came."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[float] = []

    def add(self, session: Session) -> None:
        self.came.append(time.monotonic())
        super().add(session)


async def serve(film: Path, cameras: int) -> None:
    """Serves, and obeys lines on standard input: `drop` cuts every connection, `tell` says what was counted since."""
    loop = asyncio.get_running_loop()
    orders = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    async with RtspServer(SystemClock()) as server:
        sessions = server.sessions = Sessions()
        reel = load_reel(film)
        for index in range(cameras):
            server.add(f"cam{index}", reel)
        print(json.dumps({"port": server.port}), flush=True)
        while order := (await orders.readline()).strip():
            if order == b"drop":
                cut = len(sessions)
                sessions.came.clear()
                for session in list(sessions):
                    session.close()
                print(json.dumps({"cut": cut}), flush=True)
            else:
                came = sessions.came
                most = max((sum(at <= other < at + 1 for other in came) for at in came), default=0)
                told = {"came": len(came), "most": most, "open": len(sessions), "slow": server.closed_slow}
                print(json.dumps(told), flush=True)


class Load:
    """The server, as the bench sees it."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.port = int(str(wait_line(process, "port")["port"]))

    def ask(self, order: str, key: str) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(order + "\n")
        self.process.stdin.flush()
        return dict(wait_line(self.process, key))


@contextmanager
def load(film: Path, cameras: int) -> Iterator[Load]:
    process = subprocess.Popen(
        [PYTHON, __file__, str(film), str(cameras)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield Load(process)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def recorder(data: Path, port: int, cameras: int) -> Iterator[tuple[BlockingSiteLink, list[int]]]:
    """Site and ingest processes with all cameras set up; the link to them and their process numbers."""
    settings = load_settings(data)
    settings.socket_folder.mkdir(parents=True, exist_ok=True)
    running = [spawn(PYTHON, "-m", "belvedere.site.serve", "--data", str(data))]
    try:
        wait_line(running[0], "ready")
        drain(running[0])
        with BlockingSiteLink(settings.link_socket) as link:
            for index in range(cameras):
                link.put_camera(f"cam{index}", f"cam{index}", f"rtsp://127.0.0.1:{port}/cam{index}", "")
            for slot in range(-(-cameras // settings.site.cameras_per_process)):
                socket = str(settings.ingest_socket)
                worker = spawn(PYTHON, "-m", "belvedere.site.ingest.serve", "--socket", socket, "--slot", str(slot))
                running.append(worker)
                wait_line(worker, "ready")
                drain(worker)
            yield link, [process.pid for process in running]
    finally:
        for process in reversed(running):
            process.terminate()
        for process in reversed(running):
            process.wait(120)


def streams(link: BlockingSiteLink) -> list[StreamStatus]:
    return [stream for camera in link.status().cameras for stream in camera.streams]


def all_recording(link: BlockingSiteLink, cameras: int, since_us: int) -> float:
    """Seconds until every camera records and has sent a picture after `since_us`."""
    began = time.monotonic()
    while True:
        good = sum(s.state == "recording" and s.last_frame_us > since_us for s in streams(link))
        if good == cameras:
            return time.monotonic() - began
        if time.monotonic() - began > PATIENCE_S:
            kinds = Counter(f"{s.state}: {s.message}" for s in streams(link)).most_common(4)
            raise SystemExit(f"only {good} of {cameras} cameras are recording. {kinds}")
        time.sleep(0.1)


def bench(*, quick: bool) -> list[Claim]:
    film = small_film()
    cameras, seconds = CAMERAS, 20.0 if quick else 60.0
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="bv-scale-") as folder, load(film, cameras) as server:
        data = Path(folder)
        (data / "belvedere.toml").write_text("[site]\nmin_free_bytes = 100000000\n")
        with recorder(data, server.port, cameras) as (link, pids):
            first_s = all_recording(link, cameras, 0)
            before = server.ask("tell", "came")
            used = measure(pids, seconds)
            now = streams(link)
            lost, again = sum(s.lost_packets for s in now), sum(s.reconnects for s in now)
            since_us = clock.now_us()
            cut = server.ask("drop", "cut")["cut"]
            back_s = all_recording(link, cameras, since_us)
            time.sleep(5)  # those that would come a second time come now
            after = server.ask("tell", "came")
            lost_then = sum(s.lost_packets for s in streams(link)) - lost
            names = [f"cam{index}" for index in range(cameras)]
            lines = link.timeline(names, "main", 0, 1 << 60).cameras
            waited = time.monotonic()  # a row follows its sync: 300 files on a busy disk take their time
            while any(len(line.runs) < 2 for line in lines) and time.monotonic() - waited < DURABLE_S:
                time.sleep(0.5)
                lines = link.timeline(names, "main", 0, 1 << 60).cameras
            durable_s = time.monotonic() - waited
            runs = [len(line.runs) for line in lines]
            unexplained = sum(not run.end_reason for line in lines for run in line.runs[:-1])
            reasons = Counter(run.end_reason for line in lines for run in line.runs[:-1])
            print(f"runs ended for: {dict(reasons)}; cut: {cut}", flush=True)
    name = f"{cameras} cameras, 0.15 Mbit/s"
    return [
        Claim(f"{name}: all recording after the start", "", first_s, "s"),
        Claim(f"{name}: connects for that", str(cameras), before["came"], "connects", ok=before["came"] == cameras),
        Claim(f"{name}: connects taken in the busiest second", "", before["most"], "connects"),
        Claim(f"{name}: RTP packets missed in {seconds:.0f} s", "0", lost, "packets", ok=lost == 0),
        Claim(f"{name}: reconnects meanwhile", "0", again, "reconnects", ok=again == 0),
        Claim(f"{name}: connections that the load server closed as too slow", "0", after["slow"], "", ok=after["slow"] == 0),
        Claim(f"{name}: CPU", "", used.cpu_s / (cameras * seconds) * 1000, "ms CPU per camera-second"),
        Claim(f"{name}: memory", "", used.pss_bytes / cameras / 1e6, "MB PSS per camera"),
        Claim(f"all {cut} cut at once: until the last records again", "", back_s, "s"),
        Claim("all cut at once: from 5 s later until all have footage in the index", "", durable_s, "s"),
        Claim("all cut at once: connects until then", str(cut), after["came"], "connects", ok=after["came"] == cut),
        Claim("all cut at once: connects taken in the busiest second", "", after["most"], "connects"),
        Claim("all cut at once: RTP packets missed since", "0", lost_then, "packets", ok=lost_then == 0),
        Claim("all cut at once: cameras without a gap in their timeline for it", "0", runs.count(1), "cameras", ok=1 not in runs),
        Claim("all cut at once: gaps without a reason", "0", unexplained, "runs", ok=unexplained == 0),
    ]  # fmt: skip


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
