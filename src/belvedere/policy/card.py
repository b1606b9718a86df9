"""Grants of a break-glass card: what the hub signs in advance for a site that may have to open footage without it.

`card_grant` is made, logged and signed at the hub like any other, then sealed for the card's key, so that it opens nothing until
two people bring both halves of the card. What they then get is `narrowed`: some cameras, some hours, one hour to export.
"""

from belvedere.foundation.errors import Refused
from belvedere.policy.grant import MINT, Action, Grant

CARD_PURPOSE = "site_card"
CARD_WORDS = "Break-glass card, opened at the site without the hub"
POLICY_VERSION = "site-card-1"


def card_grant(
    grant_id: str,
    *,
    card: str,
    title: str,
    cameras: frozenset[str],
    from_us: int,
    issued_us: int,
    expires_us: int,
    approver: str,
) -> Grant:
    """What a card opens at most: exports of these cameras, until it expires. Cameras with permanent masks stay shut."""
    return Grant(
        id=grant_id,
        user_id=card,
        user_name=title,
        purpose=CARD_PURPOSE,
        purpose_text=CARD_WORDS,
        case="",
        cameras=cameras,
        from_us=from_us,
        to_us=expires_us,
        actions=frozenset({Action.EXPORT}),
        issued_us=issued_us,
        expires_us=expires_us,
        masked=False,
        approver=approver,
        policy_version=POLICY_VERSION,
        mint=MINT,
    )


def narrowed(
    grant: Grant, grant_id: str, *, cameras: frozenset[str], from_us: int, to_us: int, expires_us: int, user_name: str
) -> Grant:
    """A part of a card's grant, under an id of its own. Raises Refused for what the card does not cover."""
    if grant.purpose != CARD_PURPOSE:
        raise Refused("This is no break-glass card.", advice="Use the card of this site.")
    missing = sorted(cameras - grant.cameras)
    if missing or not cameras:
        raise Refused(
            f"The card does not cover {', '.join(missing) or 'no camera'}.",
            advice="Name cameras that were here when the card was made.",
        )
    if not grant.from_us <= from_us < to_us <= grant.to_us:
        raise Refused("The card does not cover this time.", advice="Name a later beginning.")
    return Grant(
        id=grant_id,
        user_id=grant.user_id,
        user_name=user_name,
        purpose=grant.purpose,
        purpose_text=grant.purpose_text,
        case="",
        cameras=cameras,
        from_us=from_us,
        to_us=to_us,
        actions=grant.actions,
        issued_us=grant.issued_us,
        expires_us=min(expires_us, grant.expires_us),
        masked=grant.masked,
        approver=grant.approver,
        policy_version=grant.policy_version,
        mint=MINT,
    )
