"""Break-glass cards when something is odd: a site that talks nonsense, a new box, a log or a hub that was set back."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import insert

from authenticator import Authenticator
from belvedere.cli.site_card import read_half
from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput
from belvedere.foundation.settings import load_settings
from belvedere.hub.cards.desk import CardsDesk
from belvedere.hub.context import HubContext, open_hub
from belvedere.hub.custody.tables import site_box
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage import writing
from belvedere.link.card import FINISHED, OPENED, CardEntry, CardLog, CardState, GetCardLog, PutCards, read_cards
from belvedere.policy.card import CARD_PURPOSE
from belvedere.site.card.ledger import CardLedger
from card_stage import together_alone
from hub_stage import lay_out
from passkey_stage import add, confirm, stage_of

SCHEMA = (
    "CREATE TABLE card_entry (number INTEGER PRIMARY KEY, time_us INTEGER, salt BLOB, record BLOB, checkpoint BLOB)"
)


@dataclass
class Box:
    """What a site's box answers: its own log, and the cards that the hub gave it."""

    name: str
    key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    entries: list[CardEntry] = field(default_factory=list)
    lists: list[int] = field(default_factory=list)
    gone: tuple[str, ...] = ()
    broken: bool = False

    def __post_init__(self) -> None:
        self.db = sqlite3.connect(":memory:")
        self.db.execute(SCHEMA)
        self.ledger = CardLedger(self.key)

    def write(self, kind: str = OPENED, **facts: Any) -> CardEntry:
        words: dict[str, Any] = {"export": f"export_{self.name}", "card": "card_1", "box": self.name}
        if kind == OPENED:
            words |= {"purpose": CARD_PURPOSE, "cameras": ["gate"], "start_us": 1, "end_us": 2, "names": ["A B", "C D"]}
            words |= {"reason": "Police at the door."}
        entry, _ = self.ledger.append(self.db, kind, "card_1", 5, words | facts)
        return entry

    async def ask(self, request: Any, _: type, *, reuse: bool = True) -> Any:
        if self.broken:
            raise BadInput("This box answers nonsense.", advice="")
        if isinstance(request, PutCards):
            self.lists.append(len(read_cards(request.signed.words).cards))
            return CardState((), self.gone)
        assert isinstance(request, GetCardLog)
        return CardLog(self.name, tuple(self.ledger.entries(self.db, request.first)))


@dataclass
class Stage:
    hub: HubContext
    desk: CardsDesk
    sites: dict[str, Box]

    def met(self, site: str, box: Box) -> Box:
        """Custody has met this box, and it stands at the site from now on."""
        row = dict.fromkeys(("first_us", "seen_us", "local_days", "other_copies", "held_keys"), 0)
        key = box.key.public_key().public_bytes_raw()
        with writing(self.hub.engine) as connection:
            connection.execute(insert(site_box).values(id=box.name, site_id=site, public_key=key, **row))
        self.sites[site] = box
        return box

    def told(self, site: str, *bodies: str) -> None:
        """The site's outbox brought these."""
        row = {"site_id": site, "epoch": "e", "lane": 0, "kind": "site_card", "time_us": 0, "received_us": 0}
        with writing(self.hub.engine) as connection:
            for seq, body in enumerate(bodies):
                connection.execute(insert(site_record).values(**row, seq=seq, body=body))

    def kinds(self) -> list[str]:
        found = [entry.kind for entry in self.hub.audit.entries(limit=100)]
        return [kind for kind in reversed(found) if kind.startswith("card.")]


def as_told(entry: CardEntry) -> str:
    words = {"number": entry.number, "time_us": entry.time_us, "salt": entry.salt.hex()}
    return msgspec.json.encode(
        words | {"record": entry.record.decode(), "checkpoint": entry.checkpoint.decode()}
    ).decode()


@asynccontextmanager
async def staged(data: Path) -> AsyncIterator[Stage]:
    settings = load_settings(data)
    lay_out(settings)
    async with open_hub(settings, clock=SimulatedClock()) as hub:
        sites: dict[str, Box] = {}
        fleet = SimpleNamespace(asked=lambda: list(sites), to=sites.__getitem__)
        yield Stage(hub, CardsDesk(cast(HubContext, together_alone(hub, fleet))), sites)


@pytest.mark.parametrize(
    "facts", [{"cameras": 7}, {"names": "Ivy"}, {"start_us": "now"}, {"end_us": 1 << 70}, {"export": "x" * 90_000}]
)
async def test_a_site_that_talks_nonsense_keeps_no_other_site_from_its_cards(
    tmp_path: Path, facts: dict[str, Any]
) -> None:
    async with staged(tmp_path) as stage:
        odd = stage.met("elm", Box("b1"))
        good = stage.met("oak", Box("b2"))
        stage.told("elm", "no json", as_told(odd.write(**facts)), as_told(odd.write(kind="[]")))
        good.write()
        await stage.desk.turn()
        await stage.desk.turn()
        assert good.lists, "the other site was brought its list"
        assert stage.kinds().count("card.opened") == 1 and stage.kinds().count("card.log_broken") >= 2
        before = stage.kinds()
        odd.broken = True
        await stage.desk.turn()
        assert stage.kinds() == before, "said once"


async def test_a_site_that_refuses_its_list_keeps_no_other_site_from_its_cards(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.met("elm", Box("b1", broken=True))
        good = stage.met("oak", Box("b2"))
        await stage.desk.turn()
        assert good.lists


async def test_what_a_new_box_of_a_site_writes_is_entered_too(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        first = stage.met("elm", Box("b1"))
        first.write()
        first.write(FINISHED)
        await stage.desk.turn()
        second = stage.met("elm", Box("b2"))
        second.write()
        await stage.desk.turn()
        second.write(FINISHED)
        await stage.desk.turn()
        assert stage.kinds() == ["card.opened", "card.told"] * 2
        boxes = [each.facts["box"] for each in stage.hub.audit.entries(limit=100) if each.kind == "card.opened"]
        assert boxes == ["b2", "b1"]


async def test_a_sites_log_that_was_set_back_is_noticed(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        box = stage.met("elm", Box("b1"))
        box.write()
        box.write(FINISHED)
        await stage.desk.turn()
        box.db.execute("DELETE FROM card_entry")
        box.write(reason="Nobody has to know of this one.")
        await stage.desk.turn()
        await stage.desk.turn()
        assert stage.kinds() == ["card.opened", "card.told", "card.log_broken"]
        broken = stage.hub.audit.entries(limit=1)[0]
        assert broken.facts["reason"] == "Nobody has to know of this one."


async def test_a_hub_set_back_to_before_its_first_card_takes_cards_away(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        box = stage.met("elm", Box("b1"))
        await stage.desk.turn()
        await stage.desk.turn()
        assert box.lists == [0], "told once that there are none, and not again each turn"


async def test_each_step_of_a_card_is_confirmed_for_that_card_alone(tmp_path: Path) -> None:
    async with (
        stage_of(tmp_path) as stage,
        stage.signed_in("mia", "manager") as mia,
        stage.signed_in("sam", "manager") as sam,
    ):
        keys = {mia: Authenticator(), sam: Authenticator()}
        for browser, key in keys.items():
            assert (await add(browser, key)).status_code == 200

        async def post(browser: httpx.AsyncClient, path: str) -> dict[str, Any]:
            asked = await browser.post(path, json={})
            assert asked.status_code == 403 and asked.json()["error"]["code"] == "step_up_needed", asked.text
            act = asked.json()["error"]["act"]
            assert (await confirm(browser, keys[browser], act)).status_code == 200
            done = await browser.post(path, json={})
            assert done.is_success, done.text
            return {"act": act, **done.json()}

        first = await post(mia, "/api/sites/main/cards")
        card = first["card"]["id"]
        assert first["act"] == {"do": "card.begun", "site": "main", "days": 180} and first["card"]["mine"]
        second = await post(sam, f"/api/cards/{card}/confirm")
        assert second["act"]["card"] == card and second["act"]["cameras"] == ["gate"]
        assert (first["letter"], second["letter"]) == ("A", "B") and not second["card"]["mine"]
        assert read_half(first["line"]) != read_half(second["line"])
        other = await post(mia, "/api/sites/main/cards")
        act = {"do": "card.ended", "card": other["card"]["id"], "site": "main"}
        assert (await confirm(sam, keys[sam], act)).status_code == 200
        assert (await sam.post(f"/api/cards/{card}/revoke", json={})).status_code == 403, "it was for another card"
        assert (await post(sam, f"/api/cards/{card}/revoke"))["state"] == "revoked"
        made = [entry.facts for entry in stage.hub.audit.entries(limit=100) if entry.kind.startswith("card.")]
        assert len(made) == 4 and all(facts["step_up"] for facts in made)
