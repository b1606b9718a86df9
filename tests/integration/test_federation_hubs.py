"""Two hubs ask and answer each other over loopback TLS: trust, holds, absence, replay, wrong clocks, nonsense."""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import BadInput, BelvedereError, LinkFault, Refused
from belvedere.hub.federation.client import LETTERS, FederationClient
from belvedere.hub.federation.dossier import PackageRow, RequestRow
from belvedere.hub.federation.policy import PartnerPolicy
from belvedere.hub.federation.signing import DELIVERY, LETTER, RECEIPT, key_id, read_document, sign
from belvedere.hub.federation.words import (
    LONGEST_DELIVERY,
    VERSION,
    Circle,
    Delivery,
    FormalRequest,
    Letter,
    Receipt,
    Signed,
    decode,
    encode,
)
from federation_stage import OPEN, Council, council, two_councils, until


async def test_one_question_one_answer_one_hold(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        row = await ashby.answered(await ashby.ask(birch))
        assert (row.state, row.count, row.cameras) == ("yes", None, ())
        (hold,) = birch.holds()
        assert (row.hold, row.until_us) == (hold.id, hold.expires_us)
        assert hold.cameras == ("gate",) and hold.owner == "Ashby Council"
        assert "gate" not in str(ashby.facts("federation.heard"))
        # Each can prove what was said: both logs name the same letters, and each side keeps the other's signature.
        await until(
            lambda: True if birch.facts("federation.delivered") and ashby.facts("federation.delivered") else None
        )
        for one, other in ((ashby, birch), (birch, ashby)):
            said = [each["sha256"] for each in one.facts("federation.said")]
            assert said and said == [each["sha256"] for each in other.facts("federation.heard")]
            assert said == [each["sha256"] for each in one.facts("federation.delivered")]

        far = await ashby.ask(birch, place=Circle(51.6, -0.1, 50.0))
        assert (await ashby.answered(far)).state == "no"
        birch.recorded = []
        assert (await ashby.answered(await ashby.ask(birch))).state == "no"
        assert len(birch.holds()) == 1
        # The other way nothing is answered: Ashby never switched it on.
        back = await birch.answered(await birch.ask(ashby))
        assert (back.state, back.code) == ("refused", "off") and not ashby.holds()


async def test_a_site_that_is_away_is_held_and_answered_for_when_it_is_back(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        status, birch.site.status = birch.site.status, None
        first, second = await ashby.ask(birch), await ashby.ask(birch)
        row = await ashby.answered(first, "unknown")
        (held, _) = await until(lambda: found if len(found := birch.holds()) == 2 else None)
        assert held.cameras == ("gate",) and row.hold and row.until_us
        await ashby.answered(second, "unknown")
        birch.site.status = status
        birch.desk._site_back("main")
        assert (await ashby.answered(first)).state == "yes"
        assert (await ashby.answered(second)).state == "yes"
        # And one of which nothing is found then: its hold ends.
        birch.site.status, birch.recorded = None, []
        third = await ashby.answered(await ashby.ask(birch), "unknown")
        birch.site.status = status
        birch.desk._site_back("main")
        assert (await ashby.answered(third)).state == "no"
        assert third.hold not in [each.id for each in birch.holds()]


async def test_a_partner_that_is_away_gets_everything_in_order_when_it_is_back(tmp_path: Path) -> None:
    async with council(tmp_path / "ashby", "Ashby") as ashby:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with council(tmp_path / "birch", "Birch", port=port) as birch:
            await ashby.add(birch)
            await birch.add(ashby)
            await birch.lets(ashby)
        rows = [await ashby.ask(birch) for _ in range(3)]
        away = await until(lambda: found if (found := ashby.desk.partners.get(birch.id)).fault else None)
        assert "does not answer" in away.fault
        assert ashby.desk.letters.count_waiting(birch.id) == 3
        async with council(tmp_path / "birch", "Birch", port=port) as birch:
            await ashby.desk.post.hurry(birch.id)
            for row in rows:
                assert (await ashby.answered(row)).state == "yes"
            asked = [each["letter"] for each in birch.facts("federation.heard")]
            assert asked == [row.id for row in rows]


async def test_a_clock_that_is_three_days_wrong_is_said_in_plain_words(tmp_path: Path) -> None:
    async with two_councils(tmp_path, off_us=3 * DAY_US) as (ashby, birch):
        row = await ashby.ask(birch)
        fault = await until(lambda: ashby.desk.partners.get(birch.id).fault or None)
        assert "Birch Council says: Your clock is" in fault and "days behind ours, which says" in fault
        assert ashby.asked(row).state == "waiting"
        birch.clock.off_us, birch.recorded = 0, ashby.recorded
        await ashby.desk.post.hurry(birch.id)
        assert (await ashby.answered(row)).state == "yes"
        assert birch.facts("federation.turned_away")[0]["code"] == "clock"


async def test_revoking_holds_at_the_next_message_and_takes_two_to_undo(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        await ashby.answered(await ashby.ask(birch))
        await birch.desk.revoke(ashby.id, birch.user, "the agreement ended")
        row = await ashby.ask(birch)
        fault = await until(lambda: ashby.desk.partners.get(birch.id).fault or None)
        assert "takes nothing from you" in fault and ashby.asked(row).state == "waiting"
        assert len(birch.facts("federation.heard")) == 1
        assert birch.facts("federation.turned_away")[-1]["code"] == "revoked"
        with pytest.raises(Refused, match="no longer a partner"):
            await birch.ask(ashby)
        await birch.add(ashby)
        assert birch.desk.partners.get(ashby.id).policy == PartnerPolicy()  # off until it is switched on again
        await ashby.desk.post.hurry(birch.id)
        assert (await ashby.answered(row)).code == "off"


async def _send(one: Council, other: Council, data: bytes) -> Receipt:
    """Post these bytes; the receipt. Raises LinkFault with what was said unsigned."""
    client, partner = FederationClient(), one.desk.partners.get(other.id)
    try:
        answer = await client.post(partner, LETTERS, data, 1 << 16)
        return decode(await one.desk.post.vouched(partner, answer, RECEIPT), Receipt)
    finally:
        await client.close()


def _delivery(one: Council, other: Council, letter: Signed, **changes: object) -> bytes:
    words = {
        "at_us": one.clock.now_us(),
        "nonce": os.urandom(16).hex(),
        "sender": one.id,
        "recipient": other.id,
    } | changes
    delivery = Delivery(version=VERSION, letter=letter, **words)  # type: ignore[arg-type]
    return encode(sign(one.desk.keys.key(one.desk.keys.newest), DELIVERY, encode(delivery)))


def _letter(
    one: Council, other: Council, letter_id: str = "letter_one", reference: str = "CR/1", sender: str = ""
) -> Signed:
    said = one.question(reference=reference)
    words = encode(Letter(VERSION, letter_id, sender or one.id, other.id, one.clock.now_us(), said))
    return sign(one.desk.keys.key(one.desk.keys.newest), LETTER, words)


async def test_what_is_repeated_altered_misdirected_or_too_long_is_not_taken(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        letter = _letter(ashby, birch)
        data = _delivery(ashby, birch, letter)
        assert (await _send(ashby, birch, data)).outcome == "taken"
        again = await _send(ashby, birch, data)
        assert (again.outcome, again.code) == ("later", "replay")
        # The same letter in a fresh delivery: its receipt was lost. Taken once, said to be taken twice.
        assert (await _send(ashby, birch, _delivery(ashby, birch, letter))).outcome == "taken"
        assert len(birch.facts("federation.heard")) == 1
        other = await _send(ashby, birch, _delivery(ashby, birch, _letter(ashby, birch, reference="CR/2")))
        assert (other.outcome, other.code) == ("refused", "conflict")
        old = await _send(ashby, birch, _delivery(ashby, birch, letter, at_us=ashby.clock.now_us() - DAY_US))
        assert (old.outcome, old.code) == ("later", "clock")
        wrong = await _send(ashby, birch, _delivery(ashby, birch, letter, recipient=ashby.id))
        assert (wrong.outcome, wrong.code) == ("refused", "address")
        theirs = await _send(
            ashby, birch, _delivery(ashby, birch, _letter(ashby, birch, "letter_two", sender=birch.id))
        )
        assert (theirs.outcome, theirs.code) == ("refused", "address")

        outer = decode(data, Signed)
        changed = bytearray(outer.words)
        changed[len(changed) // 2] ^= 1
        with pytest.raises(LinkFault, match="signature does not hold"):
            await _send(ashby, birch, encode(Signed(outer.key, bytes(changed), outer.signature)))
        inner = Signed(letter.key, letter.words.replace(b"CR/1", b"CR/9"), letter.signature)
        tampered = await _send(ashby, birch, _delivery(ashby, birch, inner))
        assert (tampered.outcome, tampered.code) == ("refused", "signature")
        with pytest.raises(LinkFault, match="bytes at most"):
            await _send(ashby, birch, b"x" * (LONGEST_DELIVERY + 1))
        with pytest.raises(LinkFault, match="makes no sense"):
            await _send(ashby, birch, b"{}")
        await until(lambda: True if birch.holds() else None)
        assert len(birch.holds()) == 1


async def test_a_flood_of_questions_is_counted_and_slowed_down(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        await birch.lets(ashby, PartnerPolicy(True, OPEN.reasons, OPEN.bases, questions_a_day=2))
        rows = [await ashby.answered(await ashby.ask(birch)) for _ in range(3)]
        assert [row.state for row in rows] == ["yes", "yes", "refused"] and rows[2].code == "too_many"
        assert len(birch.holds()) == 2
        partner = birch.desk.partners.get(ashby.id)
        birch.desk.reception._recent[partner.id] = [birch.clock.monotonic_us()] * 60
        slowed = await _send(ashby, birch, _delivery(ashby, birch, _letter(ashby, birch)))
        assert (slowed.outcome, slowed.code) == ("later", "slow_down")


def _knock(council: Council) -> Callable[[bytes], Awaitable[int]]:
    """Post bytes at a council's door without the network, in a minute that does not end; the status."""
    door = council.desk.door
    door._clock = SimulatedClock()

    async def post(data: bytes) -> int:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door.app), base_url="https://door") as client:
            return (await client.post(LETTERS, content=data)).status_code

    return post


async def test_a_flood_of_strangers_turns_no_partner_away(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        post, good = _knock(birch), _delivery(ashby, birch, _letter(ashby, birch))
        key = Ed25519PrivateKey.generate()
        # Nonsense; a partner's words under a key of one's own; a partner's key with a signature that does not hold.
        own = encode(sign(key, DELIVERY, decode(good, Signed).words))
        broken = encode(msgspec.structs.replace(decode(good, Signed), signature=bytes(64)))
        said = [await post((b"{}", own, broken)[at % 3]) for at in range(123)]
        assert set(said[:120]) == {400, 403} and said[120:] == [429] * 3
        assert birch.desk.door.turned_away == 3
        row = await ashby.answered(await ashby.ask(birch))
        assert row.state == "yes" and birch.facts("federation.heard")
        assert (await _send(ashby, birch, good)).outcome == "taken"
        assert await post(b"{}") == 429, "strangers still wait"


async def test_what_a_partner_sends_in_vain_costs_its_own_allowance(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        post = _knock(birch)
        empty = encode(sign(ashby.desk.keys.key(ashby.desk.keys.newest), DELIVERY, b"{}"))
        assert [await post(empty) for _ in range(121)] == [400] * 120 + [429]
        assert await post(b"{}") == 400, "a stranger is heard"


async def test_strangers_get_one_sentence_and_a_false_hub_is_noticed(tmp_path: Path) -> None:
    async with two_councils(tmp_path, partners=False) as (ashby, birch):
        await ashby.add(birch)
        row = await ashby.ask(birch)
        fault = await until(lambda: ashby.desk.partners.get(birch.id).fault or None)
        assert "takes nothing from you" in fault and not birch.facts("federation.heard")
        # Somebody else answers at Birch's address: his certificate is not of Birch's authority.
        address = ashby.desk.address
        await asyncio.to_thread(lambda: ashby.desk.partners.change(birch.id, address=address))
        await ashby.desk.post.hurry()
        said = await until(lambda: f if "certificate" in (f := ashby.desk.partners.get(birch.id).fault) else None)
        assert "no certificate of Birch Council" in said and ashby.asked(row).state == "waiting"
        with pytest.raises(BadInput, match="fingerprint"):
            data = birch.desk.document()
            await ashby.desk.add(data, "0" * 32, ashby.user.id, "", {})
        with pytest.raises(BadInput, match="changed on its way"):
            read_document(data[:-20] + b"A" * 18 + data[-2:])


async def test_keys_rotate_with_an_overlap(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        old = ashby.desk.keys.newest
        new = await ashby.desk.rotate(ashby.user, {"reason": "yearly"})
        await until(lambda: True if ashby.desk.partners.get(birch.id).our_key == new else None)
        row = await ashby.answered(await ashby.ask(birch))
        assert row.state == "yes" and new != old
        kept = birch.desk.letters.find(ashby.id, False, row.id)
        assert kept is not None and decode(kept.signed, Signed).key == new
        assert ashby.id == old[:32]  # it is still called by its first key
        now_us = birch.clock.now_us()
        public = birch.desk.partners.public_key
        assert public(ashby.id, old, now_us) is not None and public(ashby.id, old, now_us + 8 * DAY_US) is None
        assert public(ashby.id, new, now_us + 8 * DAY_US) is not None
        assert birch.facts("partner.rekeyed")[0]["key"] == new == key_id(ashby.desk.keys.public(new))


def _request(question: str, **changes: str) -> FormalRequest:
    words = {
        "question": question,
        "wanted": "Footage of the gate, from a person leaving until they are out of sight.",
        "necessity": "It is the only view of that door; ten minutes are enough.",
        "reason": "crime",
        "basis": "dpa2018_part3",
        "reference": "CR/2026/0113",
        "officer": "DS Field, Ashby",
    }
    return FormalRequest(**(words | changes))


async def test_a_request_is_decided_by_a_person_and_its_package_fetched_and_signed_for(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        row = await ashby.answered(await ashby.ask(birch))
        partner = ashby.desk.partners.get(birch.id)
        made = await ashby.desk.requests.make(ashby.user, partner, _request(row.id))
        received = await ashby.request(made, "received")
        assert received.number.startswith("FR-") and "held until" in received.told
        (theirs,) = birch.desk.dossier.rows(RequestRow)
        assert theirs.number == received.number
        sealed = tmp_path / "sealed"
        sealed.write_bytes(os.urandom(2_500_000))
        with pytest.raises(BelvedereError, match="Nobody has decided"):
            await birch.desk.packages.offer("account_kim", ashby.id, theirs.id, sealed, "0" * 64)
        decide = birch.desk.requests.decide
        await decide(birch.user, ashby.id, theirs.id, approve=True, words="necessary and proportionate")
        assert (await ashby.request(made, "decided")).told == "necessary and proportionate"
        offered = await birch.desk.packages.offer("account_kim", ashby.id, theirs.id, sealed, "0" * 64)
        await ashby.request(made, "delivered")
        find = ashby.desk.dossier.find
        got = find(PackageRow, birch.id, False, offered.id)
        assert ashby.desk.packages.place(got).read_bytes() == sealed.read_bytes()
        await birch.request(theirs, "delivered")
        assert birch.facts("federation.package_receipted")[0]["sha256"] == offered.sha256
        assert ashby.facts("federation.package_kept")[0]["manifest_sha256"] == "0" * 64
        with pytest.raises(BelvedereError, match="no longer waits"):
            await decide(birch.user, ashby.id, theirs.id, approve=False, words="second thoughts of mine")

        # About a question that was never answered yes, nothing is requested.
        no = await ashby.answered(await ashby.ask(birch, place=Circle(51.6, -0.1, 50.0)))
        with pytest.raises(BelvedereError, match="has not said yes"):
            await ashby.desk.requests.make(ashby.user, partner, _request(no.id))


async def test_a_package_goes_on_where_the_line_broke_and_a_wrong_one_is_not_kept(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        row = await ashby.answered(await ashby.ask(birch))
        made = await ashby.desk.requests.make(ashby.user, ashby.desk.partners.get(birch.id), _request(row.id))
        await ashby.request(made, "received")
        (theirs,) = birch.desk.dossier.rows(RequestRow)
        await birch.desk.requests.decide(
            birch.user, ashby.id, theirs.id, approve=True, words="necessary and proportionate"
        )
        await ashby.request(made, "decided")
        sealed = tmp_path / "sealed"
        sealed.write_bytes(bytes(range(256)) * 10_000)
        # Of an earlier try the first bytes are here, one of them wrong: the whole is not what was offered, and is fetched anew.
        asked: list[int] = []
        real = ashby.desk.packages._part_of

        async def part_of(partner: object, package: PackageRow, start: int) -> bytes:
            asked.append(start)
            return await real(partner, package, start)  # type: ignore[arg-type]

        ashby.desk.packages._part_of = part_of  # type: ignore[method-assign, assignment]
        begun = asyncio.Event()
        hear = ashby.desk.packages.hear

        async def heard(partner: object, said: object) -> None:
            folder = tmp_path / "ashby" / "hub" / "federation" / "in" / birch.id
            folder.mkdir(parents=True)
            (folder / f"{said.package}.part").write_bytes(bytes(1_000_000))  # type: ignore[attr-defined]
            await hear(partner, said)  # type: ignore[arg-type]
            begun.set()

        ashby.desk.packages.hear = heard  # type: ignore[method-assign]
        offered = await birch.desk.packages.offer("account_kim", ashby.id, theirs.id, sealed, "0" * 64)
        await begun.wait()

        def fault() -> PackageRow | None:
            found = ashby.desk.dossier.find(PackageRow, birch.id, False, offered.id)
            return found if "not the one" in found.fault else None

        waiting = await until(fault)
        assert asked[0] == 1_000_000 and waiting.state == "coming"
        await asyncio.to_thread(lambda: ashby.desk.dossier.change(waiting, next_us=0))
        ashby.desk._fetch_due.set()
        await ashby.request(made, "delivered")
        got = ashby.desk.dossier.find(PackageRow, birch.id, False, offered.id)
        assert ashby.desk.packages.place(got).read_bytes() == sealed.read_bytes()
        assert 0 in asked and got.have == len(sealed.read_bytes())
