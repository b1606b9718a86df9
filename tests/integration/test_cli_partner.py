"""`belvedere partner` against a running hub: the document, a partner that is added, asked, answered and ended."""

import asyncio
from pathlib import Path

from typer.testing import CliRunner

from belvedere.cli.main import app as cli
from belvedere.foundation.clock import MINUTE_US, iso
from belvedere.hub.federation.signing import read_document
from federation_stage import two_councils, until
from hub_stage import served

_SECRET = "violet harbour teaspoon"


async def _run(*words: str) -> str:
    done = await asyncio.to_thread(CliRunner().invoke, cli, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


async def test_a_partner_is_listed_asked_and_ended_from_the_command_line(tmp_path: Path) -> None:
    async with two_councils(tmp_path) as (ashby, birch):
        ashby.hub.settings.hub.password_after_code = False
        for name, role in (("una", "supervisor"), ("dora", "dpo")):
            user, _ = await asyncio.to_thread(ashby.hub.users.create, name, role)
            await asyncio.to_thread(ashby.hub.users.set_password, user, f"{_SECRET} of {name}")
        async with served(ashby.app) as where:
            url = ("--url", f"http://{where}", "--user")
            una, dora = (
                (*url, "una", "--password", f"{_SECRET} of una"),
                (*url, "dora", "--password", f"{_SECRET} of dora"),
            )
            assert "Birch Council" in await _run("partner", "list", *una)
            file = tmp_path / "ashby.json"
            said = await _run("partner", "document", "--out", str(file), *dora)
            assert read_document(file.read_bytes())[1] in said
            now_us = ashby.clock.now_us()
            span = ("--from", iso(now_us - 20 * MINUTE_US), "--to", iso(now_us - 10 * MINUTE_US))
            place = ("--place", "51.5,-0.1", "--reference", "CR/2026/0113")
            await _run("partner", "ask", "birch", *place, *span, *una)
            await until(lambda: True if birch.facts("federation.answered") else None)
            await until(lambda: True if ashby.facts("federation.heard") else None)

            async def answer() -> str:
                while "held until" not in (found := await _run("partner", "asked", *una)):
                    await asyncio.sleep(0.05)
                return found

            async with asyncio.timeout(60):
                assert "CR/2026/0113: yes" in await answer()
            await _run("partner", "revoke", "Birch", "--reason", "the agreement ended", *dora)
            assert ": ended" in await _run("partner", "list", *una)
