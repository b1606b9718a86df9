"""What is said of how much analysis finds rests on what was measured, and says so where nothing was."""

from belvedere.hub.analysis.cards import cards
from belvedere.hub.analysis.honesty import UNMEASURED, Band, Figures, figures, finds, missed

BANDS = (
    Band("day", "person", "sub", 40, 80, 20, 19, 20, 18),
    Band("night", "person", "sub", 40, 80, 10, 6, 10, 5),
    Band("day", "person", "sub", 20, 40, 9, 1, 3, 3),
)
KNOWN = Figures("m", "0" * 64, "a scene", "2026-11-23", BANDS)


def test_shares_are_told_with_their_scene_and_only_where_enough_was_there() -> None:
    assert finds("person", 60, known=KNOWN) == "Analysis finds about 83% of people at this size (a scene)."
    assert finds("person", 40, "night", KNOWN) == "Analysis finds about 60% of people at this size at night (a scene)."
    for few in (finds("person", 30, known=KNOWN), finds("vehicle", 60, known=KNOWN), finds("person", 80, known=KNOWN)):
        assert few == UNMEASURED
    assert "misses about 17%" in missed(known=KNOWN) and "not measured" in missed(("vehicle",), KNOWN)
    assert BANDS[0].recall == 0.95 and BANDS[2].recall is None and BANDS[2].precision is None


def test_a_card_shows_what_was_shipped() -> None:
    (card,) = cards()
    known = figures()
    assert card.licence and card.source and card.failures and card.not_measured
    assert (known is not None) == bool(card.measured) == bool(card.bands)
