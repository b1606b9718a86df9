"""Cases in the hub's database: rows in, rows out. Every change keeps its act beside it, in the same transaction. Blocking."""

import datetime
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.foundation.geometry import LocalPlane
from belvedere.foundation.ids import new_id
from belvedere.hub.cases.rules import Footage, Incident, unknown_case
from belvedere.hub.cases.tables import case_act, case_file, case_footage, case_person
from belvedere.hub.register.cameras import Camera
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import access_grant, account
from belvedere.policy.ask import CaseFacts, CaseWindow

NEAR_M = 100.0  # a camera so far from an incident's place looks at it or its surroundings; further if its view reaches
_TRIES = 200


@dataclass(frozen=True, slots=True)
class Case:
    """One case; see `tables.case_file`."""

    id: str
    reference: str
    kind: str
    regime: str
    title: str
    owner_id: str
    owner: str
    state: str
    opened_us: int
    opened_by: str
    closed_us: int | None
    closed_by: str
    closed_why: str
    review_us: int
    incident: Incident


@dataclass(frozen=True, slots=True)
class CasePerson:
    """Who is in a case now. `part`: lead, works, advises."""

    account_id: str
    name: str
    part: str
    joined_us: int


@dataclass(frozen=True, slots=True)
class CaseFootage:
    """A camera and span that the case is about now."""

    id: str
    camera: str
    from_us: int
    to_us: int
    added_us: int
    added_by: str


@dataclass(frozen=True, slots=True)
class CaseAct:
    """What was done with a case, by whom and why."""

    id: str
    at_us: int
    account_id: str
    by: str
    kind: str
    facts: Mapping[str, Any]
    reason: str
    audit_index: int


@dataclass(frozen=True, slots=True)
class CaseGrant:
    """Access that was given under a case. `ended_us`: None while nobody ended it; it may have expired all the same."""

    id: str
    account_id: str
    name: str
    purpose: str
    issued_us: int
    expires_us: int
    ended_us: int | None


@dataclass(frozen=True, slots=True)
class CaseFilter:
    """Which cases are wanted; "" means any. `person`: cases that this account is in. `find`: words of reference, title or place."""

    state: str = ""
    kind: str = ""
    person: str = ""
    find: str = ""


Change = Callable[[Connection], None]


class CaseBook:
    """Everything about cases that is stored. `cameras` gives the register, for what lies near an incident."""

    def __init__(self, engine: Engine, clock: Clock, cameras: Callable[[], Iterable[Camera]]) -> None:
        self._engine = engine
        self._clock = clock
        self._cameras = cameras

    # What people ask.

    def find(self, wanted: CaseFilter, limit: int, after: str = "") -> list[Case]:
        """Cases, the one opened last first; `after` is the last id of the page before."""
        query: Select[tuple[Any, ...]] = select(case_file)
        if wanted.state:
            query = query.where(case_file.c.state == wanted.state)
        if wanted.kind:
            query = query.where(case_file.c.kind == wanted.kind)
        if wanted.person:
            theirs = select(case_person.c.case_id).where(
                case_person.c.account_id == wanted.person, case_person.c.left_us.is_(None)
            )
            query = query.where(case_file.c.id.in_(theirs))
        for word in wanted.find.split()[:8]:
            like = [
                func.lower(column).contains(word.lower(), autoescape=True)
                for column in (case_file.c.reference, case_file.c.title, case_file.c.place)
            ]
            query = query.where(or_(*like))
        if after:
            query = query.where(case_file.c.id < after)
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(case_file.c.id.desc()).limit(limit)).mappings()
            return [_case(row) for row in rows]

    def case(self, case_id: str) -> Case:
        """One case. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(case_file).where(case_file.c.id == case_id)).mappings().one_or_none()
        if row is None:
            raise unknown_case()
        return _case(row)

    def people(self, case_id: str) -> list[CasePerson]:
        """Who is in the case now, in the order in which they came."""
        query = (
            select(case_person.c.account_id, account.c.display, case_person.c.part, case_person.c.joined_us)
            .join(account, account.c.id == case_person.c.account_id)
            .where(case_person.c.case_id == case_id, case_person.c.left_us.is_(None))
            .order_by(case_person.c.id)
        )
        with reading(self._engine) as connection:
            return [CasePerson(*row) for row in connection.execute(query)]

    def footage(self, case_id: str) -> list[CaseFootage]:
        """The cameras and spans of the case now, by time."""
        column = case_footage.c
        query = select(column.id, column.camera, column.from_us, column.to_us, column.added_us, column.added_by)
        query = query.where(column.case_id == case_id, column.removed_us.is_(None))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(column.from_us, column.camera, column.id))
            return [CaseFootage(*row) for row in rows]

    def acts(self, case_id: str, limit: int, before: int | None = None) -> list[CaseAct]:
        """What was done with the case, newest first; `before`: the log entry of the last one on the page before."""
        query = select(case_act).where(case_act.c.case_id == case_id)
        if before is not None:
            query = query.where(case_act.c.audit_index < before)
        names = [each.name for each in fields(CaseAct)]
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(case_act.c.audit_index.desc()).limit(limit)).mappings()
            return [CaseAct(**{name: row[name] for name in names}) for row in rows]

    def grants(self, reference: str, limit: int = 200) -> list[CaseGrant]:
        """Access that was given under the case, newest first."""
        column = access_grant.c
        query = (
            select(
                *(column.id, column.account_id, account.c.display, column.purpose),
                *(column.issued_us, column.expires_us, column.ended_us),
            )
            .join(account, account.c.id == column.account_id)
            .where(func.lower(column.case_ref) == _key(reference))
            .order_by(column.issued_us.desc())
            .limit(limit)
        )
        with reading(self._engine) as connection:
            return [CaseGrant(*row) for row in connection.execute(query)]

    # What the policy asks.

    def facts(self, reference: str) -> CaseFacts | None:
        """What the case of this reference, however it is typed, says about who may look at what; None without a case."""
        key = _key(" ".join(reference.split()))
        with reading(self._engine) as connection:
            query = select(case_file).where(case_file.c.reference_key == key)
            row = connection.execute(query).mappings().one_or_none()
            if row is None:
                return None
            case = _case(row)
            people = connection.scalars(
                select(case_person.c.account_id).where(
                    case_person.c.case_id == case.id,
                    case_person.c.left_us.is_(None),
                    case_person.c.part.in_(("lead", "works")),
                )
            ).all()
            spans = connection.execute(
                select(case_footage.c.camera, case_footage.c.from_us, case_footage.c.to_us)
                .where(case_footage.c.case_id == case.id, case_footage.c.removed_us.is_(None))
                .order_by(case_footage.c.id)
            ).all()
        happened_us, near = self._near(case.incident)
        return CaseFacts(
            reference=case.reference,
            open=case.state == "open",
            people=frozenset(people),
            windows=tuple(CaseWindow(*span) for span in spans),
            happened_us=happened_us,
            near=near,
        )

    def _near(self, incident: Incident) -> tuple[int | None, frozenset[str]]:
        """The middle of the incident, and the cameras around its place; nothing unless both are known."""
        if incident.lat is None or incident.lon is None or incident.from_us is None or incident.to_us is None:
            return None, frozenset()
        plane = LocalPlane(incident.lon, incident.lat)
        near = {
            camera.id
            for camera in self._cameras()
            if camera.lon is not None
            and camera.lat is not None
            and math.hypot(*plane.to_metres(camera.lon, camera.lat)) <= max(NEAR_M, camera.range_m or 0.0)
        }
        return ((incident.from_us + incident.to_us) // 2, frozenset(near)) if near else (None, frozenset())

    # Writing; `CaseDesk` decides what.

    def free_reference(self, scheme: str) -> str:
        """The next reference of the council's scheme: `{year}` and `{number}`, four digits or more, are filled in."""
        now = datetime.datetime.fromtimestamp(self._clock.now_us() // SECOND_US, datetime.UTC)
        first_us = int(datetime.datetime(now.year, 1, 1, tzinfo=datetime.UTC).timestamp()) * SECOND_US
        with reading(self._engine) as connection:
            this_year = select(func.count()).select_from(case_file).where(case_file.c.opened_us >= first_us)
            number = int(connection.scalar(this_year) or 0)
            for more in range(1, _TRIES):
                reference = scheme.replace("{year}", str(now.year)).replace("{number}", f"{number + more:04}")
                taken = select(case_file.c.id).where(case_file.c.reference_key == _key(reference))
                if connection.execute(taken).first() is None:
                    return reference
        raise Conflict("No reference of the scheme is free.", advice="Give the reference yourself.")

    def open_case(
        self, case: Case, part: str, footage: Iterable[Footage], act: CaseAct, note: Change | None = None
    ) -> None:
        """Store a new case with its owner in it. Raises Conflict when the reference is taken.

        `note` is called in the same transaction: who may not write the log notes the act for the hub.
        """
        with writing(self._engine) as connection:
            try:
                connection.execute(insert(case_file).values(reference_key=_key(case.reference), **_values(case)))
            except IntegrityError as error:
                raise Conflict(
                    f"There is a case {case.reference} already.", advice="Open that one, or give another reference."
                ) from error
            self._add_person(connection, case.id, case.owner_id, part)
            for each in footage:
                self._add_footage(connection, case.id, each, act)
            _add_act(connection, case.id, act)
            if note is not None:
                note(connection)

    def change(self, case_id: str, act: CaseAct, **values: object) -> None:
        """Other values for a case."""
        with writing(self._engine) as connection:
            connection.execute(update(case_file).where(case_file.c.id == case_id).values(**values))
            _add_act(connection, case_id, act)

    def put_person(self, case_id: str, account_id: str, part: str, act: CaseAct, note: Change | None = None) -> None:
        """Let a person into the case, or give them another part in it; "" lets them out. Raises NotFound."""
        still = (
            case_person.c.case_id == case_id,
            case_person.c.account_id == account_id,
            case_person.c.left_us.is_(None),
        )
        with writing(self._engine) as connection:
            left = connection.execute(update(case_person).where(*still).values(left_us=act.at_us)).rowcount
            if not left and not part:
                raise NotFound("This person is not in the case.", advice="Reload the page.")
            if part:
                self._add_person(connection, case_id, account_id, part)
            _add_act(connection, case_id, act)
            if note is not None:
                note(connection)

    def own(self, case_id: str, owner_id: str, owner: str, act: CaseAct) -> None:
        """Give the case to another owner, who leads it from now on."""
        still = (case_person.c.case_id == case_id, case_person.c.left_us.is_(None))
        with writing(self._engine) as connection:
            connection.execute(update(case_person).where(*still, case_person.c.part == "lead").values(part="works"))
            mine = (*still, case_person.c.account_id == owner_id)
            if not connection.execute(update(case_person).where(*mine).values(part="lead")).rowcount:
                self._add_person(connection, case_id, owner_id, "lead")
            whose = {"owner_id": owner_id, "owner": owner}
            connection.execute(update(case_file).where(case_file.c.id == case_id).values(**whose))
            _add_act(connection, case_id, act)

    def add_footage(self, case_id: str, footage: Iterable[Footage], act: CaseAct) -> None:
        """Cameras and spans that the case is about too."""
        with writing(self._engine) as connection:
            for each in footage:
                self._add_footage(connection, case_id, each, act)
            _add_act(connection, case_id, act)

    def remove_footage(self, case_id: str, footage_id: str, act: CaseAct) -> None:
        """A camera and span that the case is not about. Raises NotFound."""
        mine = (
            case_footage.c.id == footage_id,
            case_footage.c.case_id == case_id,
            case_footage.c.removed_us.is_(None),
        )
        with writing(self._engine) as connection:
            if not connection.execute(update(case_footage).where(*mine).values(removed_us=act.at_us)).rowcount:
                raise NotFound("This span is not in the case.", advice="Reload the page.")
            _add_act(connection, case_id, act)

    def _add_person(self, connection: Connection, case_id: str, account_id: str, part: str) -> None:
        connection.execute(
            insert(case_person).values(
                id=new_id("member", self._clock),
                case_id=case_id,
                account_id=account_id,
                part=part,
                joined_us=self._clock.now_us(),
                left_us=None,
            )
        )

    def _add_footage(self, connection: Connection, case_id: str, footage: Footage, act: CaseAct) -> None:
        connection.execute(
            insert(case_footage).values(
                id=new_id("span", self._clock),
                case_id=case_id,
                camera=footage.camera,
                from_us=footage.from_us,
                to_us=footage.to_us,
                added_us=act.at_us,
                added_by=act.by,
                removed_us=None,
            )
        )


def _key(reference: str) -> str:
    return reference.lower()


def _add_act(connection: Connection, case_id: str, act: CaseAct) -> None:
    connection.execute(insert(case_act).values(case_id=case_id, **asdict(act)))


def incident_values(incident: Incident) -> dict[str, Any]:
    """Columns of an incident."""
    return {
        "place": incident.place,
        "lat": incident.lat,
        "lon": incident.lon,
        "incident_from_us": incident.from_us,
        "incident_to_us": incident.to_us,
    }


def _values(case: Case) -> dict[str, Any]:
    values = {each.name: getattr(case, each.name) for each in fields(Case) if each.name != "incident"}
    return values | incident_values(case.incident)


def _case(row: RowMapping) -> Case:
    incident = Incident(row["place"], row["lat"], row["lon"], row["incident_from_us"], row["incident_to_us"])
    values = {each.name: row[each.name] for each in fields(Case) if each.name != "incident"}
    return Case(incident=incident, **values)
