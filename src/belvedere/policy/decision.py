"""The one function that decides. Pure: everything it looks at is passed in, and the answer explains itself."""

from collections.abc import Iterable
from dataclasses import dataclass

from belvedere.foundation.clock import DAY_US, iso
from belvedere.foundation.errors import Refused
from belvedere.policy.grant import MINT, Action, Grant
from belvedere.policy.table import DecisionTable, Purpose

MAX_CASE_LETTERS = 64
_NAMED = 3  # cameras named in a refusal before it only counts them


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks. `cameras` are those of the sites that they work for; `shift_end_us` is None when they are off shift."""

    user_id: str
    user_name: str
    roles: frozenset[str]
    cameras: frozenset[str]
    shift_end_us: int | None


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked for. Empty `cameras` or `actions` mean all that the purpose gives; None spans mean its usual reach.

    `grant_id` becomes the id of the grant, if there is one.
    """

    grant_id: str
    purpose: str
    cameras: frozenset[str] = frozenset()
    actions: frozenset[Action] = frozenset()
    case: str = ""
    from_us: int | None = None
    to_us: int | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """Yes with a grant, or no with a reason. `rule` names the line that decided; `reason` and `advice` are shown."""

    # Invariant: `grant` is there when, and only when, the answer is yes.
    grant: Grant | None
    rule: str
    reason: str
    advice: str
    policy_version: str

    @property
    def allowed(self) -> bool:
        return self.grant is not None

    def granted(self) -> Grant:
        """The grant; raises Refused with the reason when there is none."""
        if self.grant is None:
            raise Refused(self.reason, advice=self.advice)
        return self.grant


def decide(asker: Asker, ask: Ask, table: DecisionTable, now_us: int) -> Decision:
    """Whether `asker` gets what they ask, under `table`, at `now_us`. What the table does not allow is refused."""

    def no(rule: str, reason: str, advice: str) -> Decision:
        return Decision(None, rule, reason, advice, table.version)

    purpose = table.purposes.get(ask.purpose)
    if purpose is None:
        return no("purpose.unknown", f"There is no purpose called {ask.purpose!r}.", "Choose one of the list.")
    having = frozenset[Action]().union(
        *(actions for (role, code), actions in table.rows.items() if code == purpose.code and role in asker.roles)
    )
    if not having:
        return no(
            "role",
            f"Your role does not open footage for the purpose “{purpose.text}”.",
            "Ask a colleague whose work this is, or the manager of the control room.",
        )
    beyond = ask.actions - having
    if beyond:
        return no(
            "action",
            f"The purpose “{purpose.text}” does not give you {_list(beyond)}.",
            f"Ask for {_list(having)}, or for another purpose.",
        )
    case = ask.case.strip()
    if purpose.needs_case and not case:
        return no("case.missing", f"“{purpose.text}” needs the reference of a case.", "Give the case reference.")
    if len(case) > MAX_CASE_LETTERS or any(ord(letter) < 32 for letter in case):
        return no("case.form", "This case reference can't be right.", f"Give at most {MAX_CASE_LETTERS} letters.")
    cameras = ask.cameras or asker.cameras
    if not cameras:
        return no("cameras.none", "There is no camera at your sites.", "Add a camera, or ask to be given a site.")
    foreign = cameras - asker.cameras
    if foreign:
        return no("cameras.foreign", f"Not at your sites: {_list(foreign)}.", "Ask for cameras of your own sites.")
    return _span(asker, ask, purpose, table.version, now_us, cameras, case, ask.actions or having)


def _span(
    asker: Asker,
    ask: Ask,
    purpose: Purpose,
    version: str,
    now_us: int,
    cameras: frozenset[str],
    case: str,
    actions: frozenset[Action],
) -> Decision:
    """The second half of `decide`: how long, and over which footage."""
    expires_us = now_us + purpose.longest_us
    if purpose.ends_with_shift:
        if asker.shift_end_us is None or asker.shift_end_us <= now_us:
            return Decision(None, "shift", "You are not on shift.", "Start your shift, or ask under a case.", version)
        expires_us = min(expires_us, asker.shift_end_us)
    from_us = now_us - purpose.usual_reach_us if ask.from_us is None else ask.from_us
    to_us = expires_us if ask.to_us is None else min(ask.to_us, expires_us)
    if purpose.longest_reach_us is not None and from_us < now_us - purpose.longest_reach_us:
        days = purpose.longest_reach_us // DAY_US
        return Decision(
            None,
            "span.reach",
            f"“{purpose.text}” reaches back {days} days, to {iso(now_us - purpose.longest_reach_us)}.",
            "Ask for later footage, or under a case.",
            version,
        )
    if from_us >= to_us:
        return Decision(
            None, "span.empty", "The span asked for is empty or lies in the future.", "Give an earlier start.", version
        )
    grant = Grant(
        id=ask.grant_id,
        user_id=asker.user_id,
        user_name=asker.user_name,
        purpose=purpose.code,
        purpose_text=purpose.text,
        case=case,
        cameras=cameras,
        from_us=from_us,
        to_us=to_us,
        actions=actions,
        issued_us=now_us,
        expires_us=expires_us,
        masked=purpose.masked,
        approver="",
        policy_version=version,
        mint=MINT,
    )
    return Decision(grant, f"allow.{purpose.code}", f"{purpose.text} until {iso(expires_us)}.", "", version)


def _list(words: Iterable[str]) -> str:
    names = sorted(words)
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
