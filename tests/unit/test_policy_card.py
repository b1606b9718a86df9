"""What a break-glass card's grant opens, and what a part of it may be."""

import pytest

from belvedere.foundation.errors import Refused
from belvedere.policy.card import CARD_PURPOSE, card_grant, narrowed
from belvedere.policy.grant import MINT, Action, Grant

WHOLE = card_grant(
    "G1",
    card="card-7",
    title="Card 7",
    cameras=frozenset({"gate", "yard"}),
    from_us=100,
    issued_us=200,
    expires_us=900,
    approver="Ann and Ben",
)


def part(cameras: frozenset[str] = frozenset({"gate"}), span: tuple[int, int] = (300, 400), until: int = 500) -> Grant:
    return narrowed(
        WHOLE, "G2", cameras=cameras, from_us=span[0], to_us=span[1], expires_us=until, user_name="Cat, Dan"
    )


def test_a_card_opens_exports_of_its_cameras_for_its_time_and_no_permanent_mask() -> None:
    assert WHOLE.actions == {Action.EXPORT} and not WHOLE.masked
    assert (WHOLE.from_us, WHOLE.to_us, WHOLE.expires_us) == (100, 900, 900)
    assert (WHOLE.user_id, WHOLE.user_name, WHOLE.purpose) == ("card-7", "Card 7", CARD_PURPOSE)


def test_a_part_is_as_narrow_as_asked_and_the_rest_is_the_cards() -> None:
    got = part()
    assert (got.cameras, got.from_us, got.to_us, got.expires_us) == (frozenset({"gate"}), 300, 400, 500)
    assert (got.id, got.user_id, got.user_name) == ("G2", "card-7", "Cat, Dan")
    assert got.actions == WHOLE.actions and got.masked is WHOLE.masked and got.approver == WHOLE.approver


def test_a_part_may_be_as_large_as_the_card_and_never_outlives_it() -> None:
    got = part(WHOLE.cameras, (100, 900), until=5000)
    assert (got.cameras, got.from_us, got.to_us, got.expires_us) == (WHOLE.cameras, 100, 900, 900)


@pytest.mark.parametrize("span", [(99, 400), (300, 901), (400, 400), (401, 400)])
def test_a_time_that_the_card_does_not_cover_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(Refused, match="this time"):
        part(span=span)


@pytest.mark.parametrize(
    ("cameras", "named"),
    [
        (frozenset({"gate", "shop"}), "cover shop"),
        (frozenset({"shop", "bank"}), "cover bank, shop"),
        (frozenset(), "cover no camera"),
    ],
)
def test_cameras_that_the_card_does_not_cover_are_named_and_refused(cameras: frozenset[str], named: str) -> None:
    with pytest.raises(Refused, match=named):
        part(cameras)


def test_another_grant_is_no_card() -> None:
    other = Grant(
        id="G3",
        user_id="oli",
        user_name="Oli",
        purpose="duty",
        purpose_text="Duty",
        case="",
        cameras=WHOLE.cameras,
        from_us=100,
        to_us=900,
        actions=frozenset({Action.EXPORT}),
        issued_us=200,
        expires_us=900,
        masked=False,
        approver="",
        policy_version="x",
        mint=MINT,
    )
    with pytest.raises(Refused, match="no break-glass card"):
        narrowed(other, "G2", cameras=WHOLE.cameras, from_us=300, to_us=400, expires_us=500, user_name="Cat")
