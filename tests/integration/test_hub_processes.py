"""Several processes are one hub: whichever answers, whoever is killed, with the bus and without."""

import asyncio
import json
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from belvedere.hub.processes.homes import process_of
from belvedere.policy.table import Role
from processes_stage import LIMIT_S, Member, Someone, Stage, feed, pictures, several, told

_PLAY = json.dumps({"op": "play", "tile": 1, "camera": "gate", "stream": "sub"})
OPERATORS = tuple(f"olga-{number}" for number in range(12))


def operator_of(stage: Stage, name: str) -> Someone:
    """An operator whose pictures this process shows."""
    living = [member.name for member in stage.members if member.process.returncode is None]
    return next(
        one
        for key, one in stage.people.items()
        if key.startswith("olga") and not one.cookie and process_of(one.account, living) == name
    )


async def duty(stage: Stage, who: Someone, at: Member) -> str:
    """Sign in at one process and be given access by it."""
    await who.sign_in(at, stage.codes[who.name])
    answer = await who.ask(at, "POST", "/api/grants", {"purpose": "duty"})
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


@pytest.mark.timeout(400)  # two hubs start, on a machine that may be busy
async def test_two_processes_are_one_hub(tmp_path: Path) -> None:
    people = [(name, Role.OPERATOR) for name in OPERATORS]
    async with several(tmp_path, *people, ("sue", Role.SUPERVISOR)) as stage:
        first, second = await asyncio.gather(stage.start(), stage.start())
        box = await stage.let_in("rowan", "gate")
        box.dialler.start()
        feeding = asyncio.create_task(feed(box, "gate"))
        try:
            holder = await stage.until_held("rowan")
            other = stage.other(holder)
            # Signed in at one process, watching through the other; the line in one, the wall in the other.
            who = operator_of(stage, other.name)
            grant = await duty(stage, who, first)
            assert (await who.ask(second, "GET", "/api/session")).status_code == 200
            sue = stage.people["sue"]
            await sue.sign_in(second, stage.codes["sue"])
            async with who.live(holder, grant) as wall:  # handed to the other, which has the site told to dial
                await wall.send(_PLAY)
                await pictures(wall)
                # The bus is killed: what plays goes on, what needs it says so, and it comes back by itself.
                await stage.nats.kill()
                await pictures(wall)
                await wall.send(json.dumps({"op": "stop", "tile": 1}))
                await wall.send(_PLAY)
                assert "bus" in await told(wall, "unknown")
                await stage.nats.start()
                await pictures(wall)
                # Ended at one process, the pictures end wherever they are.
                answer = await sue.ask(first, "POST", f"/api/grants/{grant}/revoke", {"reason": "The shift is over."})
                assert answer.status_code in (200, 204), answer.text
                with pytest.raises(ConnectionClosed) as ended:
                    await pictures(wall, 1 << 30)
                assert ended.value.rcvd is not None and ended.value.rcvd.code == 4403
            # The process that holds the site is killed: the site comes to the other one, and so does everything else.
            who = operator_of(stage, other.name)
            grant = await duty(stage, who, holder)
            await holder.kill()
            assert await stage.until_held("rowan", not_by=holder.name) is other
            async with who.live(other, grant) as wall:
                await wall.send(_PLAY)
                await pictures(wall)
            answer = await sue.ask(other, "POST", f"/api/grants/{grant}/revoke", {"reason": "The shift is over."})
            assert answer.status_code in (200, 204), answer.text
            assert await asyncio.to_thread(stage.chair) == other.name
            assert (await sue.ask(other, "GET", "/healthz/ready")).json() == {"state": "ready"}
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)
            async with asyncio.timeout(LIMIT_S):
                await box.close()
