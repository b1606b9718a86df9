"""Colours of clothing: off until a DPIA is named, then one approval by a second person for one search with these very words."""

import asyncio
import hashlib
import json

from belvedere.foundation.errors import Refused
from belvedere.hub.access.grants import UsableGrant
from belvedere.hub.audit.search import LogFilter
from belvedere.hub.context import HubContext
from belvedere.hub.search.shapes import FacetsIn
from belvedere.policy.signed import GRANT_ISSUED

SEARCH_MADE = "search.made"


def digest_of(words: str, facets: FacetsIn) -> str:
    """What makes a search this one: its words and facets, whatever the page of its list."""
    text = json.dumps([_plain(words), facets.model_dump(mode="json")], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def switched_off(hub: HubContext) -> str:
    """Why colours of clothing are not searched for here, in words; "" where they may be."""
    if hub.settings.search.clothing_dpia:
        return ""
    return "Searching for what people wear is switched off here: it needs a data protection impact assessment."


async def require_approved(hub: HubContext, usable: UsableGrant, words: str, facets: FacetsIn) -> None:
    """Return where this grant was approved for these words and no other search was made with it. Raises Refused."""
    if off := switched_off(hub):
        raise Refused(
            off, advice="Leave clothing out; the data protection officer can name the assessment in the settings."
        )
    grant = usable.grant
    if not grant.case or not grant.approver:
        raise Refused(
            "Searching for what people wear needs a case and a second person.",
            advice="Ask for access to search; the words of the search are its reason.",
        )

    def look() -> tuple[str, list[str]]:
        hub.log_search.catch_up()
        issued = hub.log_search.find(LogFilter(grant=grant.id, kind=GRANT_ISSUED), limit=1)
        made = hub.log_search.find(LogFilter(grant=grant.id, kind=SEARCH_MADE), limit=100)
        clothed = [str(each.facts.get("digest", "")) for each in made if each.facts.get("clothing")]
        return str(issued[0].facts.get("words", "")) if issued else "", clothed

    approved, made = await asyncio.to_thread(look)
    if not words.strip() or _plain(words) != _plain(approved):
        raise Refused(
            "These are not the words that were approved.",
            advice=f"The approval is for: “{approved[:200]}”. Ask for another one for other words.",
        )
    if any(each != digest_of(words, facets) for each in made):
        raise Refused("This approval was used: it is for one search.", advice="Ask for access to search again.")


def _plain(words: str) -> str:
    return " ".join(words.casefold().split())
