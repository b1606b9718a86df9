"""Pages of several sites as one list, gone on with from where it was left. Pure.

The place in the list says for each site from which of its own places its page was asked, and how many of that page were told; so
nothing is kept at the hub between two pages.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from belvedere.foundation.errors import BadInput
from belvedere.link.seeing import Event


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where one site's list stands: `before` is its own cursor, `told` how many behind it were told. `over`: its list ended."""

    before: str = ""
    told: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class SitePage:
    """What one site answered to `place.before`."""

    place: Place
    events: tuple[Event, ...]
    next: str


_decoder = msgspec.json.Decoder(dict[str, Place])


def read_places(text: str) -> dict[str, Place]:
    """The places that a page's `next` holds, {} for the first page. Raises BadInput."""
    if not text:
        return {}
    try:
        return _decoder.decode(base64.urlsafe_b64decode(text.encode("ascii")))
    except (binascii.Error, UnicodeEncodeError, msgspec.MsgspecError, ValueError) as error:
        raise BadInput("This list can't be gone on with.", advice="Search again.") from error


def write_places(places: Mapping[str, Place]) -> str:
    """Text that `read_places` reads; "" when every list ended."""
    if all(each.over for each in places.values()):
        return ""
    return base64.urlsafe_b64encode(msgspec.json.encode(dict(places))).decode("ascii")


def _key(event: Event, order: str) -> tuple[float, str, int]:
    first = {"newest": -event.best_us, "oldest": event.best_us, "best": -event.confidence}[order]
    return first, event.camera, event.id


def merge(pages: Mapping[str, SitePage], order: str, limit: int) -> tuple[list[Event], dict[str, Place]]:
    """The next events, `limit` at most, and the place behind them.

    A site's events keep the order that it gave them. It stops early where a site's page ran out and more may follow.
    """
    at = {site: page.place.told for site, page in pages.items()}
    told: list[Event] = []
    while len(told) < limit:
        dry = [site for site, page in pages.items() if at[site] >= len(page.events)]
        if any(pages[site].next for site in dry):
            break
        ready = [site for site in pages if site not in dry]
        if not ready:
            break
        site = min(ready, key=lambda each: (_key(pages[each].events[at[each]], order), each))
        told.append(pages[site].events[at[site]])
        at[site] += 1
    places = {}
    for site, page in pages.items():
        if at[site] >= len(page.events):
            places[site] = Place(page.next, 0, not page.next)
        else:
            places[site] = Place(page.place.before, at[site])
    return told, places
