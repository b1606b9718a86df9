"""Reading the log of everybody: filters, pages, counts over time, CSV, proofs of single entries; and that reading is logged."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.foundation.clock import DAY_US, HOUR_US, iso
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.audit import search
from belvedere.hub.audit.search import LogFilter
from belvedere.tlog.check import check_proof
from belvedere.tlog.proof import BadProof, LogProof
from hub_stage import HubStage, hub_stage

START = "/api/audit/entries"


async def scene(stage: HubStage, step_us: int = DAY_US) -> dict[str, str]:
    """Two people, three days; returns account ids by name."""
    log, clock = stage.hub.audit, stage.clock
    ann = stage.hub.users.by_name("ann").id
    for day in range(3):
        for n in range(4):
            await log.append("view.live", ann, {"camera": f"cam-{n}", "grant": f"grant_{day}"})
        await log.append(
            "grant.issued", "user_bob", {"grant": f"bob_{day}", "cameras": ["cam-1", "cam-9"], "case": "CCTV/1"}
        )
        await log.append("grant.refused", "user_bob", {"reason": "=no case"})
        clock.advance(step_us)
    return {"ann": ann}


async def read(browser: Any, **filters: Any) -> list[tuple[str, Any]]:
    answer = await browser.get(START, params=filters)
    assert answer.status_code == 200, answer.text
    return [(line["kind"], line["facts"].get("camera")) for line in answer.json()["entries"]]


@pytest.mark.both_engines
async def test_every_filter_narrows_and_they_go_together(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        before_us = stage.clock.now_us()
        who = await scene(stage)
        async with stage.signed_in("dora", "dpo") as dora:
            assert len(await read(dora, kind="view.live")) == 12
            assert await read(dora, kind="view.live", camera="cam-2") == [("view.live", "cam-2")] * 3
            assert len(await read(dora, camera="cam-1")) == 6  # three looks, and three accesses that name it in a list
            assert len(await read(dora, camera="cam-1", person=who["ann"])) == 3
            assert [kind for kind, _ in await read(dora, refused=True)] == ["grant.refused"] * 3
            assert len(await read(dora, case="CCTV/1")) == 3
            assert await read(dora, grant="bob_1") == [("grant.issued", None)]
            second = {"from_us": before_us + DAY_US, "to_us": before_us + 2 * DAY_US}
            assert len(await read(dora, **second)) == 6
            assert len(await read(dora, **second, camera="cam-1", person="user_bob")) == 1
            assert await read(dora, from_us=1, to_us=2) == [] and await read(dora, camera="nowhere") == []
            first = (await dora.get(START, params={"kind": "view.live", "limit": 5})).json()
            rest = (await dora.get(START, params={"kind": "view.live", "limit": 50, "before": first["next"]})).json()
            indices = [line["index"] for line in first["entries"] + rest["entries"]]
            assert len(indices) == len(set(indices)) == 12 and indices == sorted(indices, reverse=True)
            assert rest["next"] is None and first["entries"][0]["who"] == "Ann Operator"
            counts = (await dora.get("/api/audit/histogram", params=second)).json()
            assert counts["total"] == 6 and sum(one["count"] for one in counts["buckets"]) == 6
            assert sum(one["refused"] for one in counts["buckets"]) == 1
            whole = (await dora.get("/api/audit/histogram")).json()
            assert len(whole["buckets"]) <= search.MOST_BUCKETS and whole["width_us"] >= HOUR_US // 4
            choices = (await dora.get("/api/audit/choices")).json()
            assert "grant.refused" in choices["kinds"]
            assert {"id": who["ann"], "name": "ann", "display": "Ann Operator"} in choices["people"]
            for place in (START, f"{START}.csv"):  # PostgreSQL refuses to look for it
                assert (await dora.get(place, params={"person": "\x00"})).status_code in (200, 400), place


async def test_reading_is_logged_once_a_query_and_only_readers_of_the_log_may(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("dora", "dpo") as dora:
        for _ in range(3):
            await dora.get(START, params={"camera": "cam-1", "refused": False})
        await dora.get("/api/audit/histogram", params={"camera": "cam-1"})
        await dora.get(f"{START}.csv", params={"camera": "cam-1"})
        read = [entry for entry in stage.hub.audit.entries(limit=50) if entry.kind == "log.read"]
        assert [(one.facts["filters"], one.facts["form"]) for one in reversed(read)] == [
            ("camera cam-1", "table"),
            ("camera cam-1", "csv"),
        ]
        stage.clock.advance(HOUR_US // 5)
        await dora.get("/api/session")  # so that the session does not end for being idle
        stage.clock.advance(HOUR_US // 5)
        await dora.get(START, params={"camera": "cam-1"})
        assert stage.kinds().count("log.read") == 3, "the same query a quarter of an hour later is another look"
    async with hub_stage(tmp_path) as stage, stage.signed_in("ivan", "installer") as ivan:
        for path in (START, "/api/audit/histogram", f"{START}.csv", "/api/audit/choices"):
            assert (await ivan.get(path)).status_code == 403


async def test_a_csv_holds_no_formula(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in("aud", "auditor") as auditor:
        await stage.hub.audit.append("grant.refused", "=user", {"reason": "=cmd()"})
        answer = await auditor.get(f"{START}.csv", params={"refused": True})
        rows = list(csv.reader(io.StringIO(answer.text)))
        assert rows[0][:3] == ["entry", "time", "who"] and len(rows) == 2
        assert rows[1][2] == "'=user" and rows[1][5] == "Access refused: =cmd()"
        assert "attachment" in answer.headers["content-disposition"]


async def command(*words: str) -> Any:
    return CliRunner().invoke(app, ["verify", *words])


async def test_one_entry_proves_itself_for_whom_it_is_about_and_for_readers(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage, stage.signed_in() as ann, stage.signed_in("dora", "dpo") as dora:
        await scene(stage, 1)
        mine = (await ann.get("/api/audit/mine")).json()["entries"][0]["index"]
        theirs = next(e.index for e in stage.hub.audit.entries() if e.actor == "user_bob")
        assert (await ann.get(f"{START}/{theirs}/proof")).status_code == 404
        assert (await ann.get(f"{START}/{1 << 40}/proof")).status_code == 404
        assert (await ann.get(f"{START}/{mine}/proof")).status_code == 200
        proof = (await dora.get(f"{START}/{theirs}/proof")).json()
        await dora.get(f"{START}/{theirs}/proof")
        assert [e.facts["form"] for e in stage.hub.audit.entries() if e.kind == "log.read"] == ["proof"]
        file = tmp_path / f"belvedere-entry-{theirs}.json"
        file.write_text(json.dumps(proof))
        key = stage.hub.key.public_key().public_bytes_raw().hex()
        good = await command("--entry", str(file), "--key", key)
        assert good.exit_code == 0 and f"Entry {theirs} is in the log" in good.output and "word for word" in good.output
        without = await command("--entry", str(file))
        assert without.exit_code == 0 and "taken from the log itself" in without.output
        whole = await command("--entry", str(file), "--key", key, "--folder", str(tmp_path / "hub" / "hub" / "log"))
        assert whole.exit_code == 0, whole.output
        for forged in (
            proof | {"record": proof["record"].replace("bob_", "eve_").replace("no case", "a case")},
            proof | {"index": theirs - 1},
            proof | {"path": proof["path"][:-1]},
            proof | {"record": "", "salt": ""} | {"entry": "00" * 32},
            proof | {"salt": ""},
            proof | {"path": "x"},
        ):
            file.write_text(json.dumps(forged))
            result = await command("--entry", str(file), "--key", key)
            assert isinstance(result.exception, BelvedereError), (result.output, forged)


def test_an_erased_entry_has_either_its_hash_or_its_words() -> None:
    for wrong in (
        LogProof(0, b"s" * 32, b"", (), b"", b"e" * 32),
        LogProof(0, b"", b"{}", (), b"", b"e" * 32),
        LogProof(0, b"", b"", (), b"", b"short"),
    ):
        with pytest.raises(BadProof, match="either erased"):
            check_proof(wrong, bytes(32))


async def test_what_was_appended_before_the_search_existed_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "_AT_ONCE", 7)
    async with hub_stage(tmp_path) as stage:
        await scene(stage)
        assert stage.hub.log_search.catch_up() == 18 and stage.hub.log_search.catch_up() == 0
        assert len(stage.hub.log_search.find(LogFilter(camera="cam-9"))) == 3
        assert [e.facts["camera"] for e in stage.hub.log_search.all(LogFilter(kind="view.live"), 2)] == [
            "cam-3",
            "cam-2",
        ]
        assert stage.hub.log_search.histogram(LogFilter(camera="none")).total == 0
        assert stage.hub.log_search.histogram(LogFilter(from_us=1, to_us=2)).buckets == ()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (LogFilter(), "everything"),
        (LogFilter(person="u1", refused=True), "by Ann, refusals only"),
        (LogFilter(about="u2", kind="view.live", camera="gate"), "about u2, kind view.live, camera gate"),
        (LogFilter(case="C/1", grant="g", from_us=0, to_us=1), f"case C/1, access g, from {iso(0)}, before {iso(1)}"),
    ],
)  # fmt: skip
def test_filters_in_words(wanted: LogFilter, said: str) -> None:
    assert wanted.words({"u1": "Ann"}) == said
