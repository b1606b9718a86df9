"""Whose sound is recorded, since when, by whose word and why. Off unless somebody said otherwise."""

from dataclasses import dataclass

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.site.storage.index import Index

SHORTEST_REASON = 20
_LONGEST_REASON = 2_000
_LONGEST_NAME = 200

_NEWEST = """
SELECT c.slug, s.is_on, s.because, s.set_by, s.set_us FROM camera_sound s JOIN camera c ON c.id = s.camera_id
WHERE s.id = (SELECT max(id) FROM camera_sound WHERE camera_id = c.id) AND NOT c.removed
"""


@dataclass(frozen=True, slots=True)
class SoundSetting:
    """The newest word on a camera's sound. Invariant: `on` has a reason of SHORTEST_REASON letters or more."""

    camera: str
    on: bool
    because: str
    set_by: str
    set_us: int


class SoundBook:
    """Reads and adds to the table `camera_sound`. Thread-safe."""

    def __init__(self, index: Index, clock: Clock) -> None:
        self._index = index
        self._clock = clock

    def switch(self, camera: str, on: bool, because: str, set_by: str) -> None:
        """Switch a camera's sound on, with a reason, or off. Raises NotFound, BadInput."""
        because, set_by = because.strip(), set_by.strip()
        if on and len(because) < SHORTEST_REASON:
            raise BadInput(
                f"Recording sound needs a justification of {SHORTEST_REASON} letters or more.",
                advice="Say which problem it answers that pictures alone do not, and who agreed to it.",
            )
        if len(because) > _LONGEST_REASON or not 0 < len(set_by) <= _LONGEST_NAME:
            raise BadInput("The justification is too long, or nobody gave it.", advice="Shorten it; say who decided.")
        with self._index.write() as db:
            added = db.execute(
                "INSERT INTO camera_sound (camera_id, set_us, is_on, because, set_by) "
                "SELECT id, ?, ?, ?, ? FROM camera WHERE slug = ? AND NOT removed",
                (self._clock.now_us(), int(on), because, set_by, camera),
            ).rowcount
        if not added:
            raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")

    def settings(self) -> dict[str, SoundSetting]:
        """The newest word on each camera that was ever spoken of, by slug."""
        rows = self._index.read().execute(_NEWEST).fetchall()
        return {row[0]: SoundSetting(row[0], bool(row[1]), row[2], row[3], row[4]) for row in rows}

    def on(self) -> frozenset[str]:
        """Cameras whose sound is switched on."""
        return frozenset(setting.camera for setting in self.settings().values() if setting.on)

    def history(self, camera: str) -> list[SoundSetting]:
        """All that was ever said about a camera's sound, newest first."""
        rows = self._index.read().execute(
            "SELECT c.slug, s.is_on, s.because, s.set_by, s.set_us FROM camera_sound s JOIN camera c ON c.id = s.camera_id "
            "WHERE c.slug = ? ORDER BY s.id DESC",
            (camera,),
        )
        return [SoundSetting(row[0], bool(row[1]), row[2], row[3], row[4]) for row in rows.fetchall()]
