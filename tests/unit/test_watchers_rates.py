"""What the detectors make of simulated staff: flags of honest people, and whether scripted abuses are found."""

from collections import Counter

import pytest

from belvedere.hub.watchers.desk import all_detectors
from belvedere.hub.watchers.weight import Weighing
from watch_staff import ABUSES, honest, run

# Flags a staff-month of honest staff, at most; measured figures stand in docs/design/watchers.md.
MOST = {
    "repeat_subject": 0.5,
    "repeat_place": 0.1,
    "declared_conflict": 0.1,
    "off_shift": 0.4,
    "volume": 0.3,
    "case_timing": 0.4,
    "approver_pair": 0.15,
}
MOST_AT_ONCE = 0.1  # of all rules together; the rest waits for the weekly list


@pytest.mark.parametrize(
    ("days", "staff"), [(61, 12), pytest.param(90, 40, marks=pytest.mark.slow)], ids=["small", "large"]
)
def test_honest_staff_are_seldom_flagged_and_abuse_is_found(days: int, staff: int) -> None:
    world = honest(1, days=days, staff=staff)
    found = run(all_detectors(), world)
    counts = Counter(finding.rule for finding in found)
    weighing = Weighing()
    at_once = sum(weighing.weigh(finding).strong for finding in found)
    slack = 1 if staff >= 40 else 3  # few staff-months: one flag more or less weighs much
    assert at_once <= slack * MOST_AT_ONCE * world.staff_months
    assert {rule: count for rule, count in counts.items() if count / world.staff_months > slack * MOST[rule]} == {}
    known = {finding.matter for finding in found}
    person = world.staff[2].id
    extra = tuple(act for _, make in ABUSES.values() for act in make(person, world))
    weighing = Weighing()
    again = [weighing.weigh(finding) for finding in run(all_detectors(), world, extra)]
    told = {each.rule for each in again if each.strong and each.person == person and each.matter not in known}
    assert {rule for rule, _ in ABUSES.values()} <= told
