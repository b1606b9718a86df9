"""Keys of a site that is not on the hub's machine: released by that site's own desk, so that the log names the site."""

import asyncio
from pathlib import Path

from belvedere.hub.register.cameras import Camera
from belvedere.link.channel import Channel, connect_unix
from belvedere.media.keybox import new_private_key, public_key_of
from belvedere.policy.grant import Action
from custody_stage import CAMERA, custody_stage


async def test_releasing_the_key_of_a_remote_sites_camera_logs_that_site(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        hub, site = stage.hub, stage.site
        await asyncio.to_thread(hub.register.put_site, "rowan", "Rowan Court")
        await asyncio.to_thread(hub.register.put_camera, Camera(CAMERA, "rowan", "Gate"))
        hub.link.learn(CAMERA, "rowan")

        async def dial(site: str) -> Channel:
            assert site == "rowan"
            return await connect_unix(stage.site.settings.link_socket)

        hub.fleet.switchboard.dial = dial  # type: ignore[method-assign]
        hub.fleet.places.let_in("rowan")
        place = hub.fleet.places.open["rowan"]

        async def exchange() -> None:
            await asyncio.to_thread(site.custodian.tend)
            await place.custody.exchange(place.link)

        hub.custody.vault.put_break_glass(public_key_of(new_private_key()), "officers", {})
        await exchange()
        start_us, film = site.film()
        await exchange()
        site.next_day()
        await exchange()
        assert site.local == 0, "the day's key is the hub's alone"
        wire = await stage.grant()
        span = (start_us, start_us + 10_000_000)
        pieces = (await hub.link.playlist(wire, CAMERA, "main", *span)).pieces
        await hub.fleet.release(wire, Action.PLAYBACK, CAMERA, "main", pieces[0].segment)
        released = [entry for entry in hub.audit.entries(limit=100) if entry.kind == "key.released"]
        assert [(entry.facts["site"], entry.facts["camera"]) for entry in released] == [("rowan", CAMERA)]
        read = [
            part
            for piece in pieces
            async for part in hub.link.read_footage(
                wire, Action.PLAYBACK, CAMERA, "main", piece.segment, piece.start, piece.end
            )
        ]
        assert b"".join(read) == b"".join(film)
        again = [entry.facts["site"] for entry in hub.audit.entries(limit=100) if entry.kind == "key.released"]
        assert again == ["rowan"], "the site has it under this grant now"
