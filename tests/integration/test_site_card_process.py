"""The break-glass card with the site as a process of its own: made, used with the hub gone, told when it is back."""

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from fastapi import FastAPI
from typer.testing import CliRunner

from belvedere.cli.main import app as cli
from belvedere.foundation.clock import SECOND_US, SystemClock, iso
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.app import create_app
from belvedere.hub.cards.sheet import sheet_of
from belvedere.hub.context import open_hub
from belvedere.hub.evidence.verify import verify_pack
from belvedere.hub.register.cameras import Camera
from belvedere.link.client import SiteLink
from belvedere.site.ingest import messages as m
from card_stage import session_of
from fleet_stage import Confirming
from hub_stage import FAST, lay_out, served
from link_stage import film
from recorder_stage import URL, Worker, came

NAMES = ("Ivy Stone", "Paul Reed")


@asynccontextmanager
async def site_process(data: Path) -> AsyncIterator[None]:
    """The site, until the block ends."""
    command = [sys.executable, "-m", "belvedere.site.serve", "--data", str(data)]
    site = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert site.stdout is not None
    try:
        async with asyncio.timeout(120):
            assert json.loads(await site.stdout.readline())["ready"]
        yield
    finally:
        site.terminate()
        await site.wait()


@asynccontextmanager
async def hub_app(settings: Settings) -> AsyncIterator[tuple[FastAPI, str]]:
    """The hub on a real socket, and its address."""
    app = create_app(lambda: open_hub(settings, hasher=FAST), ui=settings.data / "ui")
    async with app.router.lifespan_context(app), served(app) as address:
        yield app, f"http://{address}"


async def record(settings: Settings) -> int:
    """Four seconds of film into the site, as an ingest process brings them; gives when they begin, once three are durable."""
    shown, clock, link = film(), SystemClock(), SiteLink(settings.link_socket)
    worker = await Worker.connect(settings)
    try:
        await link.put_camera("gate", "Gate", URL, "")
        order = await worker.opened()
        c = shown.config
        await worker.say(
            m.RunStart(order.stream, c.codec, c.parameter_sets, c.width, c.height, c.codec_string, c.init, c.config_id)
        )
        began_us = clock.now_us() - 4 * SECOND_US
        for part in shown.fragments():
            arrival_us = began_us + (part.start_90k + part.duration_90k) * 100 // 9
            await worker.say(came(order.stream, replace(part, arrival_us=arrival_us)))
        async with asyncio.timeout(120):
            while True:
                told = await link.timeline(["gate"], "main", began_us - 60 * SECOND_US, began_us + 60 * SECOND_US)
                runs = [run for camera in told.cameras for run in camera.runs]
                if runs and runs[0].end_us - runs[0].start_us > 3 * SECOND_US:
                    return runs[0].start_us
                await asyncio.sleep(0.05)
    finally:
        await worker.gone()
        await link.close()


async def command(*words: str) -> str:
    """A command as people type it, in a thread; its output. It has to go well."""
    done = await asyncio.to_thread(CliRunner().invoke, cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


async def test_a_card_opens_a_real_site_at_the_command_line_without_its_hub(tmp_path: Path) -> None:
    data, pack = tmp_path / "data", tmp_path / "evidence.zip"
    data.mkdir()
    text = "[hub]\npassword_after_code = false\n[site]\nmin_free_bytes = 0\nsync_ms = 50\nsegment_seconds = 4\n"
    (data / "belvedere.toml").write_text(text, "utf-8")
    settings = load_settings(data)
    lay_out(settings)
    async with site_process(data):
        async with hub_app(settings) as (app, _url):
            hub = app.state.hub
            hub.register.put_camera(Camera("gate", "main", "Gate"))
            hub.step_up.require = Confirming().require
            people = [session_of(hub.users.create(name, "manager")[0]) for name in ("mia", "sam")]
            start_us = await record(settings)
            begun = await app.state.cards.begin(people[0], "main")
            made = await app.state.cards.confirm(people[1], begun.card.id)
            lines = [sheet_of(each.letter, each.half).line for each in (begun, made)]
            await app.state.cards.turn()
        # The hub is gone; the site is not.
        first, last = iso(start_us + SECOND_US), iso(start_us + 2 * SECOND_US)
        told = await command(
            "site", "glass", "--data", str(data), "--name", NAMES[0], "--name", NAMES[1], "--camera", "gate",
            "--reason", "Police at the door: assault, log 4711.", "--from", first, "--to", last,
            "--half", lines[0], "--half", lines[1], "--out", str(pack),
        )  # fmt: skip
        key = re.search(r"Signed by this box: ([0-9a-f]{64})", told)
        assert key is not None
        report = verify_pack(pack, bytes.fromhex(key[1]))
        assert report.valid and "1 clip, 0 gaps listed" in report.facts, (report.problems, report.facts)
        async with hub_app(settings) as (app, _url):
            await app.state.cards.turn()
            entries = {entry.kind: entry for entry in app.state.hub.audit.entries(limit=200)}
            assert entries["card.opened"].facts["names"] == list(NAMES)
            assert entries["card.ended"].facts["card"] == begun.card.id
            assert {"card.begun", "card.made", "card.told"} <= set(entries)
