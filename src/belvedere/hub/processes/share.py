"""What one context of the hub is among several processes of it."""

from collections.abc import Callable
from dataclasses import dataclass

from belvedere.hub.audit.turn import LogTurn
from belvedere.hub.fleet.calls import Switchboard


@dataclass(frozen=True, slots=True)
class Share:
    """`chair`: this context has the duties that one process at a time has. `gone`: whether a process of that name has ended."""

    chair: bool
    turn: LogTurn
    switchboard: Switchboard
    gone: Callable[[str], bool]
