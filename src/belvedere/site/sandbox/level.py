"""How well a process can be confined on this machine, best first."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """What holds a confined process. Every level has the resource limits and dies with its owner."""

    BUBBLEWRAP = (
        "bubblewrap"  # own name spaces: no network, an empty file system but for the programs, no other process
    )
    LANDLOCK = (
        "landlock"  # the kernel refuses files beside the programs (Landlock) and new sockets and programs (seccomp)
    )
    LIMITS = "limits"  # memory, files and processes are limited; what the user may read, it may read


# What a person is told of each.
WORDS = {
    Level.BUBBLEWRAP: "decoders run in bubblewrap: no keys, no database, no network",
    Level.LANDLOCK: "decoders run under Landlock and seccomp: no keys, no database, no new connections",
    Level.LIMITS: "decoders have limits only: a hostile file or camera could read what this user can read",
}


@dataclass(frozen=True, slots=True)
class Confinement:
    """The level in force, found by trying, and why each better one was not taken."""

    level: Level
    refused: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """One sentence for people, without the full stop."""
        return WORDS[self.level]
