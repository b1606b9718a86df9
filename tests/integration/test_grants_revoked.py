"""A grant that ends while its pictures flow: the site stops at the next part; the hub tells it until it has heard."""

import asyncio
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import HOUR_US, SimulatedClock
from belvedere.foundation.errors import Refused, SiteAway
from belvedere.hub.access.endings import EndingCourier
from belvedere.link.client import SiteLink
from belvedere.link.grants import EndGrants
from belvedere.link.messages import Answer, LiveMedia, Reply, Request
from belvedere.policy.ended import open_ending, sign_ending
from belvedere.site.grants.ended import EndedGrants
from belvedere.site.live.relay import Relay
from belvedere.site.storage.index import Index
from belvedere.site.uplink.server import serve_link
from hub_stage import hub_stage, status_of
from link_stage import ShelfArchive, Words, film, grant_for, single

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


class Opening(Words):
    def reached(self) -> int:
        return 0


async def test_live_pictures_and_footage_stop_at_the_next_part(tmp_path: Path) -> None:
    clock, pictures = SimulatedClock(), film()
    grant = grant_for(clock, "gate", lasts_us=8 * HOUR_US)
    key_file = tmp_path / "hub.pub"
    key_file.write_bytes(KEY.public_key().public_bytes_raw())
    index = Index(tmp_path / "index.db", clock)
    opener = EndedGrants(Opening(clock, grant), index, key_file, clock)
    relay, archive = Relay(clock, linger_s=0), ShelfArchive(clock, pictures, clock.now_us() - HOUR_US)
    path = tmp_path / "link.sock"
    server = await serve_link(path, archive, relay, opener, clock, opener.answers(), still=opener.require)
    link = SiteLink(path)
    try:
        relay.config("gate", "sub", pictures.config)
        for fragment in pictures.fragments()[:3]:
            relay.fragment("gate", "sub", fragment)
        view = await link.open_live(b"grant_1", "gate", "sub")
        while not isinstance(await anext(view), LiveMedia):
            pass
        ending = sign_ending("grant_1", grant.expires_us, KEY)
        await link.ask(EndGrants((ending,)), Answer)
        frame = pictures.frames[15]
        relay.frame("gate", "sub", True, 77, single(frame))
        async with asyncio.timeout(5):
            with pytest.raises(Refused, match="was ended"):
                await anext(view)
        with pytest.raises(Refused, match="was ended"):
            _ = [part async for part in link.read_footage(b"grant_1", "playback", "gate", "main", 1, 0, 10)]
        with pytest.raises(Refused, match="was ended"):
            await link.playlist(b"grant_1", "gate", "main", clock.now_us() - HOUR_US, clock.now_us())
        assert relay.viewers == 0
    finally:
        await link.close()
        await server.close()
        index.close()


async def test_the_hub_tells_the_site_until_it_has_heard(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        heard: list[str] = []
        public = stage.hub.key.public_key().public_bytes_raw()

        def answer(request: Request) -> Reply | None:
            if not isinstance(request, EndGrants):
                return None
            heard.extend(open_ending(wire, public).grant for wire in request.endings)
            return Answer()

        stage.site.answer = answer
        hub = stage.hub
        courier = EndingCourier(hub.engine, hub.clock, hub.key, hub.link, hub.grants.ended)
        kept = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        gone = (await browser.post("/api/grants", json={"purpose": "duty"})).json()["id"]
        assert (await browser.delete(f"/api/grants/{gone}")).status_code == 204
        with pytest.raises(SiteAway):
            await courier.tell()
        stage.site.status = status_of()
        assert (await courier.tell(), heard) == (1, [gone])
        assert (await courier.tell(), heard) == (0, [gone])
        telling = asyncio.create_task(courier.run())
        await hub.grants.end(hub.users.by_name("ann"), kept)
        async with asyncio.timeout(10):
            while heard != [gone, kept]:
                await asyncio.sleep(0.01)
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
        stage.clock.advance(13 * HOUR_US)
        assert await courier.tell() == 0
