"""Recording: CPU and memory per camera of the whole recorder (ingest, sealing, hashing, index) against ffmpeg.

Peers in the same run: one `ffmpeg -c copy -f segment` process per camera, and the usual NVR pipeline on top of that: ffprobe
and a faststart copy of every 10 s segment. Rounds are interleaved; the median round counts. Counted are the site's process and
the ingest processes, with all that runs in them; not the confined processes that decode pictures for activity, health and masks.
"""

import json
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import IO

from films import street_film
from meter import Usage, total
from table import Claim

from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink

PYTHON = sys.executable
SEGMENT_S = 10
SAMPLE_S = 0.9  # between two looks at memory; no fraction of the film's two seconds between keyframes


def wait_line(process: "subprocess.Popen[str]", key: str) -> dict[str, object]:
    """The first JSON line of a process that has `key`."""
    assert process.stdout is not None
    for line in process.stdout:
        said = json.loads(line)
        if key in said:
            assert isinstance(said, dict)
            return said
    raise SystemExit(f"{process.args!r} ended before it was ready")


def spawn(*command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def measure(pids: list[int], seconds: float) -> Usage:
    """CPU used in the next `seconds`, and the mean of memory meanwhile: it swings with the groups of pictures held for viewers."""
    before = after = total(pids)
    held = [before.pss_bytes]
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, SAMPLE_S))
        after = total(pids)
        held.append(after.pss_bytes)
    return Usage(after.cpu_s - before.cpu_s, round(statistics.mean(held)))


def drain(process: "subprocess.Popen[str]") -> None:
    """Keep a chatty process's pipe from filling."""
    threading.Thread(target=_read_out, args=(process.stdout,), daemon=True).start()


def _read_out(pipe: IO[str]) -> None:
    with pipe:
        for _ in pipe:
            pass


def belvedere(port: int, cameras: int, seconds: float) -> tuple[Usage, int]:
    """Usage of our site and ingest processes, and RTP packets that they missed."""
    with tempfile.TemporaryDirectory(prefix="bv-bench-") as folder:
        settings = load_settings(Path(folder))
        settings.socket_folder.mkdir(parents=True, exist_ok=True)
        site = spawn(PYTHON, "-m", "belvedere.site.serve", "--data", folder)
        wait_line(site, "ready")
        drain(site)
        ingest: list[subprocess.Popen[str]] = []
        try:
            with BlockingSiteLink(settings.link_socket) as link:
                for index in range(cameras):
                    link.put_camera(f"cam{index}", f"cam{index}", f"rtsp://127.0.0.1:{port}/cam{index}", "")
                slots = -(-cameras // settings.site.cameras_per_process)
                for slot in range(slots):
                    worker = spawn(
                        PYTHON, "-m", "belvedere.site.ingest.serve",
                        "--socket", str(settings.ingest_socket), "--slot", str(slot),
                    )  # fmt: skip
                    wait_line(worker, "ready")
                    drain(worker)
                    ingest.append(worker)
                deadline = time.monotonic() + 40
                states: list[str] = []
                while time.monotonic() < deadline:
                    states = [s.state for c in link.status().cameras for s in c.streams]
                    if states.count("recording") == cameras:
                        break
                    time.sleep(0.5)
                else:
                    raise SystemExit(f"only {states.count('recording')} of {cameras} cameras are recording")
                time.sleep(5)
                used = measure([site.pid, *(w.pid for w in ingest)], seconds)
                lost = sum(s.lost_packets for c in link.status().cameras for s in c.streams)
        finally:
            for process in (*ingest, site):
                process.terminate()
            for process in (*ingest, site):
                process.wait(20)
    return used, lost


def ffmpeg(port: int, cameras: int, seconds: float) -> tuple[Usage, list[Path]]:
    """Usage of one ffmpeg per camera, and where a sample of its segments lies (the caller removes it)."""
    folder = Path(tempfile.mkdtemp(prefix="ff-bench-"))
    processes = [
        subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", f"rtsp://127.0.0.1:{port}/cam{index}",
             "-an", "-c", "copy", "-f", "segment", "-segment_time", str(SEGMENT_S), "-reset_timestamps", "1",
             str(folder / f"c{index}-%04d.mp4")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for index in range(cameras)
    ]  # fmt: skip
    try:
        time.sleep(12)
        used = measure([p.pid for p in processes], seconds)
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(20)
    return used, sorted(folder.glob("c0-*.mp4"))


def finishing_cpu_s(segments: list[Path]) -> float:
    """CPU seconds of ffprobe and a faststart copy of one 10 s segment: what the usual NVR does with each."""
    costs = []
    for segment in segments[:3]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(
            ["ffprobe", "-v", "error", "-show_entries", "format=duration", str(segment)], capture_output=True
        )
        copy = segment.with_suffix(".fast.mp4")
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", str(segment), "-c", "copy", "-movflags", "+faststart", str(copy)],
            capture_output=True,
        )  # fmt: skip
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        costs.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return statistics.median(costs)


def bench(*, quick: bool) -> list[Claim]:
    film = street_film()
    sizes = (10, 50) if quick else (10, 50, 300)
    rounds, seconds = (1, 10.0) if quick else (3, 30.0)
    have_ffmpeg = shutil.which("ffmpeg") is not None
    if not have_ffmpeg:
        print("ffmpeg is not installed, so there is no peer. Install it: apt-get install ffmpeg")
    claims: list[Claim] = []
    peer_cpu: float | None = None
    peer_memory: float | None = None
    usual: float | None = None
    for cameras in sizes:
        server = spawn(PYTHON, str(Path(__file__).parent / "load_server.py"), str(film), str(cameras))
        port = int(str(wait_line(server, "port")["port"]))
        drain(server)
        ours: list[Usage] = []
        theirs: list[Usage] = []
        nvr: list[float] = []
        lost = 0
        served = total([server.pid]).cpu_s
        began = time.monotonic()
        try:
            for _ in range(rounds):
                used, missed = belvedere(port, cameras, seconds)
                ours.append(used)
                lost += missed
                # Beyond a hundred, ffmpeg's processes do not fit on a small machine: the figure at fifty stands for it.
                if have_ffmpeg and cameras <= 100:
                    peer, segments = ffmpeg(port, cameras, seconds)
                    theirs.append(peer)
                    nvr.append(finishing_cpu_s(segments))
                    shutil.rmtree(segments[0].parent)
            share = (total([server.pid]).cpu_s - served) / (time.monotonic() - began)
            print(f"{cameras} cameras: the load server itself used {100 * share:.0f} % of a core", flush=True)
        finally:
            server.terminate()
            server.wait(10)
        each = cameras * seconds
        cpu = statistics.median(u.cpu_s for u in ours) / each * 1000
        memory = statistics.median(u.pss_bytes for u in ours) / cameras / 1e6
        unit = "ms CPU per camera-second"
        name = f"{cameras} cameras, 1080p25 4 Mbit/s"
        if theirs:
            peer_cpu = statistics.median(u.cpu_s for u in theirs) / each * 1000
            peer_memory = statistics.median(u.pss_bytes for u in theirs) / cameras / 1e6
            usual = peer_cpu + statistics.median(nvr) / SEGMENT_S * 1000
        claims += [
            Claim(f"{name}: CPU", "<= 0.4x", cpu, unit, "ffmpeg -c copy per camera", peer_cpu,
                  cpu <= 0.4 * peer_cpu if peer_cpu else None),
            Claim(f"{name}: CPU", "<= 0.1x", cpu, unit, "ffmpeg + ffprobe + faststart per 10 s", usual,
                  cpu <= 0.1 * usual if usual else None),
            Claim(f"{name}: memory", "<= 0.2x", memory, "MB PSS per camera", "ffmpeg -c copy per camera", peer_memory,
                  memory <= 0.2 * peer_memory if peer_memory else None),
            Claim(f"{name}: RTP packets missed", "0", lost, "packets", ok=lost == 0),
        ]  # fmt: skip
    return claims
