"""Every promise of the design pages names tests that exist; the page about testing says what a run found."""

from pathlib import Path

import pytest

from proofs import ROOT, Outcome, Promise, found, page, promises, written

TESTS = written(ROOT / "tests")


@pytest.mark.parametrize(
    "promise", list(promises(ROOT / "docs" / "design")), ids=lambda p: f"{p.page.stem}: {p.sentence[:40]}"
)
def test_a_promise_names_tests_that_exist(promise: Promise) -> None:
    for name in promise.tests:
        assert found(name, TESTS), f"{promise.page.name} names {name}, which is not there"


def test_there_are_promises() -> None:
    assert len(list(promises(ROOT / "docs" / "design"))) > 15


def test_names_of_tests() -> None:
    tests = ["unit/test_a.py::test_one[x::y]", "unit/test_a.py::test_two", "faults/test_b.py::test_one"]
    assert found("test_a.py", tests) == tests[:2]
    assert found("unit/test_*.py", tests) == tests[:2]
    assert found("test_two", tests) == [tests[1]]
    assert found("test_b.py::test_one", tests) == [tests[2]]
    assert found("test_three", tests) == []


def test_the_page_shows_failures_and_keeps_what_people_wrote(tmp_path: Path) -> None:
    held = next(promises(ROOT / "docs" / "design"))
    good, bad = found(held.tests[0], TESTS)[0], "unit/test_a.py::test_that_failed"
    text = page(
        [Outcome(good, "passed", "", 1.0), Outcome(bad, "failed", "assert 1 == 2", 0.1)],
        "2026-01-02", "a machine", "As it was.\n## What is not tested yet\nMonths of running.\n",
    )  # fmt: skip
    assert f"`{bad}`: assert 1 == 2" in text
    assert "held (1)" in text
    assert text.endswith("## What is not tested yet\nMonths of running.\n")
    assert "As it was" not in text
