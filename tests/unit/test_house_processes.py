"""What each process loads: keys and footage never share an address space with a decoder or a web client."""

import subprocess
import sys

import pytest

DECODERS = {"av", "cv2", "onnx", "onnxruntime", "openvino"}
WEB = {"httpx", "fastapi", "sqlalchemy", "uvicorn"}


@pytest.mark.parametrize(
    ("module", "never"),
    [
        # What records for months has nothing in memory that recording does not need (docs/design/packets.md).
        ("belvedere.site.serve", DECODERS | WEB | {"psutil", "numpy", "pydantic"}),
        (
            "belvedere.site.ingest.serve",
            DECODERS | WEB | {"sqlite3", "cryptography", "numpy", "pydantic", "asyncio", "ssl", "structlog", "email"},
        ),
        ("belvedere.hub.serve", DECODERS),
    ],
)
def test_a_process_loads_only_what_it_may(module: str, never: set[str]) -> None:
    script = f"import sys, {module}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not never & set(done.stdout.split())


@pytest.mark.parametrize(
    "module",
    ["belvedere.site.serve", "belvedere.hub.serve", "belvedere.demo.serve"],
)
def test_processes_do_without_what_only_colours_a_terminal(module: str) -> None:
    command = [sys.executable, "-X", "importtime", "-m", module, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "structlog" in loaded
    assert not {"rich.console", "rich.text", "pygments", "psutil"} & loaded
