"""What an ask would take, before it is asked; and how one's accesses ended, by whom and why."""

from pathlib import Path

import pytest

from approvals_stage import council
from belvedere.foundation.clock import MINUTE_US


async def test_what_asking_would_take_is_said_and_nothing_is_logged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with council(tmp_path, monkeypatch) as all_:
        ivy = await all_.come("ivy")
        case = await all_.case_of(ivy)
        before = len(all_.stage.kinds())
        wide = await ivy.post("/api/grants/consider", all_.wish(case))
        assert (wide["outcome"], wide["passkey"], wide["masked"]) == ("approval", "none", None)
        assert "supervisor" in wide["approvers"]
        live = await ivy.post("/api/grants/consider", {"purpose": "duty", "reason": "x"})
        assert live["outcome"] == "refuse" and live["advice"]
        # A case of others and none look the same
        sam = await all_.come("sam")
        theirs = await sam.post("/api/grants/consider", all_.wish(case))
        none = await sam.post("/api/grants/consider", all_.wish("CCTV-1999-9999"))
        assert theirs == none and theirs["outcome"] == "refuse"
        assert [kind for kind in all_.stage.kinds()[before:] if kind.startswith(("grant", "access"))] == []


async def test_who_ended_it_and_why_is_told_to_whose_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as all_:
        oli, sam = await all_.come("oli"), await all_.come("sam")
        ask = {"purpose": "duty", "actions": ["live"]}
        first = await oli.post("/api/grants", ask)
        second = await oli.post("/api/grants", ask)
        third = await oli.post("/api/grants", ask | {"lasts_us": 10 * MINUTE_US})
        gone = await sam.browser.post(f"/api/grants/{first['id']}/revoke", json={"reason": "The incident is over"})
        assert gone.status_code == 204
        all_.stage.clock.advance(MINUTE_US)
        answer = await oli.browser.delete(f"/api/grants/{second['id']}")
        assert answer.status_code == 204
        all_.stage.clock.advance(10 * MINUTE_US)  # the third runs out by itself
        ended = (await oli.get("/api/grants/ended"))["ended"]
        assert [each["id"] for each in ended] == [second["id"], first["id"]]
        assert (ended[0]["mine"], ended[0]["reason"], ended[0]["renewed"]) == (True, "", False)
        assert (ended[1]["by"], ended[1]["mine"], ended[1]["reason"]) == ("Sam", False, "The incident is over")
        assert third["id"] not in {each["id"] for each in ended}
        assert (await sam.get("/api/grants/ended"))["ended"] == []
