"""People as those who give access see them: roles and attributes, what runs out soon, how they sign in, when last seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Engine, func, select

from belvedere.foundation.clock import DAY_US, Clock
from belvedere.hub.access.users import User
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import passkey, session
from belvedere.policy.row import DecisionTable, Need, Role, Row, Second, StepUp

WARN_US = 60 * DAY_US  # so long before a training or licence runs out it is said


@dataclass(frozen=True, slots=True)
class Presence:
    """How one person signs in, and when they were last here. `seen_us`: None where nothing is known."""

    passkeys: int = 0
    sessions: int = 0
    seen_us: int | None = None


def presences(engine: Engine, clock: Clock) -> Mapping[str, Presence]:
    """By account id. Blocking."""
    now_us = clock.now_us()
    with reading(engine) as connection:
        keys = connection.execute(
            select(passkey.c.account_id, func.count(), func.max(passkey.c.used_us)).group_by(passkey.c.account_id)
        )
        found = {row[0]: Presence(row[1], 0, row[2] or None) for row in keys}
        open_ones = connection.execute(
            select(session.c.account_id, func.count(), func.max(session.c.used_us))
            .where(session.c.expires_us > now_us)
            .group_by(session.c.account_id)
        )
        for account_id, count, used_us in open_ones:
            known = found.get(account_id, Presence())
            found[account_id] = Presence(known.passkeys, count, max(used_us, known.seen_us or 0))
        return found


def warnings(user: User, roles: Iterable[str], now_us: int, training_life_us: int) -> list[str]:
    """What of a person has run out or will soon, in sentences; of those only who watch live pictures."""
    if user.disabled or not {str(Role.OPERATOR), str(Role.SUPERVISOR), str(Role.MANAGER)} & set(roles):
        return []
    trained_until_us = None if user.trained_us is None else user.trained_us + training_life_us
    found = []
    for what, until_us in (("Training", trained_until_us), ("SPSS licence", user.spss_expires_us)):
        if until_us is None:
            found.append(f"{what} not known")
        elif until_us <= now_us:
            found.append(f"{what} has run out")
        elif until_us - now_us < WARN_US:
            days = (until_us - now_us) // DAY_US
            found.append(f"{what} runs out in {days} day{'' if days == 1 else 's'}")
    return found


ROLE_TEXTS: Mapping[Role, tuple[str, str]] = {
    Role.OPERATOR: ("Operator", "Watches live pictures on shift and looks back around incidents."),
    Role.INVESTIGATOR: ("Investigator", "Works on cases: looks at recordings that a case covers."),
    Role.SUPERVISOR: ("Supervisor", "Leads a shift; second person for what colleagues of other teams ask."),
    Role.CASE_APPROVER: ("Case approver", "Second person for what leaves the room. Asks for nothing."),
    Role.MANAGER: ("Manager", "Runs the control room."),
    Role.DPO: ("Data protection officer", "Owns purposes, reads the whole log, reviews. Sees no pictures."),
    Role.AUDITOR: ("Auditor", "Reads and verifies the whole log. Sees no pictures."),
    Role.INSTALLER: ("Installer", "Sets cameras up and mends them. Sees no pictures."),
    Role.REGISTER_EDITOR: ("Register editor", "Keeps the register of sites and cameras. Sees no pictures."),
    Role.AGENCY_LIAISON: ("Agency liaison", "Takes in what other agencies ask for. Sees no pictures."),
    Role.ADMINISTRATOR: (
        "Platform administrator",
        "Accounts and settings. Sees no pictures, can't change their own roles, and can act as nobody else.",
    ),
}
_NEEDS = {
    Need.REASON: "a reason in one's own words",
    Need.LEGAL_BASIS: "a legal basis",
    Need.RECIPIENT: "who receives it",
    Need.SPAN: "footage from when to when",
    Need.TRAINING: "training in date",
    Need.SPSS: "an SPSS licence in date",
}


def row_words(row: Row) -> list[str]:
    """What one row of the action table asks for, in sentences' parts."""
    said = []
    if row.second is not Second.NONE:
        who = ", ".join(sorted(ROLE_TEXTS[role][0].lower() for role in row.approvers))
        when = "before" if row.second is Second.BEFORE else "afterwards, within a day"
        said.append(f"a second person {when} ({who})")
    if row.step_up is StepUp.RECENT:
        said.append("a passkey used within the last minutes")
    elif row.step_up is StepUp.BOUND:
        said.append("a passkey, over exactly this act")
    return said + [_NEEDS[need] for need in sorted(row.needs)]


def may_do(table: DecisionTable, role: Role) -> list[Row]:
    """The rows of the table that a role may use."""
    return [row for row in table.rows if role in row.roles]


def sees_pictures(table: DecisionTable, role: Role) -> bool:
    """Whether any row opens footage for the role."""
    return any(row.actions for row in may_do(table, role))
