#!/usr/bin/env python3
"""Renew constraints.txt and constraints-dev.txt: every package pinned, with hashes and without host names. Needs uv."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMON = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--generate-hashes", "--no-header", "--no-annotate",
          "--python-version", "3.11", "--no-emit-index-url", "-q"]  # fmt: skip

for name, extra in (("constraints.txt", []), ("constraints-dev.txt", ["--group", "dev"])):
    subprocess.run([*COMMON, *extra, "-o", name], cwd=ROOT, check=True)
    text = (ROOT / name).read_text()
    assert "://" not in text, f"{name} names a host"
