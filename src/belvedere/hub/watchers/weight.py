"""Which findings the data protection officer is told at once, and which wait for the weekly list.

Most single findings have an innocent reason: a swap of shifts that nobody entered, a day with a large incident. What is strong by
itself is told at once; what is weak is told at once when it is the fourth of its kind by the same person in 30 days, or when four
different rules found something about them. Like the detectors it remembers nothing that is not in the log.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from belvedere.hub.watchers.findings import WINDOW_US, Finding
from belvedere.hub.watchers.habits import FAR_ABOVE

TOGETHER = 4  # weak findings of one rule, or of so many rules, in 30 days
ALONE_DAYS = 5  # of searches for one subject in cases that nobody else works on

# What makes a finding of a rule strong by itself. A rule that is not here is always strong.
_STRONG: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "repeat_subject": lambda facts: not facts["shared"] and (facts["uncased"] > 0 or facts["days"] >= ALONE_DAYS),
    "repeat_place": lambda facts: bool(facts["far"]),
    "off_shift": lambda facts: False,
    "volume": lambda facts: bool(facts["count"] > FAR_ABOVE * facts["median"]),
    "case_timing": lambda facts: len(facts["cases"]) > 1,
    "dwelling_look": lambda facts: False,
}


class Weighing:
    """Sets how strong findings are, in the order of their time."""

    def __init__(self) -> None:
        self._weak: dict[str, deque[Finding]] = {}

    def weigh(self, finding: Finding) -> Finding:
        """The finding, weak or strong."""
        strong = _STRONG.get(finding.rule)
        if strong is None or strong(finding.facts):
            return finding
        weak = self._weak.setdefault(finding.person, deque())
        weak.append(finding)
        while weak[0].time_us <= finding.time_us - WINDOW_US:
            weak.popleft()
        # Many subjects looked for again are much work; one subject looked for too long is strong by itself.
        same = sum(each.rule == finding.rule != "repeat_subject" for each in weak)
        if same < TOGETHER and len({each.rule for each in weak}) < TOGETHER:
            return replace(finding, strong=False)
        return finding
