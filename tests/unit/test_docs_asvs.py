"""The ASVS file: every line once, nothing claimed without a test or a stated look, the page made of it up to date."""

from collections import Counter

from asvs import CHAPTERS, LEVEL_2, LEVEL_3, LEVEL_3_ANSWERED, PAGE, STATUSES, lines, page
from proofs import ROOT, found, written

LINES = lines()
TESTS = written(ROOT / "tests")


def test_every_line_is_there_once() -> None:
    assert max(Counter(one.id for one in LINES).values()) == 1
    assert sum(LEVEL_2) == 253 and sum(LEVEL_3) == 92
    for number in range(1, len(CHAPTERS) + 1):
        mine = Counter(one.level for one in LINES if one.chapter == number)
        assert mine[1] + mine[2] == LEVEL_2[number - 1], f"V{number}"
        assert mine[3] == (LEVEL_3[number - 1] if number in LEVEL_3_ANSWERED else 0), f"V{number}, level 3"


def test_nothing_is_claimed_without_a_proof() -> None:
    for one in LINES:
        assert one.status in STATUSES and one.text and one.how, one.id
        assert one.status != "met" or one.tests or one.manual, one.id
        for name in one.tests:
            assert found(name, TESTS), f"{one.id} names {name}, which is not there"


def test_the_page_is_made_of_it() -> None:
    assert PAGE.read_text("utf-8") == page(LINES), "run python3 tests/asvs.py"
