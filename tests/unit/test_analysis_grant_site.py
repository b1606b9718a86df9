"""The site's own grant for analysis: kept over restarts, refused once over, and never words that open pictures."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import DAY_US, HOUR_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Refused, StorageFault
from belvedere.link.grants import EndGrants
from belvedere.link.seeing import PutAnalysisGrant
from belvedere.link.wire import decode_request, encode
from belvedere.policy.ended import sign_ending
from belvedere.policy.grant import Action, Grant
from belvedere.policy.signed import MAX_WIRE_BYTES
from belvedere.policy.standing import AnalysisOrder, decide_standing
from belvedere.policy.table import FULL_TABLE
from belvedere.site.grants.analysis import AnalysisGrant
from belvedere.site.grants.ended import EndedGrants
from belvedere.site.storage.index import Index
from link_stage import Words, grant_for

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Opening(Words):
    """An opener that has seen no log."""

    def reached(self) -> int:
        return 7


def standing(clock: SimulatedClock, name: str = "standing_1") -> Grant:
    now_us = clock.now_us()
    order = AnalysisOrder(
        "quay",
        "DPIA-1",
        "searches of cases",
        "user_dpo",
        frozenset({"dpo"}),
        now_us,
        now_us + 30 * DAY_US,
        now_us - DAY_US,
    )
    return decide_standing(order, frozenset({"gate"}), name, FULL_TABLE, now_us).granted()


def kept(tmp_path: Path, clock: SimulatedClock, *grants: Grant) -> tuple[AnalysisGrant, EndedGrants, Index]:
    (tmp_path / "hub.pub").write_bytes(KEY.public_key().public_bytes_raw())
    index = Index(tmp_path / "index.db", clock)
    opener = EndedGrants(Opening(clock, *grants), index, tmp_path / "hub.pub", clock)
    return AnalysisGrant(opener, tmp_path, clock), opener, index


def put(site: AnalysisGrant, wire: bytes) -> None:
    (answer,) = site.answers().values()
    answer(decode_request(encode(PutAnalysisGrant(wire))))


def test_it_opens_its_cameras_until_it_is_over_also_after_a_restart(tmp_path: Path) -> None:
    clock = SimulatedClock()
    grant, other = standing(clock), standing(clock, "standing_2")
    site, _, index = kept(tmp_path, clock, grant, other)
    now_us = clock.now_us()
    assert site.give("gate", now_us - HOUR_US, now_us) is None, "nothing was brought yet"
    put(site, b"standing_1")
    assert site.give("gate", now_us - HOUR_US, now_us) == grant
    assert site.give("court", now_us - HOUR_US, now_us) is None
    assert site.give("gate", now_us - 2 * DAY_US, now_us) is None, "footage before the order's reach"
    index.close()
    site, ended, index = kept(tmp_path, clock, grant, other)
    assert site.give("gate", now_us - HOUR_US, now_us) == grant
    ended.end(EndGrants((sign_ending("standing_1", grant.expires_us, KEY),)))
    assert site.give("gate", now_us - HOUR_US, now_us) is None
    with pytest.raises(Refused, match="was ended"):
        put(site, b"standing_1")
    put(site, b"standing_2")
    clock.advance(DAY_US - 1)
    assert site.give("gate", now_us, clock.now_us()) == other
    clock.advance(1)
    assert site.give("gate", now_us, clock.now_us()) is None, "a day is over"
    index.close()


def test_it_can_be_taken_away_and_persons_grants_are_refused(tmp_path: Path) -> None:
    clock = SimulatedClock()
    grant, person = standing(clock), grant_for(clock, "gate")
    site, _, index = kept(tmp_path, clock, grant, person)
    put(site, b"standing_1")
    for wrong in (b"grant_1", b"unknown"):
        with pytest.raises(Refused):
            put(site, wrong)
    with pytest.raises(BadInput):
        put(site, b"x" * (MAX_WIRE_BYTES + 1))
    now_us = clock.now_us()
    assert Action.PLAYBACK in person.actions and site.give("gate", now_us - HOUR_US, now_us) == grant
    put(site, b"")
    assert site.give("gate", now_us - HOUR_US, now_us) is None and not list(tmp_path.glob("analysis*"))
    put(site, b"")
    (tmp_path / "analysis.grant").write_bytes(b"grant_1")  # somebody put other words there
    again = AnalysisGrant(
        EndedGrants(Opening(clock, grant, person), index, tmp_path / "hub.pub", clock), tmp_path, clock
    )
    assert again.give("gate", now_us - HOUR_US, now_us) is None
    index.close()


def test_a_disk_that_takes_nothing_says_so(tmp_path: Path) -> None:
    clock = SimulatedClock()
    grant = standing(clock)
    site, _, index = kept(tmp_path, clock, grant)
    (tmp_path / "analysis.new").mkdir()
    with pytest.raises(StorageFault):
        put(site, b"standing_1")
    index.close()
    (tmp_path / "analysis.grant").mkdir()
    site, _, index = kept(tmp_path, clock, grant)
    assert site.give("gate", clock.now_us() - HOUR_US, clock.now_us()) is None
    index.close()
