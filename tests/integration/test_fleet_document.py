"""What a site is, ordered at the hub: two people see the site's own words for the difference, the site takes it or says why not."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from approvals_stage import council
from belvedere.hub.context import HubContext
from belvedere.hub.custody.tables import site_box
from belvedere.hub.storage import writing
from belvedere.link.custody import document_info
from belvedere.link.document import PutSiteDocument, read_document, sha256_of
from belvedere.link.messages import Failure, Reply, Request
from belvedere.media.keybox import shut
from ordered_stage import SECRET, OrderedBox
from proposals_stage import agree, put, staffed

WHY = "The yard is fenced off until March"


def keep(hub: HubContext, plain: bytes) -> None:
    """As the desk of keys does when it has asked the site for its document."""
    key, now_us = hub.custody.vault.recipients()[0], hub.clock.now_us()
    sealed = shut(plain, key.public_key, document_info("box"))
    row = {"id": "box", "site_id": hub.settings.site.id, "public_key": b"", "first_us": 1, "seen_us": now_us}
    row |= {"local_days": 0, "other_copies": 0, "held_keys": 0, "document": sealed, "document_us": now_us}
    with writing(hub.engine) as connection:
        connection.execute(site_box.delete())
        connection.execute(insert(site_box).values(**row, document_sha256=bytes.fromhex(sha256_of(plain))))


async def test_two_people_order_what_a_site_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        hub = found.stage.hub
        site = hub.settings.site.id
        box = OrderedBox(tmp_path / "box", hub.key.public_key().public_bytes_raw(), site)
        box.lived()
        asked: list[Request] = []

        def answer(request: Request) -> Reply | None:
            asked.append(request)
            return box.answer(request)

        found.stage.site.answer = answer
        try:
            keep(hub, box.document())
            root, max_ = await staffed(found, "root", "max")
            path = f"/api/sites/{site}/document"
            shown = await root.get(path)
            assert [each["camera"] for each in shown["cameras"]] == ["gate", "yard"] and shown["version"] == 0
            assert SECRET not in str(shown) and "192.0.2" not in str(shown)
            body: dict[str, Any] = {
                "sha256": shown["sha256"],
                "cameras": [{"camera": "gate", "name": "Main gate"}],
                "remove": ["yard"],
                "reason": WHY,
            }
            same = body | {"cameras": [], "remove": []}
            assert "Nothing is different" in (await put(root, "PUT", path, same, 409))["error"]["message"]
            unknown = body | {"cameras": [{"camera": "pond", "enabled": False}]}
            assert "no camera pond" in (await put(root, "PUT", path, unknown, 404))["error"]["message"]
            assert (await put(root, "PUT", path, body | {"sha256": "0" * 64}, 409))["error"]["code"] == "conflict"
            waits = await put(root, "PUT", path, body)
            lines = {each["what"]: (each["before"], each["after"]) for each in waits["lines"]}
            assert lines["Camera gate, name"] == ("Gate", "Main gate") and lines["Camera yard, name"] == ("Yard", "")
            before = box.document()
            assert all(each.look for each in asked if isinstance(each, PutSiteDocument)), "it has only looked yet"
            assert (await agree(max_, waits))["proposal"]["done"]
            now = read_document(box.document())
            assert [(each.camera, each.name) for each in now.cameras] == [("gate", "Main gate")]
            assert box.document() != before and box.looked == 1
            (ordered,), (taken,) = found.facts("site.ordered"), found.facts("site.order_taken")
            assert ordered["version"] == taken["version"] == 1 and ordered["confirmed_by"] == max_.user.id
            assert taken["now"] == ordered["sha256"] == sha256_of(box.document()) and taken["left"] == []
            assert SECRET not in str(found.facts("proposal.made")) + str(ordered)
            # The hub hears what the site is now; the next order goes above, and one drawn up before is stale.
            stale = await put(root, "PUT", path, body, 409)
            assert stale["error"]["message"] == "Nothing is different."
            keep(hub, box.document())
            shown = await root.get(path)
            assert (shown["version"], shown["as_ordered"]) == (1, True)
            assert (await put(root, "PUT", path, body, 409))["error"]["message"].startswith("The site's document has")
        finally:
            box.close()


async def test_a_site_that_does_not_take_it_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        hub = found.stage.hub
        site = hub.settings.site.id
        box = OrderedBox(tmp_path / "box", bytes(32), site)  # it belongs to another hub
        box.lived()
        found.stage.site.answer = box.answer
        try:
            keep(hub, box.document())
            (root,) = await staffed(found, "root")
            path = f"/api/sites/{site}/document"
            body = {"sha256": (await root.get(path))["sha256"], "remove": ["yard"], "reason": WHY}
            said = await put(root, "PUT", path, body, 403)
            assert "not signed by the hub" in said["error"]["message"] and not found.facts("site.ordered")
            assert isinstance(box.failed, Failure)
        finally:
            box.close()
