"""In the demo a code from its terminal stands for a passkey: for one act of one person, once, and the log says so."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from authenticator import Authenticator
from belvedere.foundation.clock import MINUTE_US
from belvedere.foundation.errors import BadSettings
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.step_up_codes import LIFE_US, TRIES, ShownCode
from hub_stage import HubStage, hub_stage
from passkey_stage import add

ACT = {"do": "access.approve", "request": "r1"}


@asynccontextmanager
async def demo(data: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[HubStage, list[ShownCode]]]:
    """A hub that works with codes, and what its terminal shows."""
    monkeypatch.setenv("BELVEDERE_HUB__STEP_UP_CODES", "true")
    async with hub_stage(data) as stage:
        shown: list[ShownCode] = []
        assert stage.hub.step_up_codes is not None
        stage.hub.step_up_codes._show = shown.append
        yield stage, shown


async def test_a_code_confirms_one_act_once_and_the_log_says_it_was_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with demo(tmp_path, monkeypatch) as (stage, shown), stage.signed_in() as ann:
        assert (await ann.get("/api/session")).json()["offer_passkey"]
        asked = (await ann.post("/api/step-up/begin", json={"act": ACT})).json()
        assert (asked["by"], asked["options"]) == ("code", {})
        (code,) = shown
        assert (code.person, code.do, code.act_sha256) == ("Ann Operator", "access.approve", asked["act_sha256"])
        assert code.code.replace(" ", "") not in str(asked)
        proven = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": code.code})
        assert proven.status_code == 200 and proven.json()["act_sha256"] == asked["act_sha256"]
        entry = stage.hub.audit.entries(limit=1)[0]
        assert (entry.kind, entry.facts["method"]) == ("step_up.proven", "code")
        assert entry.facts["act_sha256"] == asked["act_sha256"]
        again = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": code.code})
        assert again.status_code == 403


async def test_a_wrong_code_a_strangers_and_an_old_one_prove_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with demo(tmp_path, monkeypatch) as (stage, shown), stage.signed_in() as ann:

        async def begin() -> dict[str, Any]:
            found: dict[str, Any] = (await ann.post("/api/step-up/begin", json={"act": ACT})).json()
            return found

        asked = await begin()
        right = shown[-1].code
        wrong = f"{(int(right[0]) + 1) % 10}{right[1:]}"
        for _ in range(TRIES):
            answer = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": wrong})
            assert answer.status_code == 403
        assert stage.kinds()[-1] == "step_up.refused"
        used_up = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": right})
        assert used_up.status_code == 403
        asked = await begin()
        async with stage.signed_in("sam", "supervisor") as sam:
            other = await sam.post("/api/step-up/code", json={"id": asked["id"], "code": shown[-1].code})
            assert other.status_code == 403
        stage.clock.advance(LIFE_US + MINUTE_US)
        late = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": shown[-1].code})
        assert late.status_code == 403
        assert "step_up.proven" not in stage.kinds()


async def test_who_has_a_passkey_uses_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with demo(tmp_path, monkeypatch) as (stage, shown):
        stage.settings.hub.origin = "https://hub.test"  # where the stage's authenticators live
        async with stage.signed_in() as ann:
            asked = (await ann.post("/api/step-up/begin", json={"act": ACT})).json()
            assert (await add(ann, Authenticator())).status_code == 200
            late = await ann.post("/api/step-up/code", json={"id": asked["id"], "code": shown[-1].code})
            assert late.status_code == 403
            after = (await ann.post("/api/step-up/begin", json={"act": ACT})).json()
            assert after["by"] == "passkey" and len(shown) == 1


async def test_without_the_setting_there_are_no_codes(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as ann:
        assert stage.hub.step_up_codes is None
        assert not (await ann.get("/api/session")).json()["offer_passkey"]
        assert (await ann.post("/api/step-up/code", json={"id": "x", "code": "12345678"})).status_code == 403


@pytest.mark.parametrize("more", [{"host": "0.0.0.0"}, {"origin": "https://cctv.council.example"}])
def test_a_control_room_that_others_reach_has_no_codes(tmp_path: Path, more: dict[str, str]) -> None:
    with pytest.raises(BadSettings, match="demo on this very machine"):
        load_settings(tmp_path, hub={"step_up_codes": True, **more})
