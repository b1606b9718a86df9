"""Importing: how much faster than real time a 1080p25 4 Mbit/s recording comes in, sealed, hashed and indexed."""

import sys
import tempfile
import time
from pathlib import Path

import av
from films import OUT, street_film
from record import drain, spawn, wait_line
from table import Claim

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.settings import load_settings
from belvedere.link.blocking import BlockingSiteLink
from belvedere.site.imports.recording import examine
from belvedere.site.imports.session import import_recording

LOOPS = 15


def long_film() -> Path:
    """The street film, looped to five minutes by copying packets."""
    path = OUT / f"street-{20 * LOOPS}.mkv"
    if path.exists():
        return path
    source = street_film()
    with av.open(str(path), "w") as out:
        stream = None
        offset = 0
        for _ in range(LOOPS):
            with av.open(str(source)) as container:
                video = container.streams.video[0]
                stream = stream or out.add_stream_from_template(video)
                end = 0
                for packet in container.demux(video):
                    if packet.dts is None or packet.pts is None or packet.duration is None:
                        continue
                    end = packet.dts + packet.duration
                    packet.dts += offset
                    packet.pts += offset
                    packet.stream = stream
                    out.mux(packet)
                offset += end
    return path


def bench(*, quick: bool) -> list[Claim]:
    recording = examine(long_film())
    speeds = []
    with tempfile.TemporaryDirectory(prefix="bv-import-") as name:
        settings = load_settings(Path(name))
        settings.socket_folder.mkdir(parents=True, exist_ok=True)
        site = spawn(sys.executable, "-m", "belvedere.site.serve", "--data", name)
        wait_line(site, "ready")
        drain(site)
        try:
            with BlockingSiteLink(settings.link_socket) as link:
                link.put_camera("file", "file", "", "")
            start_us = SystemClock().now_us() - 20 * 24 * 3600 * SECOND_US
            for round_ in range(1 if quick else 3):
                began = time.monotonic()
                done = import_recording(
                    settings.ingest_socket, recording, camera="file", stream_kind="main",
                    start_us=start_us + round_ * 3600 * SECOND_US,
                )  # fmt: skip
                speeds.append((done.end_us - done.start_us) / SECOND_US / (time.monotonic() - began))
        finally:
            site.terminate()
            site.wait(20)
    slowest = min(speeds)
    return [
        Claim("import of 300 s, 1080p25 4 Mbit/s, slowest round", ">= 50x", slowest, "x real time", ok=slowest >= 50)
    ]
