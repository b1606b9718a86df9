"""What the hub serves of its log to everybody, checked from outside as an auditor would."""

import asyncio
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.cli.log_files import LogAddress
from belvedere.foundation.errors import LinkFault
from belvedere.hub.audit.page import VERIFY_PAGE, page_policy
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
