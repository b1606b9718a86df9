"""The log as people read it: public checkpoint and tiles, one's own entries, entries in words."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from belvedere.hub.audit.words import summary
from belvedere.tlog.checkpoint import open_checkpoint
from belvedere.tlog.merkle import leaf_hash, root_of
from belvedere.tlog.tiles import parse_tile, split_hashes
from hub_stage import hub_stage


async def test_anybody_may_read_checkpoint_and_tiles_and_check_them(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as stranger:
        await asyncio.gather(*(stage.hub.audit.append("note", "user_1", {"n": n}) for n in range(300)))
        answer = await stranger.get("/log/checkpoint")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        public = stage.hub.key.public_key().public_bytes_raw()
        checkpoint = open_checkpoint(answer.content, public)
        assert checkpoint.size == stage.hub.audit.checkpoint().size
        rest = checkpoint.size - 256
        leaves: list[bytes] = []
        entries: list[bytes] = []
        for name in ("000", f"001.p/{rest}"):
            tile = await stranger.get(f"/log/tile/0/{name}")
            assert tile.headers["content-type"] == "application/octet-stream"
            assert "immutable" in tile.headers["cache-control"]
            leaves += split_hashes(tile.content)
            bundle = (await stranger.get(f"/log/tile/entries/{name}")).content
            while bundle:
                length = int.from_bytes(bundle[:2], "big")
                entries.append(bundle[2 : 2 + length])
                bundle = bundle[2 + length :]
        assert root_of(leaves) == checkpoint.root
        assert [leaf_hash(entry) for entry in entries] == leaves
        older = await stranger.get("/log/tile/0/001.p/1")
        assert older.content == leaves[256]
        for path in (f"0/001.p/{rest + 1}", "0/001", "0/002.p/1", f"entries/001.p/{rest + 1}", "9/000", "0/../x", ""):
            assert (await stranger.get(f"/log/tile/{path}")).status_code == 404
        assert parse_tile("0/001") is not None


async def test_one_sees_ones_own_entries_page_by_page(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        me = stage.hub.users.by_name("ann").id
        for number in range(5):
            await stage.hub.audit.append("view.live", me, {"camera": f"cam-{number}"})
        await stage.hub.audit.append("view.live", "user_other", {"camera": "secret"})
        page = (await browser.get("/api/audit/mine?limit=3")).json()
        assert [line["summary"] for line in page["entries"]] == [f"Watched camera cam-{n} live" for n in (4, 3, 2)]
        assert page["checkpoint"]["size"] == stage.hub.audit.checkpoint().size
        rest = (await browser.get(f"/api/audit/mine?before={page['next']}")).json()
        assert rest["next"] is None
        assert "secret" not in str(page) + str(rest)
        assert [line["index"] for line in rest["entries"]] == sorted(
            (x["index"] for x in rest["entries"]), reverse=True
        )
        async with stage.browser() as stranger:
            assert (await stranger.get("/api/audit/mine")).status_code == 401


@pytest.mark.parametrize(
    ("kind", "facts", "expected"),
    [
        ("session.opened", {}, "Signed in"),
        ("grant.refused", {"reason": "Not on shift."}, "Access refused: Not on shift."),
        ("view.playback", {"cameras": ["a", "b"], "start_us": 0, "end_us": 1_000_000}, "Reviewed cameras a, b, 1970"),
        ("grant.issued", {"purpose": "duty", "cameras": ["a", "b", "c", "d"]}, "Access given (duty) to 4 cameras"),
        ("camera.put", {"camera": "gate"}, "Camera put: camera gate"),
        ("site.away", {"message": "no answer"}, "Site away: no answer"),
        ("view.live", {}, "Watched no camera live"),
    ],
)
def test_entries_in_words(kind: str, facts: dict[str, Any], expected: str) -> None:
    assert summary(kind, facts).startswith(expected)
