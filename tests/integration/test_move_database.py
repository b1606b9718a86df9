"""`belvedere migrate sqlite-to-postgres`: all arrives, is compared and checked against the log; the source stays as it is."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import Engine, text
from typer.testing import CliRunner

import postgres_stage
from belvedere.cli.main import app
from belvedere.cli.move_database import check_rows, move
from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, StorageFault
from belvedere.foundation.settings import Settings, load_settings
from belvedere.hub.storage import open_engine, reading, revision_of, upgrade, writing
from belvedere.hub.storage.acts import forget_act, noting, waiting_acts
from belvedere.hub.storage.rows import count_rows, every_table
from full_database import fill
from hub_stage import hub_stage

pytestmark = pytest.mark.sqlite_only

CLOCK = SimulatedClock()


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub's data folder, with rows in every table. Copied for each test."""
    data = tmp_path_factory.mktemp("lived-in") / "data"

    async def live() -> None:
        async with hub_stage(data) as stage, stage.signed_in() as browser:
            assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200
            for number in range(20):
                await stage.hub.audit.append("test.said", "user_1", {"n": number, "words": "żółć"})

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BELVEDERE_HUB__DATABASE_URL", f"sqlite:///{data / 'hub' / 'hub.db'}")
        asyncio.run(live())
    engine = open_engine(f"sqlite:///{data / 'hub' / 'hub.db'}")
    assert min(fill(engine).values()) > 0
    engine.dispose()
    return data


@pytest.fixture
def source(lived_in: Path, tmp_path: Path) -> Settings:
    shutil.copytree(lived_in, tmp_path / "data")
    return load_settings(tmp_path / "data")


@pytest.fixture
def target() -> Iterator[Engine]:
    engine = open_engine(postgres_stage.empty("moved"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


def address(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def bytes_of(settings: Settings) -> dict[str, str]:
    """SHA-256 of every file but SQLite's side files, which any reader makes."""
    files = [path for path in settings.data.rglob("*") if path.is_file() and not path.name.endswith(("-wal", "-shm"))]
    return {str(path): sha256(path.read_bytes()).hexdigest() for path in files}


def no_rows(engine: Engine) -> bool:
    with reading(engine) as connection:
        return not any(count_rows(connection, table) for table in every_table() if table.name != "purpose")


async def test_a_full_hub_moves_and_serves(source: Settings, target: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    before = bytes_of(source)
    ran = await asyncio.to_thread(
        CliRunner().invoke,
        app,
        ["migrate", "sqlite-to-postgres", "--from", str(source.data), "--to", address(target)],
    )
    assert ran.exit_code == 0, (ran.output, ran.exception)
    assert bytes_of(source) == before
    with reading(target) as connection:
        counts = {table.name: count_rows(connection, table) for table in every_table()}
        assert min(counts.values()) > 0
        assert check_rows(source, connection).valid
    assert f"{sum(counts.values())} rows in {len(counts)} tables" in ran.output
    assert f"{counts['audit_entry']} entries are in the log, word for word." in ran.output
    assert "database_url" in ran.output
    # The same rows once more: the target is not empty now.
    with pytest.raises(Conflict, match="not empty"):
        await asyncio.to_thread(move, source, address(target), CLOCK)
    # Numbers that the database gives go on after those that came.
    with writing(target) as connection:
        noting(CLOCK)(connection, "test.act", {})
    acts = waiting_acts(target)
    assert len(acts) == counts["local_act"] + 1 and acts[-1].kind == "test.act"
    for act in acts:  # made up, but for the last
        forget_act(target, act.id)


async def test_a_moved_hub_opens_on_postgresql(tmp_path: Path, target: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", f"sqlite:///{data / 'hub' / 'hub.db'}")
    async with hub_stage(data) as stage, stage.signed_in() as browser:
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200
        kinds = stage.kinds()
    await asyncio.to_thread(move, load_settings(data), address(target), CLOCK)
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", address(target))
    async with hub_stage(data) as stage:
        assert stage.hub.engine.dialect.name == "postgresql" and stage.kinds() == kinds
        assert stage.hub.audit.check() == stage.hub.audit.checkpoint().size
        await stage.hub.audit.append("test.after", "user_1", {})


def test_a_running_hub_is_noticed(source: Settings, target: Engine) -> None:
    words = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT count(*) FROM site').fetchone();"
        "print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", words, str(source.hub_folder / "hub.db")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(Conflict, match="the hub runs"):
            move(source, address(target), CLOCK)
        other.communicate()
    assert revision_of(target) == ""


def test_a_row_that_is_not_taken_leaves_nothing_and_can_be_mended(source: Settings, target: Engine) -> None:
    def name(words: str) -> None:
        with closing(sqlite3.connect(source.hub_folder / "hub.db")) as database:
            database.execute("UPDATE session SET address = ?", (words,))
            database.commit()

    name("x" * 65)  # SQLite takes any length
    with pytest.raises(StorageFault, match="session"):
        move(source, address(target), CLOCK)
    assert no_rows(target)
    name("10.0.0.1")
    assert move(source, address(target), CLOCK).rows > 0


def test_a_log_that_does_not_hold_is_not_moved(source: Settings, target: Engine) -> None:
    with closing(sqlite3.connect(source.hub_folder / "hub.db")) as database:
        database.execute("UPDATE audit_entry SET body = replace(body, '\"n\":7', '\"n\":8') WHERE kind = 'test.said'")
        database.commit()
    with pytest.raises(StorageFault, match="audit log"):
        move(source, address(target), CLOCK)
    assert no_rows(target)


def test_what_can_not_be_moved_is_refused_in_words(source: Settings, target: Engine, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no SQLite database"):
        move(load_settings(tmp_path / "nowhere"), address(target), CLOCK)
    with pytest.raises(BadInput, match="PostgreSQL"):
        move(source, "sqlite:///x.db", CLOCK)
    with target.begin() as connection:
        connection.execute(text("CREATE TABLE somebody_elses (x int)"))
    with pytest.raises(Conflict, match="somebody_elses"):
        move(source, address(target), CLOCK)
    old = load_settings(tmp_path / "old")
    old.hub_folder.mkdir(parents=True)
    engine = open_engine(old.hub_database_url)
    upgrade(engine, "0023")
    engine.dispose()
    with pytest.raises(Conflict, match="0023"):
        move(old, address(target), CLOCK)
