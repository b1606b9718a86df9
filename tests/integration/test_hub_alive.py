"""`/healthz`: anybody may ask whether the hub lives and is ready, and learns nothing else."""

from pathlib import Path

import pytest

from hub_stage import hub_stage


async def test_anybody_may_ask_whether_the_hub_is_alive_and_ready(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as stranger:
        alive, ready = await stranger.get("/healthz"), await stranger.get("/healthz/ready")
        assert (alive.status_code, alive.json()) == (200, {"state": "alive"})
        assert (ready.status_code, ready.json()) == (200, {"state": "ready"})


@pytest.mark.sqlite_only
async def test_a_hub_whose_database_does_not_answer_is_alive_and_not_ready(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.browser() as stranger:
        engine = stage.app.state.hub.engine
        engine.dispose()
        file = Path(engine.url.database)
        aside = file.with_name("aside")
        file.rename(aside)
        try:
            file.mkdir()  # SQLite can't open a folder
            answer = await stranger.get("/healthz/ready")
            assert (answer.status_code, answer.json()) == (503, {"state": "waiting"})
            assert (await stranger.get("/healthz")).status_code == 200
        finally:
            file.rmdir()
            aside.rename(file)
