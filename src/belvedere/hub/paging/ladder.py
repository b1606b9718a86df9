"""What happens next with a page that nobody has answered. Pure: no clock, no database."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from belvedere.foundation.clock import MINUTE_US
from belvedere.hub.paging.plan import Plan

_CLOCK_US = 15 * MINUTE_US  # by less a clock is set back without anybody being called early


class State(StrEnum):
    ASKED = "asked"  # a test that waits for the hub
    CALLING = "calling"
    ANSWERED = "answered"
    UNANSWERED = "unanswered"  # every round was climbed
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Page:
    """One call for help. Fields: see `tables.page`."""

    id: str
    site_id: str
    test: bool
    state: State
    round: int
    last_round: int
    step: int
    step_us: int
    asked_by: str
    opened_us: int
    answered_us: int | None
    answered_by: str
    answered_how: str
    over_us: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """Call this step now."""

    round: int
    step: int


@dataclass(frozen=True, slots=True)
class GiveUp:
    """Everybody was called in every round."""


def next_move(page: Page, plan: Plan, now: datetime, now_us: int, *, failed: bool) -> Call | GiveUp | None:
    """What to do with it at local `now`. `failed`: not one message of its step could be sent, nor is one still tried.

    Steps with nobody on them at this time are passed over. Where that leaves nobody at all, it waits until somebody is on.
    """
    if page.state is not State.CALLING or page.test:
        return None
    waited = page.step < 0 or passed(page.step_us, _wait_us(page, plan), now_us)
    if waited or failed:
        for step in range(page.step + 1, len(plan.steps)):
            if plan.on_call(step, now):
                return Call(page.round, step)
    if not waited or page.step < 0:
        return None
    if page.round >= page.last_round:
        return GiveUp()
    first = next((step for step in range(len(plan.steps)) if plan.on_call(step, now)), None)
    return None if first is None else Call(page.round + 1, first)


def passed(since_us: int, wait_us: int, now_us: int) -> bool:
    """Whether a wait is over. One that began well in the future is: the clock was set back, and it would last for ever."""
    return not -_CLOCK_US <= now_us - since_us < wait_us


def nobody_on(page: Page, plan: Plan, now: datetime) -> bool:
    """Whether a page waits that nobody was called about, because nobody is on the rota now."""
    unheard = page.state is State.CALLING and not page.test and page.step < 0
    return unheard and not any(plan.on_call(step, now) for step in range(len(plan.steps)))


def _wait_us(page: Page, plan: Plan) -> int:
    step = min(page.step, len(plan.steps) - 1)  # the plan may have become shorter meanwhile
    return plan.steps[step].wait_minutes * MINUTE_US if step >= 0 else 0
