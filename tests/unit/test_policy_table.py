"""The tables as data: sound, and the same as docs/design/grants.md says."""

import re
from pathlib import Path

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable, Need, Purpose, Reach, Role, Row, Second, StepUp, Zone
from belvedere.policy.table import FULL_TABLE, TABLE, TABLES

PAGE = (Path(__file__).parents[2] / "docs" / "design" / "grants.md").read_text("utf-8")
BLIND = {Role.DPO, Role.AUDITOR, Role.INSTALLER, Role.ADMINISTRATOR, Role.REGISTER_EDITOR, Role.AGENCY_LIAISON}


def span(us: int | None) -> str:
    """A length in words."""
    if us is None:
        return "as the purpose"
    for unit, word in ((DAY_US, "d"), (HOUR_US, "h"), (MINUTE_US, "min")):
        if us % unit == 0 and (us >= 2 * unit or unit != DAY_US):
            return f"{us // unit} {word}"
    raise AssertionError(us)


def words(names: object) -> str:
    return ", ".join(sorted(str(name) for name in names)) or "-"  # type: ignore[attr-defined]


def row_line(row: Row) -> str:
    second = {Second.NONE: "no", Second.BEFORE: "before: ", Second.AFTER: "after: "}[row.second]
    most = f", {row.most} a {row.per.replace('_', '-')}" if row.most is not None else ""
    zone = "any" if row.zone is Zone.ANY else "own"
    reach = "" if row.reach is Reach.ANY else f" ({row.reach})"
    cells = [
        f"`{row.act}`",
        row.text,
        words(row.kinds),
        words(row.actions) + reach + (f" beside {words(row.beside)}" if row.beside else ""),
        words(row.roles),
        zone,
        second + (words(row.approvers) if row.approvers else ""),
        str(row.step_up),
        span(row.longest_us) + most,
        words(row.needs),
        row.notes or "-",
    ]
    return f"| {' | '.join(cells)} |"


def purpose_line(purpose: Purpose) -> str:
    assert (purpose.actions, purpose.roles, purpose.most_cameras, purpose.longest_span_us) == (None,) * 4
    back = "the case decides" if purpose.longest_reach_us is None else span(purpose.longest_reach_us)
    cells = [
        f"`{purpose.code}`",
        purpose.text,
        str(purpose.kind),
        purpose.lawful_basis or "-",
        span(purpose.longest_us) + (", the shift at most" if purpose.ends_with_shift else ""),
        f"{span(purpose.usual_reach_us)}, at most {back}",
        "a case" if purpose.needs_case else "-",
        "masked" if purpose.masked else "as recorded",
    ]
    return f"| {' | '.join(cells)} |"


def limits_line(table: DecisionTable) -> str:
    lengths = (table.near_us, table.recent_us, table.approval_life_us, table.review_us, table.training_life_us)
    kept = [name for name in ("cases_known", "purposes_kept", "rosters_count") if getattr(table, name)]
    return f"| `{table.version}` | {' | '.join(map(span, lengths))} | {words(kept)} |"


def test_the_page_says_what_the_tables_say() -> None:
    expected = []
    for table in TABLES.values():
        assert [row.act for row in table.rows] == [row.act for row in table.rows if table.row(row.act) is row]
        assert all(code == purpose.code for code, purpose in table.purposes.items())
        lines = [*map(purpose_line, table.purposes.values()), *map(row_line, table.rows), limits_line(table)]
        expected += lines
    found = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z0-9._-]+` \|", line)]
    assert found == expected, "\n" + "\n".join(expected)
    assert FULL_TABLE.row("nothing") is None and TABLES == {"open_desk": TABLE, "four_eyes": FULL_TABLE}


def test_one_row_for_each_question() -> None:
    """Of an action, kind and role there is one row, or one for NEAR and one for WIDE with the same cameras and roles."""
    for table in TABLES.values():
        for row in table.rows:
            for other in table.rows:
                if row is other or not row.kinds & other.kinds or not row.actions & other.actions:
                    continue
                assert {row.reach, other.reach} == {Reach.NEAR, Reach.WIDE}
                assert (row.zone, row.roles) == (other.zone, other.roles)


def test_who_sees_no_pictures_and_who_approves() -> None:
    for table in TABLES.values():
        for row in table.rows:
            assert bool(row.approvers) == (row.second is not Second.NONE)
            assert not row.actions or not row.roles & (BLIND | {Role.CASE_APPROVER})
            assert row.second is Second.NONE or row.step_up is StepUp.BOUND
            assert row.second is Second.NONE or Need.REASON in row.needs
            assert row.beside <= frozenset(Action)
    assert {action for row in FULL_TABLE.rows for action in row.actions} == set(Action)
    assert all(purpose.masked for purpose in FULL_TABLE.purposes.values())
