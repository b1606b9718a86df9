"""What the detectors know besides the log: teams, shifts, places of cameras, declared conflicts, dwellings."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, camera
from belvedere.hub.watchers.blind import Blinder
from belvedere.hub.watchers.findings import People
from belvedere.hub.watchers.tables import conflict, dwelling_view

CONFLICT_KINDS = ("address", "vehicle", "person", "camera")
MOST_CONFLICTS = 50  # open ones of one person
MOST_DWELLINGS = 5_000


@dataclass(frozen=True, slots=True)
class Declared:
    """A declaration as its person sees it again: what kind and when. The words are nowhere."""

    id: str
    kind: str
    declared_us: int


@dataclass(frozen=True, slots=True)
class DwellingView:
    """A camera, or one preset of it, that looks at where people live."""

    camera: str
    preset: str
    note: str
    set_us: int


class PeopleBook:
    """Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock, blinder: Blinder) -> None:
        self._engine = engine
        self._clock = clock
        self._blinder = blinder

    def load(self) -> People:
        """As it stands now."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(account)).mappings().all()
            places = {row.id: row.place for row in connection.execute(select(camera.c.id, camera.c.place)) if row.place}
            declared: dict[str, set[str]] = {}
            for row in connection.execute(select(conflict).where(conflict.c.withdrawn_us.is_(None))):
                declared.setdefault(row.account_id, set()).update(row.blind.split(","))
        return People(
            teams={row["id"]: str(row.get("team") or row["role"]).casefold() for row in rows},
            shifts={row["id"]: tuple((each[0], each[1]) for each in row["shifts"]) for row in rows},
            places=places,
            conflicts={owner: frozenset(blinds) for owner, blinds in declared.items()},
            street_blinds={place: self._blinder.declared(place) for place in set(places.values())} if declared else {},
        )

    def declare(self, account_id: str, kind: str, words: str) -> Declared:
        """Keep the HMAC of what somebody declares as a conflict of their own. Raises BadInput."""
        blinds = self._blinder.declared(words)
        if kind not in CONFLICT_KINDS:
            raise BadInput(f"There is no kind {kind!r}.", advice=f"Choose from: {', '.join(CONFLICT_KINDS)}.")
        if not blinds or len(words.strip()) < 3:
            raise BadInput("Nothing to declare is given.", advice="Write an address, a registration plate or a name.")
        if len(self.declared(account_id)) >= MOST_CONFLICTS:
            raise BadInput(f"You declared {MOST_CONFLICTS} things.", advice="Withdraw those that no longer hold.")
        made = Declared(new_id("conflict", self._clock), kind, self._clock.now_us())
        with writing(self._engine) as connection:
            connection.execute(
                insert(conflict).values(
                    id=made.id,
                    account_id=account_id,
                    kind=kind,
                    blind=",".join(sorted(blinds)),
                    declared_us=made.declared_us,
                    withdrawn_us=None,
                )
            )
        return made

    def declared(self, account_id: str) -> list[Declared]:
        """One person's open declarations, newest first."""
        query = select(conflict).where(conflict.c.account_id == account_id, conflict.c.withdrawn_us.is_(None))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(conflict.c.declared_us.desc(), conflict.c.id.desc()))
            return [Declared(row.id, row.kind, row.declared_us) for row in rows]

    def withdraw(self, account_id: str, conflict_id: str) -> str:
        """End one's own declaration; returns its kind. Raises NotFound."""
        mine = (conflict.c.id == conflict_id, conflict.c.account_id == account_id, conflict.c.withdrawn_us.is_(None))
        with writing(self._engine) as connection:
            kind = connection.scalar(select(conflict.c.kind).where(*mine))
            if kind is None:
                raise NotFound("You declared no such thing.", advice="Look at the list of your declarations.")
            connection.execute(update(conflict).where(*mine).values(withdrawn_us=self._clock.now_us()))
        return str(kind)

    def dwellings(self) -> list[DwellingView]:
        """All views of homes, by camera."""
        query = select(dwelling_view).order_by(dwelling_view.c.camera, dwelling_view.c.preset)
        with reading(self._engine) as connection:
            return [DwellingView(row.camera, row.preset, row.note, row.set_us) for row in connection.execute(query)]

    def put_dwellings(self, views: Iterable[tuple[str, str, str]]) -> list[DwellingView]:
        """Put these (camera, preset or "", note) in the place of all. Raises BadInput."""
        wanted = {(each[0], each[1]): each[2] for each in views}
        if len(wanted) > MOST_DWELLINGS:
            raise BadInput(f"The list has {MOST_DWELLINGS} views at most.", advice="Name whole cameras.")
        before = {(each.camera, each.preset): each for each in self.dwellings()}
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            known = frozenset(connection.scalars(select(camera.c.id)))
            for name, _ in wanted:
                if name not in known:
                    raise BadInput(f"There is no camera {name}.", advice="Name cameras of the register.")
            connection.execute(delete(dwelling_view))
            for (name, preset), note in wanted.items():
                old = before.get((name, preset))
                set_us = old.set_us if old is not None and old.note == note else now_us
                connection.execute(insert(dwelling_view).values(camera=name, preset=preset, note=note, set_us=set_us))
        return self.dwellings()

    def names(self) -> dict[str, str]:
        """Accounts' names by id."""
        with reading(self._engine) as connection:
            return {row.id: row.display for row in connection.execute(select(account.c.id, account.c.display))}
