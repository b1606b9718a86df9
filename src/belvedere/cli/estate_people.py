"""Who works at Alder Grove: the demo's accounts, fit for duty from the first minute, each of a team of their own."""

from belvedere.cli.users import list_users, new_codes
from belvedere.foundation.clock import DAY_US, HOUR_US, Clock
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
_WATCHES = ("operator", "supervisor")  # on the roster, and licensed to move cameras
_SHIFT_US = 12 * HOUR_US
_SHIFTS = 14  # one after another: whoever tries the demo, whenever, is on shift
_TRAINED_FOR_US = 300 * DAY_US  # renewed well before it runs out
_LICENSED_FOR_US = 365 * DAY_US
_LICENCE = "demo, not a licence"


def codes_of_the_demo(settings: Settings, clock: Clock) -> dict[str, str]:
    """One-time codes by name: for the operator always, for others until they have a way in of their own.

    Accounts that are missing are made; what a roster, a training or a licence of theirs lacks is filled up. Blocking.
    """
    known = {user.name: user for user in list_users(settings)}
    people = [_fit(name, display, team, known.get(name), clock.now_us()) for name, display, team in _PEOPLE]
    due = [each for each in people if each.name not in known or not known[each.name].disabled]
    ours = {each.name for each in people}
    engine = open_engine(settings.hub_database_url)
    try:
        desk = StaffDesk(engine, clock, noting(clock))
        told = frozenset({"trained_us", "team", "shifts", "spss_number", "spss_expires_us"})
        codes = desk.carry_out(desk.plan(due, told=told))
    finally:
        engine.dispose()
    codes |= new_codes(
        settings,
        [
            name
            for name, user in known.items()
            if name == FIRST or (name in ours and not (user.has_passkey or user.has_password or user.disabled))
        ],
    )
    return {each.name: codes[each.name] for each in people if each.name in codes}


def _fit(name: str, display: str, team: str, known: User | None, now_us: int) -> Staff:
    """The person with everything that the action table wants of them; what still holds stays as it is."""
    trained_us = known.trained_us if known is not None else None
    if trained_us is None or trained_us < now_us - _TRAINED_FOR_US:
        trained_us = now_us
    if name not in _WATCHES:
        return Staff(name, display, (name,), trained_us=trained_us, team=team)
    shifts, until_us = (known.shifts, known.spss_expires_us) if known is not None else ((), None)
    if not shifts or shifts[-1][1] < now_us + _SHIFT_US:
        first_us = now_us - now_us % HOUR_US
        shifts = tuple((first_us + n * _SHIFT_US, first_us + (n + 1) * _SHIFT_US) for n in range(_SHIFTS))
    if until_us is None or until_us < now_us + DAY_US:
        until_us = now_us + _LICENSED_FOR_US
    return Staff(
        name,
        display,
        (name,),
        shifts=shifts,
        trained_us=trained_us,
        spss_number=_LICENCE,
        spss_expires_us=until_us,
        team=team,
    )
