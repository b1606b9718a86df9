"""What ingest processes have to say: JSON lines on standard error.

By hand, because structlog brings asyncio and TLS along: 6 MB of each process (docs/design/packets.md). Tracebacks come without
local variables, which hold camera passwords.
"""

import json
import sys
import traceback

from belvedere.foundation.clock import Clock, SystemClock, iso


class Journal:
    """One line a call: `event`, `level`, `timestamp` and what else is given. Thread-safe as far as a line's single write is."""

    __slots__ = ("_clock",)

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()

    def info(self, event: str, **facts: object) -> None:
        self._say("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        self._say("warning", event, facts)

    def error(self, event: str, *, exc_info: BaseException | None = None, **facts: object) -> None:
        """`exc_info`: what went wrong, told with its traceback."""
        if exc_info is not None:
            facts["exception"] = "".join(traceback.format_exception(exc_info)).rstrip()
        self._say("error", event, facts)

    def _say(self, level: str, event: str, facts: dict[str, object]) -> None:
        line = {**facts, "event": event, "level": level, "timestamp": iso(self._clock.now_us())}
        sys.stderr.write(json.dumps(line, default=repr) + "\n")
        sys.stderr.flush()


log = Journal()
