"""The restore drill of a hub on PostgreSQL: backed up while it serves, restored into a new folder and database, serving again."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

import postgres_stage
from belvedere.cli.backup import backup
from belvedere.cli.main import app
from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.storage import open_engine, reading
from belvedere.hub.storage.rows import content_of, every_table
from hub_stage import hub_stage

WORDS = "four words in a row"
FAST = 1 << 10  # scrypt's cost, for tests


@pytest.fixture
def fresh() -> Iterator[Engine]:
    """An empty database."""
    engine = open_engine(postgres_stage.empty("restored"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


async def test_a_hub_on_postgresql_is_backed_up_and_restored(
    tmp_path: Path, fresh: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, archive, data = postgres_stage.empty("backed_up"), tmp_path / "a.bak", tmp_path / "data"
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", url)
    async with hub_stage(data) as stage, stage.signed_in() as browser:
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200
        kinds = stage.kinds()
        wrapping = data / "hub" / "keys" / "wrapping"
        wrapping.mkdir(parents=True, exist_ok=True)
        (wrapping / "secret.key").write_bytes(b"k" * 32)
        report = await asyncio.to_thread(
            backup, load_settings(data), archive, WORDS, clock=SimulatedClock(), scrypt_n=FAST
        )
        with reading(stage.hub.engine) as connection:
            before = {table.name: content_of(connection, table) for table in every_table()}
    assert report.revision and before["audit_entry"].rows >= 2
    # The database and the folder are lost. As on SQLite first, then into a new database.
    words, again = tmp_path / "words", tmp_path / "again"
    words.write_text(WORDS)
    monkeypatch.delenv("BELVEDERE_HUB__DATABASE_URL")
    command = ["restore", str(archive), "--passphrase-file", str(words), "--data"]
    ran = await asyncio.to_thread(CliRunner().invoke, app, [*command, str(tmp_path / "plain")])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    with closing(sqlite3.connect(tmp_path / "plain" / "hub" / "hub.db")) as plain:
        assert plain.execute("SELECT count(*) FROM audit_entry").fetchone() == (before["audit_entry"].rows,)
    assert not (tmp_path / "plain" / "hub" / "keys" / "wrapping").exists()
    address = fresh.url.render_as_string(hide_password=False)
    ran = await asyncio.to_thread(CliRunner().invoke, app, [*command, str(again), "--database", address])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert not (again / "hub" / "hub.db").exists()
    with reading(fresh) as connection:
        assert {table.name: content_of(connection, table) for table in every_table()} == before
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", address)
    async with hub_stage(again) as stage:
        assert stage.hub.engine.dialect.name == "postgresql" and stage.kinds() == kinds
        assert stage.hub.audit.check() == stage.hub.audit.checkpoint().size
        await stage.hub.audit.append("test.after", "user_1", {})
