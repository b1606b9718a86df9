"""A site document that the hub orders: signed, for this site, never an older one; taken whole or not at all, byte for byte."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.errors import BadAddress, BadInput, Refused
from belvedere.link.document import (
    CameraEntry,
    Document,
    PutSiteDocument,
    SoundEntry,
    read_document,
    sha256_of,
    sign_order,
    write_document,
)
from ordered_stage import SECRET, OrderedBox

HUB, STRANGER = (Ed25519PrivateKey.from_private_bytes(letter * 32) for letter in (b"h", b"s"))


@pytest.fixture
def boxes(tmp_path: Path) -> Any:
    key = HUB.public_key().public_bytes_raw()
    made = [OrderedBox(tmp_path / name, key, key=name[:1].encode() * 32) for name in ("first", "second")]
    made[0].lived()
    made[1].cameras.put("gate", "Old gate", "rtsp://192.0.2.9/1", "", True)
    made[1].cameras.put("gone", "Gone", "rtsp://192.0.2.3/1", "", True)
    yield made
    for each in made:
        each.close()


def order(document: bytes, version: int, site: str = "rowan", key: Ed25519PrivateKey = HUB) -> PutSiteDocument:
    return sign_order(document, site, version, 5, key)


def test_a_site_is_what_was_ordered_byte_for_byte(boxes: list[OrderedBox]) -> None:
    first, second = boxes
    sound = SoundEntry("gate", True, "a reason of twenty letters and more", "Dora", 7)
    wanted = write_document(msgspec.structs.replace(read_document(first.document()), sound=(sound,)))
    before = second.document()
    looked = second.order.take(msgspec.structs.replace(order(wanted, 1), look=True))
    assert second.document() == before and looked.version == 0 and second.looked == 0, "it only looked"
    assert ("Camera gate, name", "Old gate", "Gate") in looked.changes and SECRET not in str(looked)
    assert [what for what, _, _ in looked.changes if "gone" in what] and looked.now == sha256_of(before)
    state = second.order.take(order(wanted, 1))
    assert second.document() == wanted and state.now == state.sha256 == sha256_of(wanted)
    assert (state.version, state.changes, state.left, second.looked) == (1, looked.changes, (), 1)
    assert second.order.take(order(wanted, 1)).changes == (), "told twice"
    assert second.order.state().version == 1


def test_an_older_a_strange_and_a_changed_one_are_refused_and_change_nothing(boxes: list[OrderedBox]) -> None:
    first, second = boxes
    wanted, other = first.document(), second.document()
    second.order.take(order(wanted, 3))
    elsewhere = write_document(msgspec.structs.replace(read_document(wanted), settings={"id": "elm"}))
    now = second.document()
    for wrong, why in (
        (order(other, 2), "older"),
        (order(other, 3), "another one"),
        (order(other, 4, key=STRANGER), "not signed by the hub"),
        (order(other, 4, site="elm"), "for the site elm"),
        (order(elsewhere, 4), "of the site elm"),
        (msgspec.structs.replace(order(other, 4), document=wanted), "not the document"),
        (msgspec.structs.replace(order(other, 4), words=order(other, 5).words), "was changed"),
    ):
        with pytest.raises(Refused, match=why):
            second.order.take(wrong)
    with pytest.raises(BadInput):
        second.order.take(order(b"{}", 4))
    assert second.document() == now and second.order.state().version == 3


def test_what_fails_half_way_leaves_nothing_behind(boxes: list[OrderedBox]) -> None:
    _, second = boxes
    now, here = second.document(), read_document(second.document())
    bad = CameraEntry("zebra", "Zebra", True, "gopher://192.0.2.1/", "")
    cameras = (CameraEntry("alder", "Alder", True, "rtsp://192.0.2.8/1", ""), bad)
    broken: Document = msgspec.structs.replace(here, cameras=cameras)
    with pytest.raises(BadAddress):
        second.order.take(order(write_document(broken), 1))
    assert second.document() == now and second.order.state().version == 0 and second.looked == 0


def test_settings_are_the_boxs_own_and_a_difference_is_said(boxes: list[OrderedBox]) -> None:
    _, second = boxes
    here = read_document(second.document())
    wanted = write_document(msgspec.structs.replace(here, settings={**here.settings, "retention_days": 12}))
    state = second.order.take(order(wanted, 1))
    assert [what for what, _, _ in state.left] == ["Setting retention_days"] and state.now != state.sha256


def test_another_hub_begins_anew(boxes: list[OrderedBox]) -> None:
    _, second = boxes
    second.order.take(order(second.document(), 9))
    (second.folder / "hub.pub").write_bytes(STRANGER.public_key().public_bytes_raw())
    assert second.order.state().version == 0
    assert second.order.take(order(second.document(), 1, key=STRANGER)).version == 1
