"""A hub that is killed in the middle of an export: the next start finishes it and fetches no whole clip twice."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from belvedere.hub.evidence.verify import verify_pack
from evidence_stage import evidence_stage

pytestmark = [pytest.mark.faults, pytest.mark.sqlite_only]

_CHILD = """
import asyncio, sys
from pathlib import Path
from evidence_stage import evidence_stage

async def main() -> None:
    async with evidence_stage(Path(sys.argv[1])) as stage:
        begun = 0
        def hold(name: str) -> None:
            nonlocal begun
            begun += name == "init"
            if name == "init" and begun == 2:  # the first clip is whole, the second begins
                print("held", flush=True)
                sys.stdin.read()
        stage.archive.fault = hold
        answer = await stage.browser.post("/api/exports", json=stage.order())
        print(answer.json()["id"], flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_a_hub_killed_in_an_export_finishes_it_after_the_next_start(tmp_path: Path) -> None:
    data = tmp_path / "data"
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}

    def until_killed() -> str:
        command = [sys.executable, "-c", _CHILD, str(data)]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
        ) as hub:
            assert hub.stdout is not None
            said: list[str] = []
            try:
                for line in hub.stdout:
                    if line.startswith(("held", "export_")):
                        said.append(line.strip())
                    if len(said) == 2:
                        break
            finally:
                hub.kill()
        return next(line for line in said if line.startswith("export_"))

    export_id = await asyncio.to_thread(until_killed)
    (part,) = (data / "hub/making").iterdir()
    assert part.name == f".{export_id}.1.zip.part" and not list((data / "hub").glob("exports/*"))
    async with evidence_stage(data) as stage:
        export = await stage.finished(export_id)
        assert export["state"] == "ready", export["message"]
        assert stage.archive.read_calls == 1, "the second clip; the first needs two reads"
        assert verify_pack(await stage.pack(export, tmp_path / "pack.zip"), stage.public_key).valid
        kinds = [entry.kind for entry in stage.hub.audit.entries(limit=50)]
        assert kinds.count("export.started") == kinds.count("export.ready") == 1
    assert not list((data / "hub/making").iterdir())
