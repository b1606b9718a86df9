"""Who works at Alder Grove: the demo's accounts, so that there is somebody of another team to ask."""

from belvedere.cli.users import list_users, new_code
from belvedere.foundation.clock import Clock
from belvedere.foundation.settings import Settings
from belvedere.hub.access.staff import Staff, StaffDesk
from belvedere.hub.access.users import User
from belvedere.hub.storage import open_engine
from belvedere.hub.storage.acts import noting

FIRST = "operator"  # whom the first page is meant for
_PEOPLE = (
    ("operator", "Olu Operator", "Control room"),
    ("investigator", "Ines Investigator", "Investigations"),
    ("supervisor", "Sam Supervisor", "Community safety"),
    ("dpo", "Dana Officer", "Data protection"),
)


def codes_of_the_demo(settings: Settings, clock: Clock) -> dict[str, str]:
    """One-time codes by name: for the operator always, for others until they have a way in of their own.

    Accounts that are missing are made, all trained today. Blocking.
    """
    known = {user.name: user for user in list_users(settings)}
    now_us = clock.now_us()
    people = [Staff(name, display, (name,), trained_us=now_us, team=team) for name, display, team in _PEOPLE]
    due = [each for each in people if each.name not in known or _untrained(known[each.name])]
    ours = {each.name for each in people}
    engine = open_engine(settings.hub_database_url)
    try:
        desk = StaffDesk(engine, clock, noting(clock))
        codes = desk.carry_out(desk.plan(due, told=frozenset({"trained_us", "team"})))
    finally:
        engine.dispose()
    for name, user in known.items():
        if name == FIRST or (name in ours and not (user.has_passkey or user.has_password or user.disabled)):
            codes[name] = new_code(settings, name)
    return {each.name: codes[each.name] for each in people if each.name in codes}


def _untrained(user: User) -> bool:
    return user.trained_us is None and not user.disabled
