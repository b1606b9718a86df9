"""Who may decide on a request: another person, of another team, in a role that the policy names; and who of them is there."""

from collections.abc import Iterable
from dataclasses import dataclass

from belvedere.hub.access.sessions import SessionDesk
from belvedere.hub.access.users import User, UserDesk, team_of
from belvedere.hub.approvals.ask import AccessRequest, State
from belvedere.hub.approvals.roster import Roster
from belvedere.hub.watchers.conflicts import CONFLICTED, Conflicts

_NAMED = 4


@dataclass(frozen=True, slots=True)
class Approver:
    """Somebody who may decide. `here`: signed in now."""

    user: User
    on_call: bool
    here: bool


class Approvers:
    """Blocking; call it in a thread from async code."""

    def __init__(self, users: UserDesk, sessions: SessionDesk, roster: Roster, *, codes: bool = False) -> None:
        """`codes`: a code stands for a passkey (the demo), so that who has none may decide too."""
        self._codes = codes
        self._users = users
        self._sessions = sessions
        self._roster = roster

    def holding(self, roles: Iterable[str]) -> list[User]:
        """People with one of these roles, by name."""
        wanted = frozenset(str(role) for role in roles)
        return [user for user in self._users.all() if not user.disabled and user.roles & wanted]

    def look(self) -> "Present":
        """Who is there now, read once for as many requests as are shown."""
        able = [user for user in self._users.all() if (user.has_passkey or self._codes) and not user.disabled]
        return Present(able, self._roster.on_call(), self._sessions)

    def of(self, account_id: str, team: str, roles: Iterable[str]) -> list[Approver]:
        """Who may decide for somebody of `team`; those who are here first, then those on call."""
        return self.look().of(account_id, team, roles)


class Present:
    """Who could decide, as they are at one moment. Blocking."""

    def __init__(self, able: list[User], on_call: frozenset[str], sessions: SessionDesk) -> None:
        self._able = able
        self._on_call = on_call
        self._sessions = sessions
        self._here: dict[str, bool] = {}

    def of(self, account_id: str, team: str, roles: Iterable[str]) -> list[Approver]:
        """As `Approvers.of`."""
        wanted = frozenset(str(role) for role in roles)
        found = [
            Approver(user, user.id in self._on_call, self._is_here(user.id))
            for user in self._able
            if user.roles & wanted and user.id != account_id and team_of(user) != team
        ]
        return sorted(found, key=lambda each: (not each.here, not each.on_call, each.user.display))

    def _is_here(self, account_id: str) -> bool:
        if account_id not in self._here:
            self._here[account_id] = bool(self._sessions.of(account_id))
        return self._here[account_id]


def why_not(user: User, request: AccessRequest, now_us: int) -> str:
    """Why this person can't decide on this request, "" where they can."""
    if request.state is not State.WAITING:
        return f"This request is no longer waiting: it was {request.state}."
    if request.lapses_us <= now_us:
        return "This request has lapsed."
    if user.id == request.account_id:
        return "Nobody decides on what they ask for themselves."
    if not user.roles & set(request.approvers):
        return f"This takes one of these roles: {', '.join(request.approvers)}."
    if team_of(user) == request.team:
        return "Who decides has to be of another team."
    return ""


def conflict_reason(conflicts: Conflicts, user: User, request: AccessRequest) -> str:
    """Why this person's own declarations keep them from deciding, "" where they don't. Blocking."""
    if request.state is not State.WAITING or user.id == request.account_id:
        return ""
    wanted = request.wanted
    touched = conflicts.touches(user.id, (wanted.reason, wanted.recipient), wanted.cameras, wanted.case)
    return CONFLICTED if touched else ""


def sentence(approvers: list[Approver]) -> str:
    """`Dana and Sam can decide now; Sam is on call.`"""
    here = [each.user.display for each in approvers if each.here]
    call = [each.user.display for each in approvers if each.on_call]
    away = [each.user.display for each in approvers if each.on_call and not each.here]
    if not approvers:
        return "Nobody of another team can decide on this. Ask the manager of the control room."
    if not here and not call:
        return (
            f"Nobody who can decide is signed in or on call. {_names([a.user.display for a in approvers], 'or')} may."
        )
    parts = [f"{_names(here, 'and')} can decide now"] if here else []
    if call:
        told = " and can be reached by phone" if away == call and not here else ""
        parts.append(f"{_names(call, 'and')} {'is' if len(call) == 1 else 'are'} on call{told}")
    return "; ".join(parts) + "."


def _names(names: list[str], link: str) -> str:
    shown = names[:_NAMED]
    if len(names) > _NAMED:
        return ", ".join(shown) + f" {link} {len(names) - _NAMED} more"
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" {link} {shown[-1]}"
