"""People, cases and asks for tests of the policy: each as it should be, to be changed in one point."""

from dataclasses import replace
from typing import Any

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from belvedere.policy.ask import Approval, Ask, Asker, CaseFacts, CaseWindow, ask_digest
from belvedere.policy.grant import Action

NOW = 1_780_000_000 * SECOND_US
OWN = frozenset({"gate", "court", "stairs"})
ESTATE = OWN | {"quay", "market"}
HAPPENED = NOW - 3 * DAY_US
CASE = CaseFacts(
    reference="CR/26/1",
    open=True,
    people=frozenset({"user_1"}),
    windows=tuple(CaseWindow(name, HAPPENED - 6 * HOUR_US, NOW + DAY_US) for name in ("court", "gate", "quay")),
    happened_us=HAPPENED,
    near=frozenset({"gate", "quay"}),
)


def person(*roles: str, **changes: Any) -> Asker:
    """Somebody trained, licensed and on shift, who works for three cameras of five."""
    asker = Asker(
        user_id="user_1",
        user_name="Ann",
        roles=frozenset(roles),
        cameras=OWN,
        shift_end_us=NOW + 8 * HOUR_US,
        estate=ESTATE,
        team="control room",
        trained_us=NOW - 30 * DAY_US,
        spss_until_us=NOW + 30 * DAY_US,
    )
    return replace(asker, **changes)


def ask(purpose: str, *actions: Action, **changes: Any) -> Ask:
    """An ask for one camera with everything said; under an incident for half an hour around it."""
    asked = Ask(
        grant_id="grant_1",
        purpose=purpose,
        cameras=frozenset({"gate"}),
        actions=frozenset(actions),
        reason="a broken door",
        recipient="North Police",
    )
    if purpose == "investigation":
        around: dict[str, Any] = {"from_us": HAPPENED - 15 * MINUTE_US, "to_us": HAPPENED + 15 * MINUTE_US}
        asked = replace(asked, case="CR/26/1", facts=CASE, **around)
    return replace(asked, **changes)


def approved(asked: Ask, user_id: str = "user_1", **changes: Any) -> Ask:
    """The same ask with the consent of somebody of another team."""
    approval = Approval(
        approver_id="user_2",
        team="supervisors",
        roles=frozenset({"supervisor"}),
        digest=ask_digest(user_id, asked),
        approved_us=NOW - MINUTE_US,
    )
    return replace(asked, approval=replace(approval, **changes))
