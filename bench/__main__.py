"""`python3 run.py bench [NAME] [--quick] [--json FILE]`: run the benches, print their tables, write the same as JSON."""

import argparse
import importlib
import json
import os
import platform
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))
os.environ.setdefault("BELVEDERE_SITE__FETCH_MODEL", "false")  # a bench that wants a model is told where it is

from table import Claim, show  # noqa: E402

NAMES = (
    "record",
    "scale",
    "live",
    "clip",
    "imports",
    "durability",
    "watchdog",
    "fuzz",
    "activity",
    "masking",
    "colours",
    "tamper_hints",
    "access",
    "queries",
    "sightings",
    "link",
    "simulation",
    "vision",
)


def machine() -> str:
    model = "unknown processor"
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        model = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return (
        f"{model}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="run.py bench", description=__doc__)
    parser.add_argument("name", nargs="?", choices=NAMES, help="one bench; all when left out")
    parser.add_argument("--quick", action="store_true", help="smaller sample, same claims")
    parser.add_argument("--json", type=Path, help="write the claims to this file")
    options = parser.parse_args()
    print(f"Machine: {machine()}")
    claims: list[Claim] = []
    for name in [options.name] if options.name else NAMES:
        module = importlib.import_module(name)
        found = module.bench(quick=options.quick)
        show(name, found, quick=options.quick)
        claims += found
    if options.json:
        options.json.write_text(json.dumps([claim.as_json() for claim in claims], indent=2) + "\n")
        print(f"Written: {options.json}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
