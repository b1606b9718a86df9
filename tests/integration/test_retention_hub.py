"""Retention at the hub: who may decide what, what the site hears and keeps, and certificates that outsiders can check."""

import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from belvedere.cli.main import app as command
from belvedere.foundation.clock import DAY_US, SECOND_US
from belvedere.hub.retention.certificate import verify_certificate
from retention_stage import RetentionStage, retention_stage

CLASSES = {
    "classes": [{"name": "street", "days": 31, "reference": ""}, {"name": "garage", "days": 14, "reference": ""}],
    "cameras": {"cam-01": "street"},
    "reason": "Decided by the board",
}


def site_rows(stage: RetentionStage, sql: str) -> list[tuple[object, ...]]:
    return stage.rig.rows(sql)


def own(words: dict[str, Any]) -> dict[str, Any]:
    """The hub's own site."""
    found: dict[str, Any] = words["sites"][0]
    return found


async def test_roles_decide_and_the_log_says_so(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage:
        start = stage.rig.footage_of(20)
        async with stage.signed_in("operator") as operator, stage.signed_in("supervisor") as supervisor:
            assert (await operator.get("/api/retention")).status_code == 403
            assert (await operator.put("/api/retention/classes", json=CLASSES)).status_code == 403
            answer = await supervisor.put("/api/retention/classes", json=CLASSES)
            assert answer.status_code == 200, answer.text
            assert [each["state"] for each in answer.json()["sites"]] == ["ok"]
            long = {**CLASSES, "classes": [{"name": "street", "days": 90, "reference": ""}]}
            refused = await supervisor.put("/api/retention/classes", json=long)
            assert refused.status_code == 400 and "31 days" in refused.json()["error"]["message"]
            long["classes"] = [{"name": "street", "days": 90, "reference": "DPIA 2026-4"}]
            assert (await supervisor.put("/api/retention/classes", json=long)).status_code == 200
            assert site_rows(stage, "SELECT name, days, reference FROM retention_class") == [
                ("street", 90, "DPIA 2026-4")
            ]
            held = await supervisor.post("/api/holds", json=stage.hold_words(start, start + 5 * SECOND_US))
            assert held.status_code == 201, held.text
            (hold,) = held.json()["holds"]
            assert hold["segments"] == 2 and hold["owner"] == "supervisor-1"
            late = {"expires_us": stage.rig.clock.now_us() + 60 * DAY_US, "reason": "trial in June"}
            assert (await supervisor.post(f"/api/holds/{hold['id']}/extend", json=late)).status_code == 200
            assert (
                await supervisor.post(f"/api/holds/{hold['id']}/restore", json={"reason": "please"})
            ).status_code == 403, "only the data protection officer"
            ended = await supervisor.post(f"/api/holds/{hold['id']}/end", json={"reason": "no longer needed"})
            assert ended.status_code == 200 and ended.json()["holds"] == [] and len(ended.json()["ended"]) == 1
            assert site_rows(stage, "SELECT ended_us IS NOT NULL FROM hold") == [(1,)]
            again = await supervisor.post(f"/api/holds/{hold['id']}/end", json={"reason": "twice"})
            assert again.status_code == 409
        wanted = ["retention.classes", "hold.placed", "hold.extended", "hold.ended"]
        assert [kind for kind in stage.kinds() if kind in wanted][:4] == [
            "retention.classes",
            "retention.classes",
            *wanted[1:3],
        ]


async def test_a_site_that_was_away_hears_it_and_keeps_it(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        start = stage.rig.footage_of(40)
        stage.away = True
        await stage.hub.link.close()
        held = await dpo.post("/api/holds", json=stage.hold_words(start, start + 3 * SECOND_US))
        assert held.status_code == 201 and own(held.json())["state"] == "away"
        assert site_rows(stage, "SELECT count(*) FROM hold") == [(0,)]
        stage.away = False
        assert own((await dpo.get("/api/retention")).json())["state"] == "ok"
        stage.away = True
        await stage.hub.link.close()
        await stage.pass_days(50, dpo, "dpo")
        assert stage.rig.seconds() == [(start, start + 4 * SECOND_US)], (
            "kept while the hub is away, past its review too"
        )
        stage.away = False
        state = (await dpo.get("/api/retention")).json()
        assert state["holds"] == [] and state["ended"][0]["ended_why"] == "expired"
        assert "hold.expired" in stage.kinds()
        await stage.pass_days(1, dpo, "dpo")
        # Old footage set free by expiry was not to be expected: a person is asked.
        state = (await dpo.get("/api/retention")).json()
        stopped = own(state)["stopped"]
        assert stopped["segments"] == 1 and own(state)["alarms"]
        words = {
            "night": stopped["night"],
            "bytes": stopped["bytes"],
            "answer": "go",
            "reason": "yes",
        }
        assert (await dpo.post("/api/retention/decision", json=words)).status_code == 200
        await stage.pass_days(2, dpo, "dpo")
        assert stage.rig.counts() == (0, 0)


async def test_what_is_destroyed_is_certified_and_can_be_checked(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        stage.rig.footage_of(20)
        await stage.pass_days(33, dpo, "dpo")
        assert (await dpo.get("/api/retention")).status_code == 200
        (one,) = (await dpo.get("/api/certificates")).json()["certificates"]
        assert one["segments"] > 0 and one["whys"] == "age"
        file = await dpo.get(f"/api/certificates/{one['id']}")
        assert "attachment" in file.headers["content-disposition"]
        verdict = verify_certificate(file.content, stage.public_key())
        assert verdict.valid, verdict.problems
        assert "its key is destroyed" in verdict.facts[1]
        words = json.loads(file.content)
        words["certificate"]["lines"][0]["segments"] += 1
        assert len(verify_certificate(json.dumps(words).encode()).problems) == 2, "neither signature nor log entry fit"
        assert not verify_certificate(file.content, bytes(32)).valid
        path = tmp_path / "deletion.json"
        path.write_bytes(file.content)
        run = CliRunner().invoke(command, ["verify", str(path), "--key", stage.public_key().hex()])
        assert run.exit_code == 0 and "VALID" in run.output, run.output
        path.write_bytes(json.dumps(words).encode())
        assert CliRunner().invoke(command, ["verify", str(path)]).exit_code == 1
        await dpo.get("/api/retention")
        assert len((await dpo.get("/api/certificates")).json()["certificates"]) == 1, "told once"
        assert stage.kinds().count("deletion.certified") == 1


async def test_the_officer_restores_what_a_late_hold_covers(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage, stage.signed_in("dpo") as dpo:
        start = stage.rig.footage_of(20)
        await stage.pass_days(32, dpo, "dpo")
        held = await dpo.post("/api/holds", json=stage.hold_words(start, start + 3 * SECOND_US))
        (hold,) = held.json()["holds"]
        assert hold["quarantined"] == 1 and hold["segments"] == 0
        back = await dpo.post(f"/api/holds/{hold['id']}/restore", json={"reason": "It was asked for in time."})
        assert back.status_code == 200, back.text
        (hold,) = back.json()["holds"]
        assert hold["quarantined"] == 0 and hold["segments"] == 1
        assert "retention.restored" in stage.kinds()


async def test_orders_of_others_are_refused(tmp_path: Path) -> None:
    async with retention_stage(tmp_path) as stage:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        from belvedere.foundation.errors import Refused
        from belvedere.link.retention import Orders, RetentionState, sign_orders

        orders = Orders(1, "main", 99, 0, (), {}, (), ())
        for message in (
            sign_orders(orders, Ed25519PrivateKey.generate()),
            sign_orders(Orders(1, "elsewhere", 99, 0, (), {}, (), ()), stage.hub.key),
        ):
            try:
                await stage.hub.link.ask(message, RetentionState)
            except Refused:
                continue
            raise AssertionError("these orders are not this hub's for this site")
        good = await stage.hub.link.ask(sign_orders(orders, stage.hub.key), RetentionState)
        assert good.revision == 99
        older = sign_orders(Orders(1, "main", 5, 0, (), {}, (), ()), stage.hub.key)
        assert (await stage.hub.link.ask(older, RetentionState)).revision == 99
