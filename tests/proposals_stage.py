"""Proposing and confirming changes, for tests: administrators beside the people of `approvals_stage`."""

from typing import Any

from approvals_stage import PEOPLE, Council, Somebody

PEOPLE |= {"root": ("administrator", "platform"), "rita": ("administrator", "helpdesk")}


async def put(who: Somebody, method: str, path: str, body: dict[str, Any], status: int = 202) -> Any:
    answer = await who.browser.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()["proposal"] if status == 202 else answer.json() if answer.content else None


async def agree(who: Somebody, proposal: dict[str, Any], status: int = 200) -> Any:
    return await who.confirmed(f"/api/proposals/{proposal['id']}/confirm", {"sha256": proposal["sha256"]}, status)


async def staffed(found: Council, *names: str) -> list[Somebody]:
    return [await found.come(name) for name in names]
