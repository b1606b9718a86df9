"""What the hub serves of its log to everybody, checked from outside as an auditor would."""

import asyncio
from pathlib import Path

import httpx
import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.cli.log_files import LogAddress
from belvedere.foundation.errors import LinkFault
from belvedere.hub.audit.page import VERIFY_PAGE, page_policy
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import audit_entry
from belvedere.tlog.checkpoint import log_key
from belvedere.tlog.cosign import note_key_text
from hub_stage import hub_stage, served


async def test_the_page_is_served_with_its_own_policy(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as stranger:
        answer = await stranger.get("/log/verify.html")
        assert answer.status_code == 200 and answer.content == VERIFY_PAGE.read_bytes()
        assert answer.headers["content-security-policy"] == page_policy()
        assert page_policy().count("'sha256-") == 2 and "unsafe" not in page_policy()
        assert answer.headers["x-content-type-options"] == "nosniff"
        other = await stranger.get("/log/checkpoint")
        assert "script-src 'self'" in other.headers["content-security-policy"]
        public = stage.hub.key.public_key().public_bytes_raw()
        assert (await stranger.get("/log/key")).text == note_key_text(log_key(public)) + "\n"


async def test_a_hub_is_checked_over_the_network_and_later_against_what_was_kept(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage, served(stage.app) as address:
        public = stage.hub.key.public_key().public_bytes_raw().hex()
        kept = tmp_path / "kept"
        words = ["verify", "--url", f"http://{address}", "--key", public, "--keep", str(kept)]
        said = ""
        for round_ in range(2):
            await asyncio.gather(*(stage.hub.audit.append("note", "user_1", {"n": n}) for n in range(300)))
            more = ["--since", str(kept)] if round_ else []
            result = await asyncio.to_thread(CliRunner().invoke, app, [*words, *more])
            assert result.exit_code == 0, result.output
            said = result.output
            assert "Every entry is the one that the tree holds" in said
        assert "begins with the" in said
        assert kept.read_bytes() == stage.hub.audit.checkpoint().note


def test_an_address_that_is_no_hub_is_said() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        return {
            "/log/long": httpx.Response(200, content=bytes(2 << 20)),
            "/log/broken": httpx.Response(500),
            "/log/none": httpx.Response(404),
        }[request.url.path]

    with LogAddress("http://hub.test/", httpx.Client(transport=httpx.MockTransport(answer))) as files:
        assert files.read("none") is None
        for name in ("long", "broken"):
            with pytest.raises(LinkFault):
                files.read(name)
        with pytest.raises(LinkFault, match="did not take it"):
            files.send("broken", b"")
    with LogAddress("http://127.0.0.1:1") as files, pytest.raises(LinkFault, match="network"):
        files.read("checkpoint")


async def test_a_row_edited_in_the_database_is_noticed_from_outside(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage, served(stage.app) as address:
        await asyncio.gather(*(stage.hub.audit.append("view.live", "user_1", {"camera": "gate"}) for _ in range(5)))
        data, out = str(tmp_path / "hub"), str(tmp_path / "out.jsonl")
        words = ["verify", "--url", f"http://{address}", "--key", stage.hub.key.public_key().public_bytes_raw().hex()]

        async def check(*more: str) -> tuple[int, str]:
            result = await asyncio.to_thread(lambda: CliRunner().invoke(app, [*words, *more]))
            return result.exit_code, result.output

        def edit(**values: object) -> None:
            with writing(stage.hub.engine) as connection:
                connection.execute(update(audit_entry).where(audit_entry.c.index == 3).values(**values))

        assert (await check())[0] == 0
        edit(body=stage.hub.audit.entry(3).record.decode().replace("user_1", "user_2"))
        export = ["export", "--data", data, "--salts", "--output", out]
        await asyncio.to_thread(lambda: CliRunner().invoke(app, export))
        code, said = await check("--entries", out)
        assert code == 1 and "Entry 3 does not say what the log holds" in said
        edit(entry_hash=bytes(32))
        code, said = await check()
        assert code == 1 and "Entry 3 is not the one that the tree holds" in said
