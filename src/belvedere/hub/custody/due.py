"""What the key office waits for: the ceremony, and the yearly drill."""

from dataclasses import dataclass
from pathlib import Path

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.hub.custody.local import read_drill
from belvedere.hub.custody.vault import Vault
from belvedere.link.custody import BREAK_GLASS, HUB

DRILL_DUE_US = 366 * DAY_US


@dataclass(frozen=True, slots=True)
class KeysDue:
    """`drilled_us`: the last drill with the key that is in force; None: never."""

    ceremony: bool
    drill: bool
    drilled_us: int | None


def keys_due(vault: Vault, hub_folder: Path, clock: Clock) -> KeysDue | None:
    """What is due; None while this hub has no key, because it never met a site. Blocking."""
    if vault.current(HUB) is None:
        return None
    glass = vault.current(BREAK_GLASS)
    if glass is None:
        return KeysDue(ceremony=True, drill=False, drilled_us=None)
    drill = read_drill(hub_folder / "keys" / "drill.json")
    drilled_us = drill.at_us if drill is not None and drill.key == glass.name else None
    # A drill is due a year after the last, or a year after the ceremony, which holds one of its own.
    return KeysDue(False, clock.now_us() - (drilled_us or glass.made_us) > DRILL_DUE_US, drilled_us)
