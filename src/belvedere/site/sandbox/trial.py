"""`python -m belvedere.site.sandbox.trial FILE PORT`: tries what a confined process must not be able to do, and says it as JSON."""

import json
import os
import socket
import sys
from pathlib import Path


def _can_read(path: str) -> bool:
    try:
        Path(path).read_bytes()
    except OSError:
        return False
    return True


def _can_connect(port: int) -> bool:
    try:
        with socket.socket() as attempt:
            attempt.settimeout(2)
            attempt.connect(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _can_write(path: str) -> bool:
    try:
        with Path(path).with_suffix(".written").open("wb") as file:
            file.write(b"x")
            file.flush()
    except OSError:
        return False
    return True


def main() -> None:
    """FILE lies where keys would lie; somebody of this machine listens on PORT of loopback."""
    path, port = sys.argv[1], int(sys.argv[2])
    found = {"reads": _can_read(path), "writes": _can_write(path), "connects": _can_connect(port), "pid": os.getpid()}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
