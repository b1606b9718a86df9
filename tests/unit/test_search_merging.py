"""Pages of several sites become one list: in order, nothing lost, nothing twice, whatever the sizes of pages."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.errors import BadInput
from belvedere.hub.search.merging import Place, SitePage, merge, read_places, write_places
from belvedere.link.seeing import Event


def event(site: str, number: int, best_us: int) -> Event:
    box = (0.0, 0.0, 1.0, 1.0)
    return Event(number, site, "sub", 1, 0, 0, best_us, best_us, best_us, best_us / 1000, box, 1, -1, 1, "m")


@given(
    st.dictionaries(st.sampled_from(["a", "b", "c"]), st.lists(st.integers(0, 1000), max_size=12), min_size=1),
    st.integers(1, 5),
    st.sampled_from(["newest", "oldest", "best"]),
)
def test_all_events_come_once_and_in_order(sites: dict[str, list[int]], limit: int, order: str) -> None:
    down = order != "oldest"
    held = {
        site: [event(site, n, us) for n, us in enumerate(sorted(moments, reverse=down))]
        for site, moments in sites.items()
    }

    def page(site: str, place: Place) -> SitePage:
        start = int(place.before or 0)
        end = start + limit
        return SitePage(place, tuple(held[site][start:end]), str(end) if end < len(held[site]) else "")

    told: list[Event] = []
    text = ""
    for _ in range(200):
        places = read_places(text)
        going = {site: places.get(site, Place()) for site in held}
        pages = {site: page(site, place) for site, place in going.items() if not place.over}
        found, after = merge(pages, order, limit)
        assert len(found) <= limit
        told += found
        text = write_places(going | after)
        if not text:
            break
    assert text == "", "it comes to an end"
    moments = [each.best_us for each in told]
    assert moments == sorted(moments, reverse=down)
    assert sorted((each.camera, each.id) for each in told) == sorted(
        (each.camera, each.id) for events in held.values() for each in events
    )


@pytest.mark.parametrize("text", ["x", "é", "e30x", "W10=", "eyJhIjogNX0="])
def test_a_place_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        read_places(text)
