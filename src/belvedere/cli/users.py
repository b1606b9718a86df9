"""Local accounts from the command line: for the first start and for recovery. The hub logs each act when it next runs."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from belvedere.foundation.clock import Clock, SystemClock
from belvedere.foundation.settings import Settings
from belvedere.hub.access.credentials import Passwords
from belvedere.hub.access.oidc_accounts import unbind
from belvedere.hub.access.staff import Change, StaffDesk
from belvedere.hub.access.staff_sheet import read_sheet
from belvedere.hub.access.users import User, UserDesk
from belvedere.hub.storage import open_engine, upgrade
from belvedere.hub.storage.acts import noting
from belvedere.policy.table import Role


@contextmanager
def _desk(settings: Settings) -> Iterator[UserDesk]:
    clock: Clock = SystemClock()
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        yield UserDesk(engine, clock, frozenset(Role), Passwords(), noting(clock))
    finally:
        engine.dispose()


def add_user(settings: Settings, name: str, role: str, display: str = "") -> str:
    """Make an account; returns its one-time code, to be shown once. Raises BadInput, Conflict."""
    with _desk(settings) as desk:
        return desk.create(name, role, display)[1]


def new_code(settings: Settings, name: str) -> str:
    """A fresh one-time code; the old password and every open session end. Raises NotFound."""
    return new_codes(settings, [name])[name]


def new_codes(settings: Settings, names: Iterable[str]) -> dict[str, str]:
    """Fresh one-time codes by name, as `new_code` makes them. Raises NotFound."""
    with _desk(settings) as desk:
        return {name: desk.renew_code(name)[1] for name in names}


def disable_user(settings: Settings, name: str) -> None:
    """Close an account for good; its entries in the log stay. Raises NotFound."""
    with _desk(settings) as desk:
        desk.disable(name)


def unlink_user(settings: Settings, name: str) -> bool:
    """Forget which account at the council's provider this is; whether one was known. Raises NotFound."""
    clock: Clock = SystemClock()
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        return unbind(engine, UserDesk(engine, clock, frozenset(Role), Passwords()), name, noting(clock))
    finally:
        engine.dispose()


def list_users(settings: Settings) -> list[User]:
    """Every account, by name, without secrets."""
    with _desk(settings) as desk:
        return desk.all()


def carry_out_sheet(settings: Settings, text: str, *, dry_run: bool) -> tuple[list[Change], dict[str, str]]:
    """What a CSV list of people changes, and the codes of those who join. Raises BadInput."""
    sheet = read_sheet(text)
    clock: Clock = SystemClock()
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        desk = StaffDesk(engine, clock, noting(clock))
        changes = desk.plan(sheet.people, sheet.leavers, sheet.fields)
        return changes, {} if dry_run else desk.carry_out(changes)
    finally:
        engine.dispose()


def describe_user(settings: Settings, name: str, told: Mapping[str, str]) -> tuple[str, ...]:
    """Change what an account says of its person, as a row of a list would; returns what differs. Raises NotFound, BadInput."""
    clock: Clock = SystemClock()
    engine = open_engine(settings.hub_database_url)
    try:
        upgrade(engine)
        desk = StaffDesk(engine, clock, noting(clock))
        cells = {"name": name, "roles": ";".join(desk.of(name).roles), **told}
        table = io.StringIO()
        csv.writer(table).writerows([list(cells), list(cells.values())])
        sheet = read_sheet(table.getvalue())
        changes = desk.plan(sheet.people, told=sheet.fields)
        desk.carry_out(changes)
        return changes[0].what
    finally:
        engine.dispose()
