"""`python -m belvedere.site.ingest.serve`: one ingest process. Holds no keys and no database, listens on nothing."""

import argparse
import gc
import json
import signal
import sys
import time
from pathlib import Path

from belvedere.foundation.clock import SECOND_US, SystemClock
from belvedere.foundation.errors import BelvedereError
from belvedere.site.ingest.gate import AT_ONCE, ConnectGate
from belvedere.site.ingest.journal import log
from belvedere.site.ingest.loop import IngestLoop
from belvedere.site.ingest.places import SharedPlaces
from belvedere.site.ingest.recorder_link import RecorderGone, RecorderLink

EXIT_NO_RECORDER = 3
_PATIENCE_US = 10 * SECOND_US


def main(arguments: list[str] | None = None) -> int:
    """Serves until SIGTERM (exit 0) or until the recorder is gone (exit 3)."""
    parser = argparse.ArgumentParser(prog="belvedere.site.ingest.serve", description=__doc__)
    parser.add_argument("--data", type=Path, help="data folder; tells where the recorder's socket lies")
    parser.add_argument("--socket", type=Path, help="the recorder's socket, instead of --data")
    parser.add_argument("--slot", type=int, default=0, help="number of this process among the ingest processes")
    options = parser.parse_args(arguments)
    try:
        socket = options.socket or _socket_of(options.data or Path("belvedere-data"))
        link = _connect(socket, options.slot)
        gate = ConnectGate(places=SharedPlaces(socket.with_name("connecting"), AT_ONCE))
    except BelvedereError as error:
        sys.stderr.write(f"{error}\n")
        return EXIT_NO_RECORDER
    loop = IngestLoop(link, SystemClock(), gate=gate)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: loop.stop())
    signal.set_wakeup_fd(loop.wake_fd, warn_on_full_buffer=False)
    sys.stdout.write(json.dumps({"ready": True, "slot": options.slot}) + "\n")
    sys.stdout.flush()
    # The hot path makes no cycles; what exists now stays for good.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    try:
        loop.run()
    except RecorderGone as error:
        log.warning(error.message, slot=options.slot)
        return EXIT_NO_RECORDER
    return 0


def _socket_of(data: Path) -> Path:
    # Imported here because reading settings takes as long as all the rest of this process's start.
    from belvedere.foundation.settings import load_settings

    return load_settings(data).ingest_socket


def _connect(path: Path, slot: int) -> RecorderLink:
    """Connects to the recorder, which may be starting too. Raises RecorderGone after 10 s."""
    clock = SystemClock()
    until_us = clock.monotonic_us() + _PATIENCE_US
    while True:
        try:
            return RecorderLink.connect(path, slot)
        except OSError as error:
            if clock.monotonic_us() > until_us:
                raise RecorderGone(
                    f"No recorder answers on {path}: {error.strerror}.", advice="Start the site first."
                ) from error
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
