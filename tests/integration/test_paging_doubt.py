"""Paging when something is odd: words that no mail can carry, a clock that was set back, a plan that is out of date."""

from pathlib import Path

import pytest

from belvedere.foundation.clock import DAY_US, HOUR_US
from belvedere.foundation.errors import Conflict
from belvedere.hub.paging.ladder import State
from belvedere.hub.paging.plan import Contact, Plan, Step
from paging_stage import ANN, BOB, DESK, night, outside

ODD = Contact(
    name="Odd", channel="email", address="({|).@--.."
)  # Python's own mail parser fails on it with a TypeError


async def test_an_address_that_no_mail_can_carry_stops_nobody_from_being_called(tmp_path: Path) -> None:
    steps = (Step(contacts=(ODD,), wait_minutes=10), Step(contacts=(DESK,), wait_minutes=10))
    async with outside(tmp_path) as got, night(tmp_path, Plan(on=True, stands_minutes=1, steps=steps)) as dark:
        dark.fault()
        await dark.after(2)
        await dark.desk.turn()
        assert len(got.hooks) == 1, "the next step was called, without its wait"
        sent = dark.desk.book.messages(dark.desk.book.live()[0].id)
        assert [(each.name, each.state) for each in sent] == [("Odd", "failed"), ("Night desk", "sent")]
        assert ODD.address not in sent[0].fault


@pytest.mark.parametrize("back_us", [HOUR_US, 400 * DAY_US])
async def test_a_clock_that_was_set_back_keeps_nobody_from_being_called(tmp_path: Path, back_us: int) -> None:
    steps = (Step(contacts=(DESK,), wait_minutes=10), Step(contacts=(BOB,), wait_minutes=10))
    plan = Plan(on=True, stands_minutes=1, again_minutes=30, in_office_hours=True, steps=steps)
    async with outside(tmp_path) as got, night(tmp_path, plan) as dark:
        fault = dark.fault()
        await dark.after(2)
        assert len(got.hooks) == 1
        dark.stage.clock.step(-back_us)
        await dark.desk.turn()
        assert len(got.texts) == 1, "nobody waits for a time that was never"
        dark.mend(fault)
        await dark.desk.turn()
        dark.fault(subject="camera:court")
        await dark.after(2)
        assert [page.state for page in dark.desk.book.live()] == [State.CALLING]


async def test_a_plan_that_is_out_of_date_is_not_in_the_log(tmp_path: Path) -> None:
    plan = Plan(on=True, steps=(Step(contacts=(ANN,), wait_minutes=10),))
    async with outside(tmp_path), night(tmp_path, plan) as dark:
        user = dark.stage.hub.users.find("ann")
        assert user is not None
        version = dark.desk.book.plan().version
        with pytest.raises(Conflict):
            await dark.desk.put_plan(user, plan, version + 4)
        assert "page.planned" not in dark.stage.kinds()
        await dark.desk.put_plan(user, replace_on(plan), version)
        assert dark.stage.kinds().count("page.planned") == 1


def replace_on(plan: Plan) -> Plan:
    return plan.model_copy(update={"on": not plan.on})
