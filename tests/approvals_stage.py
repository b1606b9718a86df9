"""The hub under the whole action table; people who ask and decide, each with a passkey; a site that knows how busy it was."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from authenticator import Authenticator
from belvedere.foundation.clock import HOUR_US
from belvedere.hub.access.users import User
from belvedere.hub.approvals.desk import ApprovalDesk
from belvedere.hub.approvals.glass_desk import GlassDesk
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import account
from belvedere.link.activity import Activity, CameraActivity, GetActivity
from belvedere.link.messages import Reply, Request
from hub_stage import CSRF, HubStage, gate, status_of
from passkey_stage import add, confirm, stage_of

CAMERAS = ("court", "gate", "yard")
PEOPLE = {
    "ivy": ("investigator", "investigations"),
    "oli": ("operator", "control room"),
    "sam": ("supervisor", "community safety"),
    "una": ("supervisor", "investigations"),
    "max": ("manager", "management"),
    "dora": ("dpo", "data protection"),
}


@dataclass
class Somebody:
    """A person at their browser, with their passkey."""

    browser: httpx.AsyncClient
    key: Authenticator
    user: User

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.browser.get(path, params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> Any:
        answer = await self.browser.post(path, json={} if body is None else body)
        assert answer.status_code == status, answer.text
        return answer.json()

    async def confirmed(self, path: str, body: dict[str, Any], status: int = 200) -> Any:
        """POST what takes a passkey: the hub says what to confirm, it is confirmed, and said again."""
        first = await self.browser.post(path, json=body)
        assert first.json()["error"]["code"] == "step_up_needed", first.text
        proven = await confirm(self.browser, self.key, first.json()["error"]["act"])
        assert proven.status_code == 200, proven.text
        return await self.post(path, body, status)


@dataclass
class Council:
    """The stage and everybody on it."""

    stage: HubStage
    asked: list[GetActivity] = field(default_factory=list)
    people: dict[str, Somebody] = field(default_factory=dict)

    @property
    def desk(self) -> ApprovalDesk:
        found: ApprovalDesk = self.stage.app.state.approvals
        return found

    @property
    def glass(self) -> GlassDesk:
        found: GlassDesk = self.stage.app.state.glass
        return found

    @property
    def now_us(self) -> int:
        return self.stage.clock.now_us()

    def facts(self, kind: str) -> list[dict[str, Any]]:
        """Facts of the log's entries of a kind, oldest first."""
        entries = reversed(self.stage.hub.audit.entries(limit=1000))
        return [dict(entry.facts) for entry in entries if entry.kind == kind]

    async def come(self, name: str, *, passkey: bool = True) -> Somebody:
        """Somebody signs in, for as long as the stage stands."""
        role, team = PEOPLE[name]
        hub = self.stage.hub
        _, code = await asyncio.to_thread(hub.users.create, name, role, name.title())
        with writing(hub.engine) as connection:
            values = {"team": team, "trained_us": self.now_us - HOUR_US}
            connection.execute(update(account).where(account.c.name == name).values(**values))
        browser = self.stage.browser(**{"User-Agent": "Firefox on Windows"})
        answer = await browser.post("/api/session", json={"username": name, "password": code})
        assert answer.status_code == 200, answer.text
        browser.headers[CSRF] = answer.json()["csrf"]
        key = Authenticator()
        if passkey:
            assert (await add(browser, key)).status_code in (200, 201)
        self.people[name] = Somebody(browser, key, hub.users.by_name(name))
        return self.people[name]

    async def case_of(self, owner: Somebody) -> str:
        """A case about all cameras in the last three hours; its reference."""
        span = {"from_us": self.now_us - 3 * HOUR_US, "to_us": self.now_us - HOUR_US}
        body = {
            "kind": "damage",
            "title": "Broken door",
            "incident": {"place": "North door", "lat": 51.5001, "lon": -0.1, **span},
            "footage": [{"camera": camera, **span} for camera in CAMERAS],
            "reason": "Call 17",
        }
        return str((await owner.post("/api/cases", body, 201))["reference"])

    def wish(self, case: str, **more: Any) -> dict[str, Any]:
        """Two hours of all cameras: wide playback, which takes a second person."""
        return {
            "purpose": "investigation",
            "case": case,
            "cameras": list(CAMERAS),
            "from_us": self.now_us - 3 * HOUR_US,
            "to_us": self.now_us - HOUR_US,
            "actions": ["playback"],
            "lasts_us": 2 * HOUR_US,
            "reason": "Who broke the north door",
        } | more


def _busy(council: Council, request: Request) -> Reply | None:
    """The yard was quiet; the others moved from minute 30 to 40."""
    if not isinstance(request, GetActivity):
        return None
    council.asked.append(request)
    busy = bytes(200 if 30 <= minute < 40 else 1 for minute in range(request.buckets))
    quiet = bytes([1] * request.buckets)
    cameras = tuple(
        CameraActivity(
            name, "sub", quiet if name == "yard" else busy, bytes(request.buckets), "variable", 0.9, True, ""
        )
        for name in request.cameras
    )
    return Activity(request.from_us, request.to_us, cameras)


@asynccontextmanager
async def council(data: Path, monkeypatch: pytest.MonkeyPatch, access: str = "four_eyes") -> AsyncIterator[Council]:
    """The hub, open, with three cameras and nobody signed in."""
    monkeypatch.setenv("BELVEDERE_HUB__ACCESS", access)
    async with stage_of(data) as stage:
        found = Council(stage)
        stage.site.status = status_of()
        stage.site.answer = lambda request: _busy(found, request)
        for name, north in (("court", 0.0), ("yard", 180.0)):
            stage.hub.register.put_camera(gate(id=name, name=name.title(), bearing_deg=north))
        try:
            yield found
        finally:
            for each in found.people.values():
                await each.browser.aclose()


async def weighed(person: Somebody, request: dict[str, Any]) -> dict[str, Any]:
    """The request once it was weighed, waiting for news as a page does."""
    seen = (await person.get("/api/requests"))["seq"]
    while True:
        found: dict[str, Any] = await person.get(f"/api/requests/{request['id']}")
        if found["weighing"] is not None:
            return found
        seen = (await person.get("/api/requests/changes", since=seen, wait_s=20))["seq"]
