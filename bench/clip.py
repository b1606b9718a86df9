"""Clips: CPU of cutting 30 s and 300 s out of a recording by fragment splice, against ffmpeg's stream copy in the same run."""

import json
import resource
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from films import street_film
from table import Claim

from belvedere.media.clip import Clip
from belvedere.media.fmp4 import make_config, write_fragment
from belvedere.media.stream import TICKS_PER_SECOND, Frame
from belvedere.site.imports.recording import examine, frame_of, read_units

FRAGMENT_90K = TICKS_PER_SECOND // 2


def fragments(film: Path, seconds: int) -> tuple[bytes, list[bytes]]:
    """Initialisation segment and half-second fragments of `film`, looped to `seconds`."""
    recording = examine(film)
    units = list(read_units(recording))
    assert recording.codec is not None
    sets = tuple(nal for nal in units[0].nals if nal[0] & 31 in (7, 8))
    init = make_config(recording.codec, sets).init
    step = units[1].dts_90k - units[0].dts_90k
    length = units[-1].dts_90k - units[0].dts_90k + step
    out: list[bytes] = []
    held: list[Frame] = []
    loop = 0
    while len(out) * FRAGMENT_90K < seconds * TICKS_PER_SECOND:
        for unit in units:
            frame = frame_of(unit, units[0].dts_90k - loop * length, 0)
            if held and (frame.keyframe or frame.dts_90k - held[0].dts_90k >= FRAGMENT_90K):
                out.append(write_fragment(held, frame.dts_90k, len(out) + 1))
                held = []
            held.append(frame)
        loop += 1
    return init, out


def cpu_ms(act: Callable[[], object]) -> float:
    def spent() -> float:
        mine, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
        return mine.ru_utime + mine.ru_stime + theirs.ru_utime + theirs.ru_stime

    before = spent()
    act()
    return (spent() - before) * 1000


def frames_in(path: Path) -> int:
    done = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "json", str(path)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return int(json.loads(done.stdout)["streams"][0]["nb_read_packets"])


def bench(*, quick: bool) -> list[Claim]:
    rounds = 3 if quick else 7
    have_ffmpeg = shutil.which("ffmpeg") is not None
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory(prefix="bv-clip-") as name:
        folder = Path(name)
        init, parts = fragments(street_film(), 400)
        segments = []
        for number in range(0, len(parts), 20):  # 10 s files, the usual recorder's layout
            segment = folder / f"s{number:05d}.mp4"
            segment.write_bytes(init + b"".join(parts[number : number + 20]))
            segments.append(segment)
        for seconds, goal in ((30, 1 / 8), (300, 1 / 2)):
            chosen = parts[40 : 40 + seconds * 2]
            out, peer = folder / "ours.mp4", folder / "peer.mp4"

            def splice(chosen: list[bytes] = chosen, seconds: int = seconds, out: Path = out) -> None:
                clip = Clip(init, seconds * TICKS_PER_SECOND)
                with out.open("wb") as file:
                    for part in chosen:
                        file.writelines(clip.push(part))
                    file.writelines([clip.finish()])

            def concat(seconds: int = seconds, peer: Path = peer) -> None:
                listing = folder / "list.txt"
                listing.write_text("".join(f"file '{s}'\n" for s in segments[2 : 2 + seconds // 10]))
                subprocess.run(
                    ["ffmpeg", "-nostdin", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", str(listing),
                     "-c", "copy", "-t", str(seconds), str(peer)], check=True,
                )  # fmt: skip

            ours, theirs = [], []
            for _ in range(rounds):
                ours.append(cpu_ms(splice))
                if have_ffmpeg:
                    theirs.append(cpu_ms(concat))
            mine = statistics.median(ours)
            other = statistics.median(theirs) if theirs else None
            claims.append(
                Claim(f"{seconds} s clip, 1080p25 4 Mbit/s", f"<= {goal:.3g}x", mine, "ms CPU", "ffmpeg concat -c copy",
                      other, mine <= goal * other if other else None)
            )  # fmt: skip
            if have_ffmpeg:
                count = frames_in(out)
                claims.append(Claim(f"{seconds} s clip: frames that ffprobe reads", f"{seconds * 25}", count, "frames",
                                    ok=count == seconds * 25))  # fmt: skip
    return claims
