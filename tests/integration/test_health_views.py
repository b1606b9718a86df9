"""Hints about pictures on films of streets: what must be found, and what must not be taken for a fault. The whole table: bench."""

import pytest

from belvedere.site.health.views import View, pack_references, unpack_references
from health_scenes import FAULTS, NO_FAULTS, course


@pytest.mark.parametrize("name", ["frozen", "turned by a third"])
def test_a_fault_is_found_and_called_by_its_name(name: str) -> None:
    change, kind = FAULTS[name]
    found = course(1, change, constant=False)
    assert [each for each, _ in found.hints] == [kind] and found.hints[0][1] >= 0


def test_a_lorry_that_stops_is_no_fault() -> None:
    assert course(1, NO_FAULTS["a lorry stops"], constant=True).hints == ()


def test_a_person_may_say_that_the_view_is_right() -> None:
    view = View()
    view.hints["moved"] = (0, "x")
    view.accept()
    assert view.hints == {} and view.learnt and unpack_references(pack_references(view.references)) == {}
