"""Ended grants at the site: only on the hub's word, at once, for streams under way, and after a restart."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import HOUR_US, SimulatedClock
from belvedere.foundation.errors import BadInput, Refused
from belvedere.link.grants import MOST_ENDINGS, EndGrants
from belvedere.link.wire import decode_request, encode
from belvedere.policy.ended import MAX_ENDING_BYTES, open_ending, sign_ending
from belvedere.policy.grant import Grant
from belvedere.policy.signed import GrantForged
from belvedere.site.grants.ended import EndedGrants
from belvedere.site.storage.index import Index
from link_stage import Words, grant_for

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()


class Opening(Words):
    """An opener that has seen no log."""

    def reached(self) -> int:
        return 7


def site_of(tmp_path: Path, clock: SimulatedClock, *grants: Grant) -> tuple[EndedGrants, Index]:
    key_file = tmp_path / "hub.pub"
    key_file.write_bytes(PUBLIC)
    index = Index(tmp_path / "index.db", clock)
    return EndedGrants(Opening(clock, *grants), index, key_file, clock), index


def test_an_ended_grant_opens_no_more_and_others_do(tmp_path: Path) -> None:
    clock = SimulatedClock()
    one, two = grant_for(clock, "gate"), grant_for(clock, "gate", grant_id="grant_2")
    ended, index = site_of(tmp_path, clock, one, two)
    assert ended.open(b"grant_1") == one and ended.reached() == 7
    request = EndGrants((sign_ending("grant_1", one.expires_us, KEY),))
    for _ in range(2):
        (answer,) = ended.answers().values()
        answer(decode_request(encode(request)))
    for refuse in (lambda: ended.open(b"grant_1"), lambda: ended.require(one)):
        with pytest.raises(Refused, match="was ended"):
            refuse()
    ended.require(two)
    assert ended.open(b"grant_2") == two
    index.close()
    again, index = site_of(tmp_path, clock, one, two)
    with pytest.raises(Refused):
        again.open(b"grant_1")
    clock.advance(9 * HOUR_US)
    again.end(EndGrants(()))
    assert index.read().execute("SELECT count(*) FROM ended_grant").fetchone()[0] == 0, "nobody has to remember it"
    index.close()


def test_only_the_hub_ends_grants(tmp_path: Path) -> None:
    clock = SimulatedClock()
    one = grant_for(clock, "gate")
    ended, index = site_of(tmp_path, clock, one)
    good = sign_ending("grant_1", 5, KEY)
    assert open_ending(good, PUBLIC).grant == "grant_1"
    foreign = sign_ending("grant_1", 5, Ed25519PrivateKey.generate())
    other = good.replace(b"grant_1", b"grant_2")
    later = good.replace(b'"expires_us":5', b'"expires_us":6')
    for wrong in (foreign, other, later, b"", b"{}", good + b" " * MAX_ENDING_BYTES):
        with pytest.raises(GrantForged):
            ended.end(EndGrants((wrong,)))
    with pytest.raises(BadInput):
        ended.end(EndGrants((good,) * (MOST_ENDINGS + 1)))
    (tmp_path / "hub.pub").unlink()
    with pytest.raises(Refused, match="no hub yet"):
        ended.end(EndGrants((good,)))
    assert ended.open(b"grant_1") == one
    index.close()
