"""Switches faults of the demo's cameras while they run, as `belvedere demo fault` asks: one line in, one line out, over a Unix
socket that is for this machine's user only.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from belvedere.demo.rtsp.faults import Faults
from belvedere.demo.rtsp.server import RtspServer
from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import BadInput, BelvedereError, NotFound

SOCKET = "demo.sock"
"""Its name in the folder of sockets."""
NONE = "none"
_LONGEST = 4096
_MOST = 1_000_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A fault by its everyday name: the field of `Faults`, the usual amount, and what one of it is in the field's unit."""

    field: str
    usual: int
    unit: int
    says: str  # {} is the amount


KINDS: Mapping[str, Kind] = {
    "drop": Kind("drop_every", 100, 1, "every {}th packet is lost"),
    "freeze": Kind("frozen", 1, 1, "connected, and sends no picture"),
    "silent": Kind("silent", 1, 1, "takes connections and never answers"),
    "garbage": Kind("garbage_every", 50, 1, "sends bytes that are none before every {}th picture"),
    "cut": Kind("cut_every", 250, 1, "hangs up in the middle of every {}th picture"),
    "jitter": Kind("jitter_ms", 300, 1, "its pictures come up to {} ms late"),
    "jump": Kind("jump_90k", 10, 90_000, "its time stamps jumped by {} s"),
    "clock": Kind("clock_error_us", 60, SECOND_US, "its clock is {} s wrong"),
    "deny": Kind("deny", 1, 1, "refuses its password"),
    "status": Kind("status", 503, 1, "answers PLAY with {}"),
}


class FaultSwitch:
    """Both streams of a camera have its faults. They add up, until `none`. A context: it listens inside."""

    def __init__(self, server: RtspServer, usual: Callable[[str], Faults], path: Path) -> None:
        """`usual`: the faults that a camera has on a good day, such as its wrong clock. `path`: of the socket."""
        self._server = server
        self._usual = usual
        self._path = path
        self._listening: asyncio.Server | None = None

    async def __aenter__(self) -> "FaultSwitch":
        self._path.unlink(missing_ok=True)
        self._listening = await asyncio.start_unix_server(self._answer, self._path, limit=_LONGEST)
        self._path.chmod(0o600)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._listening is not None:
            self._listening.close()
        self._path.unlink(missing_ok=True)

    def switch(self, camera: str, kind: str, amount: int | None = None) -> str:
        """Give a camera a fault; `amount` None is the usual one. Returns what it has now, in words. Raises NotFound, BadInput."""
        sources = [source for path, source in self._server.sources.items() if path.partition("/")[0] == camera]
        if not sources:
            shown = sorted({path.partition("/")[0] for path in self._server.sources})
            raise NotFound(f"No camera {camera} is on.", advice=f"These are: {', '.join(shown) or 'none yet'}.")
        if kind == NONE:
            for source in sources:
                source.faults = self._usual(camera)
            return "as on a good day"
        known = KINDS.get(kind)
        if known is None:
            raise BadInput(f"There is no fault {kind}.", advice=f"Choose {', '.join(KINDS)} or {NONE}.")
        amount = known.usual if amount is None else amount
        if (
            not isinstance(amount, int)
            or not 1 <= abs(amount) <= _MOST
            or (amount < 0 and kind not in ("clock", "jump"))
        ):
            raise BadInput(f"{amount} is no amount of {kind}.", advice=f"Leave it out for {known.usual}.")
        for source in sources:
            before = getattr(source.faults, known.field)
            value: Any = True if isinstance(before, bool) else amount * known.unit
            if kind == "jump":
                value = before + amount * known.unit  # from where an earlier one left it
            changed: dict[str, Any] = {known.field: value}
            source.faults = replace(source.faults, **changed)
        return known.says.format(amount)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told: dict[str, Any]
        try:
            asked = json.loads(await reader.readline())
            told = {"said": self.switch(str(asked["camera"]), str(asked["kind"]), asked.get("amount"))}
        except BelvedereError as error:
            told = {"wrong": error.message, "advice": error.advice}
        except (ValueError, LookupError, TypeError, AttributeError):
            told = {"wrong": "That was no question.", "advice": "Use `belvedere demo fault`."}
        with suppress(ConnectionError):
            writer.write(json.dumps(told).encode() + b"\n")
            await writer.drain()
        writer.close()
