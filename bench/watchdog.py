"""How soon a frozen stream is noticed: cameras that stop, stall or repeat themselves, in a real ingest process.

Trials are seeded. The moment of the fault is read where the camera is, the notice where the recorder hears of the run's end,
both from this process's monotonic clock.
"""

import random
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "tests")]

from table import Claim  # noqa: E402

from belvedere.site.ingest.messages import RunEnd  # noqa: E402
from ingest_stage import Line, Packetizer, Script, ScriptedCamera, answer, describe, film, worker  # noqa: E402

FAULTS = ("no bytes", "no picture completes", "the same picture", "the same second")
_FRAME_S = 0.04
_SEED = 20261122
_EACH = 13  # of each fault at once: 52 cameras


def bench(*, quick: bool) -> list[Claim]:
    """At least 52 trials, 13 of each kind of fault; all cameras are in one process at once."""
    rounds = [trials(_EACH, _SEED + number) for number in range(1 if quick else 4)]
    found = {fault: [wait for one in rounds for wait in one[fault]] for fault in FAULTS}
    each = _EACH * len(rounds)
    claims = []
    for fault in FAULTS:
        waits = sorted(found[fault])
        claims.append(
            Claim(
                f"{fault}: noticed after, p99 of {len(waits)}",
                "<= 5",
                p99(waits),
                "s",
                ok=p99(waits) <= 5 and len(waits) == each,
            )
        )
    every = sorted(wait for waits in found.values() for wait in waits)
    claims.append(
        Claim(f"a frozen stream is noticed, p99 of {len(every)} trials", "<= 5", p99(every), "s", ok=p99(every) <= 5)
    )
    claims.append(Claim("the same, median", "", every[len(every) // 2], "s"))
    return claims


def p99(waits: list[float]) -> float:
    return waits[min(len(waits) - 1, int(len(waits) * 0.99))]


def trials(each: int, seed: int) -> dict[str, list[float]]:
    """Seconds from fault to notice, by fault."""
    shown = film(frames=100, width=160, height=96, gop=25)
    begun: dict[int, float] = {}
    stop = threading.Event()

    def camera(stream: int, fault: str, after: int) -> Script:
        def play(line: Line) -> None:
            packets = Packetizer(shown.codec, sequence=0, base=0)
            due = time.monotonic()
            for index in range(1_000_000):
                if index == after:
                    begun[stream] = time.monotonic()
                if stop.is_set() or (index >= after and fault == "no bytes"):
                    break
                number = index
                if index >= after and fault == "the same picture":
                    number = after
                elif index >= after and fault == "the same second":
                    number = 25 * (after // 25) + index % 25
                picture = shown.pictures[number % 100]
                data = packets.picture(type(picture)(picture.nals, index * 3600, picture.keyframe))
                if index >= after and fault == "no picture completes":
                    data = [packets.packet(b"\x7c\x05" + bytes(200), after * 3600, False)]
                line.send(b"".join(data))
                due += _FRAME_S
                stop.wait(max(0.0, due - time.monotonic()))
            stop.wait()

        return answer(describe(shown), play)

    chance = random.Random(seed)
    found: dict[str, list[float]] = {fault: [] for fault in FAULTS}
    plan = [(fault, chance.randrange(60, 200)) for fault in FAULTS for _ in range(each)]
    with tempfile.TemporaryDirectory() as folder, worker(Path(folder)) as process:
        cameras = []
        for stream, (fault, after) in enumerate(plan, 1):
            one = ScriptedCamera(camera(stream, fault, after)).__enter__()
            cameras.append(one)
            process.recorder.open(one.url, stream=stream)
        waiting = set(range(1, len(plan) + 1))
        while waiting:
            end = process.recorder.wait(RunEnd)
            if end.stream in waiting and end.stream in begun:
                waiting.discard(end.stream)
                found[plan[end.stream - 1][0]].append(time.monotonic() - begun[end.stream])
        stop.set()
        process.finish()
        for one in cameras:
            one.__exit__(None, None, None)
    return found
