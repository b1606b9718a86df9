"""What is documented of /metrics is what the code says, and the dashboard asks for nothing else."""

import json
import re
from pathlib import Path

from belvedere.hub.figures import FIGURES
from belvedere.hub.health.standing import STANDING
from belvedere.hub.health.words import PAGING_FAULTS, SITE_AWAY, WORDS
from belvedere.site.health.rules import HINTS, FaultKind

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
GUIDE = Path(__file__).parents[2] / "docs" / "guide" / "camera-faults.md"
TICKETS = Path(__file__).parents[2] / "web" / "src" / "health" / "Tickets.tsx"


def test_every_figure_is_in_the_reference() -> None:
    text = (REFERENCE / "metrics.md").read_text("utf-8")
    rows = re.findall(r"^\| `(belvedere_\w+)` \| (\w+) \| (.*?) \| (?:`(\w+)`)? ?\| (.*?) \|$", text, re.MULTILINE)
    assert rows == [(each.shown, each.kind, each.unit, each.label, each.text) for each in FIGURES]


def test_names_follow_the_rules_of_prometheus() -> None:
    assert len({each.name for each in FIGURES}) == len(FIGURES)
    for each in FIGURES:
        assert re.fullmatch(r"belvedere_[a-z][a-z_]*", each.name) and each.kind in ("gauge", "counter")
        assert not each.name.endswith("_total"), "the exposition adds it"
        unit = {"bytes": "_bytes", "days": "_days", "seconds": "_seconds"}.get(each.unit)
        assert unit is None or unit in each.name or each.name == "belvedere_disk_days_left"


def test_the_dashboard_asks_only_for_what_there_is() -> None:
    board = json.loads((REFERENCE / "grafana-dashboard.json").read_text("utf-8"))
    asked = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\bbelvedere_\w+", target["expr"])
    }
    known = {each.shown: each for each in FIGURES}
    assert len(asked) >= 15 and asked <= known.keys()
    for panel in board["panels"]:
        (target,) = panel["targets"]
        assert target["datasource"]["uid"] == "${datasource}", "provisionable: bound to no installation"
        for label in re.findall(r"by \((\w+)\)|\{\{(\w+)\}\}|\{(\w+)[!=~]", target["expr"] + target["legendFormat"]):
            used = {known[name].label for name in re.findall(r"\bbelvedere_\w+", target["expr"])}
            assert next(filter(None, label)) in used
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_kind_of_fault_has_words_and_a_place_in_the_guide() -> None:
    assert set(FaultKind) | {SITE_AWAY, *STANDING, *PAGING_FAULTS} == set(WORDS)
    assert {kind for kind, words in WORDS.items() if words.hint} == set(HINTS)
    text, page = GUIDE.read_text("utf-8"), TICKETS.read_text("utf-8")
    for kind, words in WORDS.items():
        assert f"## {words.title}" in text, kind
        assert words.advice in text, kind
        assert f'["{kind}", ' in page, f"{kind} can be chosen in the list of tickets"
