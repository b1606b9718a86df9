"""Who may roll a release out: two people, over HTTP, under four eyes; one person stops it."""

from pathlib import Path

import pytest

from approvals_stage import council
from belvedere.hub.rollouts.store import write_release
from belvedere.hub.storage.acts import nowhere
from proposals_stage import agree, put, staffed
from update_stage import PUBLIC, manifest, signed

ORDER = {"version": "9.0.0", "first": ["elm"], "wait_minutes": 30, "at_once": 2, "reason": "The log of cameras grows"}


async def test_a_roll_out_takes_two_people_and_stopping_it_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with council(tmp_path, monkeypatch) as found:
        root, rita, max_ = await staffed(found, "root", "rita", "max")
        hub = found.stage.hub
        desk, made = hub.fleet.rollouts, manifest()
        (tmp_path / made.files[0].name).write_bytes(b"wheel")
        write_release(tmp_path / "9.release", signed(made), made, tmp_path)
        kept, opened = desk.store.take_in(tmp_path / "9.release", [PUBLIC])
        desk.book.add_release(kept, opened, nowhere)
        hub.fleet.desk._peers |= {"e" * 64: ("elm", 1 << 60), "f" * 64: ("oak", 1 << 60)}
        await put(root, "POST", "/api/rollouts", {**ORDER, "first": ["ash"]}, 400)
        waits = await put(root, "POST", "/api/rollouts", ORDER)
        assert waits["title"] == "Update 2 sites to version 9.0.0"
        assert {"what": "Signed as", "before": "", "after": kept.sha256}.items() <= waits["lines"][-1].items()
        assert (await rita.get("/api/rollouts"))["rollouts"] == []
        await agree(max_, waits)
        shown = (await rita.get("/api/rollouts"))["rollouts"][0]
        assert (shown["state"], shown["by"], shown["confirmed_by"]) == ("running", root.user.display, max_.user.display)
        assert [(each["site"], each["first"], each["state"]) for each in shown["sites"]] == [
            ("elm", True, "waiting"),
            ("oak", False, "waiting"),
        ]
        assert found.facts("rollout.started")[0]["confirmed_by"] == max_.user.id
        await put(rita, "POST", f"/api/rollouts/{shown['id']}/stop", {"reason": "Not before the holidays"}, 204)
        shown = (await rita.get("/api/rollouts"))["rollouts"][0]
        assert (shown["state"], shown["why"]) == ("stopped", "Not before the holidays")
