"""A site as a process of its own, enrolled by the command line: it records, dials, and listens nowhere."""

import asyncio
import json
import sys
from pathlib import Path

import psutil

from belvedere.cli.main import app
from fleet_stage import FleetStage, fleet_stage


async def enrolled(stage: FleetStage, data: Path) -> str:
    """Run `belvedere site enrol` as an installer would; Ben confirms what the screen shows. Returns all that was said."""
    assert app.info.name == "belvedere"
    token = await stage.token("rowan")
    command = ["site", "enrol", f"https://{stage.place.url}", str(token), "--data", str(data)]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "belvedere.cli.main",
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout is not None
    said, shown = "", ""
    async with asyncio.timeout(90):
        async for raw in process.stdout:
            line = raw.decode()
            said += line
            words = line.split()
            if len(words) == 8 and all(len(word) == 4 for word in words):
                shown = line.strip()
                (waiting,) = [each for each in stage.hub.fleet.desk.book.enrolments() if each.asked_us]
                await stage.hub.fleet.desk.decide(stage.ben, waiting.id, let_in=True, seen=shown, reason="")
        assert await process.wait() == 0, said
    assert shown, said
    return said


async def test_a_site_of_its_own_is_enrolled_answers_the_hub_and_opens_no_port(tmp_path: Path) -> None:
    data = tmp_path / "box"
    data.mkdir()
    (data / "belvedere.toml").write_text('[site]\nid = "rowan"\nname = "Rowan Court"\nmin_free_bytes = 0\n')
    async with fleet_stage(tmp_path / "hub") as stage:
        site = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "belvedere.site.serve", "--data", str(data), stdout=asyncio.subprocess.PIPE
        )
        assert site.stdout is not None
        try:
            async with asyncio.timeout(90):
                assert json.loads(await site.stdout.readline())["ready"]
                assert "belongs to belvedere" in await enrolled(stage, data)
                while stage.hub.fleet.switchboard.line("rowan") is None:
                    await asyncio.sleep(0.05)
                status = await stage.hub.link.of("rowan").status()
            assert (status.site, status.name) == ("rowan", "Rowan Court")
            sockets = psutil.Process(site.pid).net_connections("inet")
            listening = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
            assert listening <= {"127.0.0.1"}, "loopback is open while it tries how well it can confine a process"
            assert {each.raddr.port for each in sockets if each.raddr} == {stage.place.port}
        finally:
            site.terminate()
            await site.wait()
