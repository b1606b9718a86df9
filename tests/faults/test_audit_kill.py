"""Killing the hub's log in the middle of its work: what it acknowledged is there, and it starts again by itself."""

import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import SystemClock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import open_engine
from belvedere.hub.storage.migrate import upgrade

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WRITER = """
import asyncio, sys
from pathlib import Path
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from belvedere.foundation.clock import SystemClock
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.storage.engine import open_engine

async def main(folder):
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    log = AuditLog(open_engine(f"sqlite:///{folder / 'hub.db'}"), folder / "log", key, SystemClock())
    await log.start()
    async def one(worker):
        while True:
            entry = await log.append("note", f"user_{worker}", {"worker": worker})
            print(entry.index, entry.hash.hex(), flush=True)
    await asyncio.gather(*(one(worker) for worker in range(8)))

asyncio.run(main(Path(sys.argv[1])))
"""


@pytest.mark.faults
def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    upgrade(engine)
    acknowledged: dict[int, str] = {}
    for lines in (40, 300):  # the second goes over a full tile
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for number, line in enumerate(writer.stdout):
                words = line.split()
                acknowledged[int(words[0])] = words[1]
                if number == lines:
                    writer.kill()
        log = AuditLog(engine, tmp_path / "log", KEY, SystemClock())
        size = log.checkpoint().size
        assert size > max(acknowledged)
        assert log.check() == size
        for index, digest in acknowledged.items():
            assert log.entry(index).hash.hex() == digest
        log.proof(size - 1).verify(KEY.public_key().public_bytes_raw())
    engine.dispose()
