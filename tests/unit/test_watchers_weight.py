"""What the data protection officer is told at once, and what waits for the weekly list."""

from typing import Any

from belvedere.foundation.clock import DAY_US
from belvedere.hub.watchers.findings import Finding
from belvedere.hub.watchers.weight import Weighing

T = 1_780_000_000_000_000


def found(rule: str, day: int = 0, person: str = "user_1", **facts: Any) -> Finding:
    told = {"shared": 1, "uncased": 0, "days": 3, "count": 40, "median": 10, "cases": ["C1"], "far": False} | facts
    return Finding(rule, person, f"{rule}:{person}:{day}", "", T + day * DAY_US, told)


def strong(*findings: Finding) -> list[bool]:
    weighing = Weighing()
    return [weighing.weigh(each).strong for each in findings]


def test_what_is_strong_by_itself_is_told_at_once() -> None:
    for finding in (
        found("repeat_subject", shared=0, uncased=3),
        found("repeat_subject", shared=0, days=5),
        found("volume", count=61),
        found("case_timing", cases=["C1", "C2", "C3", "C4"]),
        found("repeat_place", far=True),
        *(found(rule) for rule in ("declared_conflict", "approver_pair", "glass_unreviewed")),
    ):
        assert strong(finding) == [True], finding
    for finding in (
        found("repeat_subject", shared=1, uncased=3),
        found("repeat_subject", shared=0, days=4),
        found("volume", count=60),
        found("case_timing"),
        found("off_shift"),
        found("repeat_place"),
        found("dwelling_look"),
    ):
        assert strong(finding) == [False], finding


def test_the_fourth_of_a_kind_in_thirty_days_is_strong() -> None:
    days = [found("off_shift", day) for day in (0, 9, 18, 29, 31)]
    assert strong(*days[:4]) == [False, False, False, True]
    assert strong(*days[:3], found("off_shift", 30)) == [False] * 4, "the first is thirty days old"
    assert strong(*(found("repeat_subject", day) for day in range(5))) == [False] * 5, "much work has many subjects"
    assert strong(*(found("off_shift", day, f"user_{day}") for day in range(5))) == [False] * 5


def test_four_weak_signs_of_different_kinds_are_strong() -> None:
    rules = ("off_shift", "volume", "case_timing", "dwelling_look")
    assert strong(*(found(rule, at) for at, rule in enumerate(rules))) == [False, False, False, True]
    assert (
        strong(*(found(rule, at) for at, rule in enumerate(("off_shift", "volume", "off_shift", "volume"))))
        == [False] * 4
    )
