"""A hub at https://hub.test, and people's browsers with software authenticators."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx

from authenticator import Authenticator
from hub_stage import CSRF, HubStage, hub_stage


@asynccontextmanager
async def stage_of(data: Path, **settings: object) -> AsyncIterator[HubStage]:
    async with hub_stage(data) as stage:
        for name, value in ({"origin": "https://hub.test"} | settings).items():
            setattr(stage.settings.hub, name, value)
        yield stage


async def add(browser: httpx.AsyncClient, key: Authenticator, name: str = "Blue key") -> httpx.Response:
    begun = await browser.post("/api/passkeys/begin")
    if begun.status_code != 200:
        return begun
    body = {"id": begun.json()["id"], "credential": key.create(begun.json()["options"]), "name": name}
    return await browser.post("/api/passkeys", json=body)


async def confirm(browser: httpx.AsyncClient, key: Authenticator, act: dict[str, Any]) -> httpx.Response:
    begun = (await browser.post("/api/step-up/begin", json={"act": act})).json()
    body = {"id": begun["id"], "credential": key.get(begun["options"])}
    return await browser.post("/api/step-up/finish", json=body)


async def sign_in(browser: httpx.AsyncClient, key: Authenticator) -> httpx.Response:
    begun = (await browser.post("/api/session/passkey/begin")).json()
    answer = await browser.post(
        "/api/session/passkey", json={"id": begun["id"], "credential": key.get(begun["options"])}
    )
    if answer.status_code == 200:
        browser.headers[CSRF] = answer.json()["csrf"]
    return answer
