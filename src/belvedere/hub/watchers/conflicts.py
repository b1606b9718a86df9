"""Declared conflicts of interest where a second person decides: what somebody declared as their own, they decide nothing about.

The words of a declaration are not kept, so a request is compared by their HMAC: its reason, its recipient, its case and the
places and names of its cameras, in runs of up to six words. A camera declared by its id is compared as such.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, select

from belvedere.hub.cases.tables import case_file
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import camera
from belvedere.hub.watchers.blind import Blinder
from belvedere.hub.watchers.tables import conflict

CONFLICTED = "You declared a conflict of interest with what this is about."


@dataclass(frozen=True, slots=True)
class DeclaredBy:
    """How many conflicts of a kind somebody has declared; what they are nobody can read."""

    account_id: str
    kind: str
    count: int
    newest_us: int


class Conflicts:
    """Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, blinder: Blinder) -> None:
        self._engine = engine
        self._blinder = blinder

    def of(self, account_id: str) -> frozenset[str]:
        """The blinded declarations of one person that stand."""
        mine = (conflict.c.account_id == account_id, conflict.c.withdrawn_us.is_(None))
        with reading(self._engine) as connection:
            found = connection.scalars(select(conflict.c.blind).where(*mine))
            return frozenset(blind for row in found for blind in row.split(","))

    def touches(self, account_id: str, words: Iterable[str], cameras: Iterable[str], case: str) -> bool:
        """Whether something of this is what the person declared as their own."""
        mine = self.of(account_id)
        if not mine:
            return False
        chosen = sorted(set(cameras))
        with reading(self._engine) as connection:
            rows = connection.execute(select(camera.c.id, camera.c.name, camera.c.place).where(camera.c.id.in_(chosen)))
            texts = [*words, *chosen, *(text for row in rows for text in (row.name, row.place) if text)]
            if case:
                query = select(case_file.c.title, case_file.c.place).where(case_file.c.reference_key == case.casefold())
                texts += [text for row in connection.execute(query) for text in row if text]
        return any(not mine.isdisjoint(self._blinder.mentions(text)) for text in texts)

    def all(self) -> list[DeclaredBy]:
        """Who declared how many of which kind, by account."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(conflict).where(conflict.c.withdrawn_us.is_(None))).mappings().all()
        found: dict[tuple[str, str], DeclaredBy] = {}
        for row in rows:
            key = (row["account_id"], row["kind"])
            known = found.get(key)
            count, newest = (known.count, known.newest_us) if known is not None else (0, 0)
            found[key] = DeclaredBy(*key, count + 1, max(newest, row["declared_us"]))
        return sorted(found.values(), key=lambda each: (each.account_id, each.kind))
