"""Our parsers of what cameras send, fed with bytes that no camera should send.

Coverage-guided by atheris where it is installed (`pip install atheris`), else by a seeded mutator of our own, which the
table says. The corpus in tests/corpus was made by our own code; `python bench/fuzz.py --seeds` makes it again.
"""

import argparse
import importlib
import importlib.util
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parent / "tests" / "corpus"
sys.path[:0] = [str(HERE), str(HERE.parent / "tests"), str(HERE.parent / "src")]

from table import Claim  # noqa: E402

QUICK_S, FULL_S = 60, 3600
_LONGEST = 16 << 10
_MEMORY_MB = 1024
_STUCK_S = 10


def bench(*, quick: bool) -> list[Claim]:
    """One claim a target: what was tried, what was found."""
    from fuzz_targets import TARGETS

    guided = importlib.util.find_spec("atheris") is not None
    each_s = max(2, (QUICK_S if quick else FULL_S) // len(TARGETS))
    how = "atheris" if guided else "own mutator"
    claims = []
    for target in TARGETS:
        tried, findings, peak_mb, told = _guided(target.name, each_s) if guided else _own(target.name, each_s)
        if told:
            print(told, file=sys.stderr)
        claims.append(
            Claim(f"{target.name}: findings in {tried:,} tries ({how}, {each_s} s)", "0", findings, "", ok=not findings)
        )
        if peak_mb:
            claims.append(
                Claim(f"{target.name}: memory at its peak", f"< {_MEMORY_MB}", peak_mb, "MB", ok=peak_mb < _MEMORY_MB)
            )
    return claims


def _guided(name: str, seconds: int) -> tuple[int, int, float, str]:
    """A process of its own, for a finding ends it. Returns tries, findings, peak memory in MB, what was found."""
    with tempfile.TemporaryDirectory() as folder:
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [
                sys.executable, str(HERE / "fuzz.py"), "--target", name, "--",
                f"-max_total_time={seconds}", f"-max_len={_LONGEST}", f"-rss_limit_mb={_MEMORY_MB}", f"-timeout={_STUCK_S}",
                "-print_final_stats=1", f"-artifact_prefix={folder}/", "-seed=1", folder, str(CORPUS / name),
            ],
            capture_output=True, text=True, timeout=seconds + 120, check=False, errors="replace",
        )  # fmt: skip
        found = [path for path in Path(folder).iterdir() if re.match(r"(crash|timeout|oom|leak)-", path.name)]
        told = ""
        if found or done.returncode:
            told = f"{name}: {[path.read_bytes()[:200] for path in found]}\n{done.stderr[-3000:]}"
    tried = re.search(r"stat::number_of_executed_units: (\d+)", done.stderr)
    peak = re.search(r"stat::peak_rss_mb:\s+(\d+)", done.stderr)
    return int(tried[1]) if tried else 0, len(found) or int(done.returncode != 0), float(peak[1]) if peak else 0, told


def _own(name: str, seconds: float) -> tuple[int, int, float, str]:
    """Mutations of the corpus, the same ones each time."""
    from fuzz_targets import TARGETS

    target = next(each for each in TARGETS if each.name == name)
    chance = random.Random(1)
    seeds = [path.read_bytes() for path in sorted((CORPUS / name).glob("*"))] or [b""]
    until, tried = time.monotonic() + seconds, 0
    while time.monotonic() < until:
        data = mutate(chance.choice(seeds), chance)
        tried += 1
        try:
            target.call(data)
        except target.allowed:
            continue
        except Exception as error:  # noqa: BLE001 - any other error is what is looked for
            return tried, 1, 0, f"{name}: {type(error).__name__}: {error} from {data[:200]!r}"
    return tried, 0, 0, ""


def mutate(data: bytes, chance: random.Random) -> bytes:
    """A seed with up to eight wounds: bytes changed, cut out, doubled, put in."""
    wounded = bytearray(data)
    for _ in range(chance.randrange(1, 9)):
        at = chance.randrange(len(wounded) + 1)
        kind = chance.randrange(5)
        if kind == 0 and at < len(wounded):
            wounded[at] = chance.choice((0, 1, 0x24, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 1:
            del wounded[at : at + chance.randrange(1, 40)]
        elif kind == 2:
            wounded[at:at] = wounded[at : at + chance.randrange(1, 40)]
        elif kind == 3:
            wounded[at:at] = chance.randbytes(chance.randrange(1, 20))
        elif at + 4 <= len(wounded):
            wounded[at : at + 4] = chance.choice((0, 1, 0xFFFF_FFFF, 0x7FFF_FFFF, len(wounded))).to_bytes(4)
    return bytes(wounded[:_LONGEST])


def write_seeds() -> None:
    """The corpus: small films and conversations in the forms that the targets read."""
    from fuzz_targets import ANSWERS

    from belvedere.media.fmp4 import make_config, write_fragment
    from belvedere.media.nal import join_annex_b, join_lengths
    from belvedere.media.stream import Codec, Frame
    from belvedere.site.ingest.reader_pipe import Described, PictureCame, pack_word
    from belvedere.site.time_service.packet import write_question
    from ingest_stage import Packetizer, describe, film, sender_report

    seeds: dict[str, list[bytes]] = {}
    for codec in (Codec.H264, Codec.H265):
        shown = film(codec, frames=6, width=64, height=48, gop=3)
        packets = Packetizer(codec, mtu=300, aggregate=True).film(shown)
        reports = sender_report(1_780_000_000_000_000, 7)
        seeds.setdefault("rtp", []).append(b"\x09" + packets + reports)
        seeds.setdefault("session", []).append(b"\x04" + packets[:3000])
        seeds.setdefault("sdp", []).append(describe(shown).encode())
        seeds.setdefault("nal", []).extend([join_annex_b(shown.pictures[0].nals), *shown.parameter_sets])
        frames = [
            Frame(join_lengths(each.nals), at * 3600, 0, each.keyframe, 0) for at, each in enumerate(shown.pictures)
        ]
        seeds.setdefault("fmp4", []).extend(
            [write_fragment(frames, 6 * 3600, 1), make_config(codec, list(shown.parameter_sets)).init]
        )
        words = pack_word(Described(codec.value, "rtsp", shown.parameter_sets))
        words += b"".join(
            pack_word(PictureCame(at * 3600, True, True, False, shown.pictures[at].nals)) for at in range(2)
        )
        seeds.setdefault("pipe", []).append(b"\x07" + words)
        seeds.setdefault("rtcp", []).append(reports[4:])
    seeds["session"] += [bytes((number,)) + b"".join(ANSWERS[number:]) for number in range(4)]
    seeds["rtsp"] = [*ANSWERS, b'RTSP/1.0 401 No\r\nWWW-Authenticate: Digest realm="a", nonce="b", qop="auth"\r\n\r\n']
    seeds["sequence"] = [b"".join((at & 0xFFFF).to_bytes(2) for at in (65_534, 65_535, 1, 0, 2, 9, 7, 8))]
    seeds["ntp"] = [write_question(1_780_000_000_000_000)]
    for name, found in seeds.items():
        (CORPUS / name).mkdir(parents=True, exist_ok=True)
        for at, data in enumerate(found):
            (CORPUS / name / f"seed-{at:02d}.bin").write_bytes(data[:_LONGEST])


def _fuzz(name: str, arguments: list[str]) -> None:
    """The process of one target: instruments our modules as they are imported, and never returns."""
    atheris: Any = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["belvedere.media", "belvedere.site", "fuzz_targets"]):
        from fuzz_targets import TARGETS
    target = next(each for each in TARGETS if each.name == name)

    def once(data: bytes) -> None:
        try:
            target.call(data)
        except target.allowed:
            pass

    atheris.Setup([sys.argv[0], *arguments], once)
    atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", action="store_true", help="write the corpus anew")
    parser.add_argument("--target", help="fuzz one target until a finding; arguments behind -- are libFuzzer's")
    options, rest = parser.parse_known_args()
    if options.seeds:
        write_seeds()
    elif options.target:
        _fuzz(options.target, [each for each in rest if each != "--"])
    else:
        parser.error("say --seeds or --target NAME; the bench itself is: python3 run.py bench fuzz")
