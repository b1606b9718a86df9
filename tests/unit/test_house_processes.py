"""What each process loads: keys and footage never share an address space with a decoder or a web client."""

import subprocess
import sys

import pytest

DECODERS = {"av", "cv2", "onnxruntime"}
WEB = {"httpx", "fastapi", "sqlalchemy", "uvicorn"}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        ("belvedere.site.serve", DECODERS | WEB),
        ("belvedere.site.ingest.serve", DECODERS | WEB | {"sqlite3", "cryptography", "numpy", "pydantic"}),
        ("belvedere.hub.serve", DECODERS),
    ],
)
def test_a_process_loads_only_what_it_may(module: str, never: set[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not never & set(done.stdout.split())
