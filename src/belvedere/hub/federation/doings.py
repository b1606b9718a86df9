"""Partners as proposals: a new one (or its new document), and what one may ask. What only takes away needs no second person."""

import asyncio
from collections.abc import Mapping
from typing import Any

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.agreed import Agreed
from belvedere.hub.federation.desk import FederationDesk
from belvedere.hub.federation.policy import PartnerPolicy, check_policy, opens_more
from belvedere.hub.proposals.doing import Sight
from belvedere.hub.proposals.proposal import Change, Line

ACT = "partner_change"


class PartnerDoing:
    """A partner is added."""

    act = ACT

    def __init__(self, desk: FederationDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        document, right = self._desk.check_document(str(change["document"]).encode(), str(change["fingerprint"]))
        known = await asyncio.to_thread(self._desk.partners.find, document.hub)
        alive = known if known is not None and known.revoked_us is None else None
        lines: tuple[Line, ...] = (
            ("Controller", alive.controller if alive else "", document.controller),
            ("Address", alive.address if alive else "", document.address),
            ("Contact", alive.contact if alive else "", document.contact),
            ("Fingerprint", alive.fingerprint if alive else "", right),
        )
        revoked = known is not None and known.revoked_us is not None
        if revoked:
            lines = (*lines, ("Was a partner before", "revoked", "added again"))
        title = f"{'Take a new document of' if alive else 'Add'} the partner {document.controller}"
        return Sight(
            title, lines, {"partner": document.hub, "was": alive.fingerprint if alive else "", "revoked": revoked}
        )

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        facts = {**agreed.facts, "reason": agreed.reason}
        data, typed = str(change["document"]).encode(), str(change["fingerprint"])
        await self._desk.add(data, typed, agreed.user.id, agreed.confirmed_by, facts)
        return {}


class PolicyDoing:
    """What a partner may ask is changed."""

    act = ACT

    def __init__(self, desk: FederationDesk) -> None:
        self._desk = desk

    async def look(self, change: Change) -> Sight:
        partner, after = await self._desk.standing(str(change["partner"])), policy_of(change["policy"])
        check_policy(after)
        was, will = policy_words(partner.policy), policy_words(after)
        lines = tuple((name, was[name], will[name]) for name in will if was[name] != will[name])
        if not lines:
            raise BadInput("Nothing is different.", advice="Change something, or leave it.")
        before = {"partner": partner.id, "policy": msgspec.to_builtins(partner.policy)}
        title = f"Change what {partner.controller} may ask"
        return Sight(title, lines, before, opens=opens_more(partner.policy, after))

    async def carry_out(self, change: Change, agreed: Agreed) -> dict[str, str]:
        policy = policy_of(change["policy"])
        facts = dict(agreed.facts)
        await self._desk.set_policy(str(change["partner"]), policy, agreed.user.id, agreed.reason, facts)
        return {}


def policy_of(words: Mapping[str, Any]) -> PartnerPolicy:
    """A policy as it was put into words. Raises BadInput."""
    try:
        return msgspec.convert(words, PartnerPolicy)
    except msgspec.ValidationError as error:
        raise BadInput(f"This policy makes no sense: {error}.", advice="Reload the page and try again.") from error


def policy_words(policy: PartnerPolicy) -> dict[str, str]:
    """What it says, for people."""
    return {
        "Questions answered": "yes" if policy.answers else "no",
        "For the reasons": ", ".join(policy.reasons) or "none",
        "On the legal bases": ", ".join(policy.bases) or "none",
        "Cameras that answer": "all" if policy.cameras is None else ", ".join(policy.cameras) or "none",
        "Footage in one question": f"{policy.longest_minutes} minutes at most",
        "Place": f"{policy.widest_m} m from its middle at most",
        "Questions": f"{policy.questions_a_day} in 24 hours at most",
        "Hold": f"{policy.hold_days} days",
        "A yes tells how many cameras": "yes" if policy.tells_count else "no",
    }
