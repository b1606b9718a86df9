"""The cases of Alder Grove: what residents reported about last night, opened by the demo as a case worker would."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection

from belvedere.cli.up import last_night
from belvedere.cli.users import list_users
from belvedere.demo.films import midnight_us
from belvedere.demo.incidents import INCIDENTS, window
from belvedere.demo.scene import Incident as Scripted
from belvedere.demo.town import to_lonlat
from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.ids import new_id
from belvedere.foundation.settings import Settings
from belvedere.hub.access.users import User
from belvedere.hub.cases.desk import OPENED, PERSON_ADDED, incident_facts
from belvedere.hub.cases.rules import USUAL_REVIEW_US, Footage, Incident
from belvedere.hub.cases.store import Case, CaseAct, CaseBook, CaseFilter
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.storage import open_engine
from belvedere.hub.storage.acts import note_as

_KINDS = {
    "fall": "accident",
    "moped": "asb",
    "gathering": "asb",
    "criminal_damage": "damage",
    "fly_tipping": "fly_tipping",
}
_LEADS, _WORKS = "investigator", "operator"
_BY = "command line"


def open_cases(settings: Settings, clock: Clock) -> int:
    """A case for each thing that happened last night, unless it was opened before; returns how many are new. Blocking.

    The investigator leads them and the operator works on them. The log has them as acts of the command line.
    """
    people = {user.name: user for user in list_users(settings)}
    lead, works = people.get(_LEADS), people.get(_WORKS)
    if lead is None or works is None:
        return 0
    engine = open_engine(settings.hub_database_url)
    try:
        book = CaseBook(engine, clock, CameraRegister(engine, clock).list_cameras)
        known = {(each.title, each.incident.from_us) for each in book.find(CaseFilter(person=lead.id), limit=1000)}
        new = 0
        for scripted in INCIDENTS:
            incident = _incident(scripted, clock)
            if (scripted.title, incident.from_us) not in known:
                _open(book, settings, clock, scripted, incident, lead, works)
                new += 1
        return new
    finally:
        engine.dispose()


def _incident(scripted: Scripted, clock: Clock) -> Incident:
    lon, lat = to_lonlat(scripted.x, scripted.y)
    midnight = midnight_us(last_night(clock))
    from_us, to_us = (midnight + round(s * SECOND_US) for s in (scripted.start_s, scripted.end_s))
    return Incident("Alder Grove", lat, lon, from_us, to_us)


def _open(
    book: CaseBook, settings: Settings, clock: Clock, scripted: Scripted, incident: Incident, lead: User, works: User
) -> None:
    now_us, midnight = clock.now_us(), midnight_us(last_night(clock))
    start_us, end_us = (midnight + round(s * SECOND_US) for s in window(scripted))
    footage = tuple(Footage(camera, start_us, end_us) for camera in scripted.cameras)
    case = Case(
        id=new_id("case", clock),
        reference=book.free_reference(settings.hub.case_scheme),
        kind=_KINDS[scripted.kind],
        regime="uk_gdpr",
        title=scripted.title,
        owner_id=lead.id,
        owner=lead.display,
        state="open",
        opened_us=now_us,
        opened_by=lead.id,
        closed_us=None,
        closed_by="",
        closed_why="",
        review_us=now_us + USUAL_REVIEW_US,
        incident=incident,
    )
    facts = {"kind": case.kind, "regime": case.regime, "title": case.title, "review_us": case.review_us}
    spans = [{"camera": each.camera, "from_us": each.from_us, "to_us": each.to_us} for each in footage]
    opened = _act(clock, OPENED, facts | incident_facts(incident) | {"footage": spans}, scripted.report)
    book.open_case(case, "lead", footage, opened, _note(opened, case))
    added = _act(clock, PERSON_ADDED, {"user": works.id, "name": works.name, "part": "works"}, "On shift")
    book.put_person(case.id, works.id, "works", added, _note(added, case))


def _act(clock: Clock, kind: str, facts: dict[str, Any], reason: str) -> CaseAct:
    """For the case's own history; the log's entry gets its number from the hub, within seconds."""
    return CaseAct(new_id("act", clock), clock.now_us(), "", _BY, kind, facts, reason, audit_index=-1)


def _note(act: CaseAct, case: Case) -> Callable[[Connection], None]:
    words = {"case": case.reference, "case_id": case.id, **act.facts, "reason": act.reason}
    return note_as(act.id, act.at_us, act.kind, words)
