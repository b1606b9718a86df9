"""The schema: every revision leads to the newest, old data stays usable, and the tables are those that the code describes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError, OperationalError

from belvedere.foundation.errors import BadSettings, Conflict
from belvedere.foundation.settings import load_settings
from belvedere.hub.access.keys import signing_key
from belvedere.hub.storage import NEWEST, open_engine, reading, revision_of, upgrade, writing
from belvedere.hub.storage.metadata import METADATA
from belvedere.hub.storage.migrate import alembic_config
from belvedere.tlog.checkpoint import sign_checkpoint
from belvedere.tlog.folder import write_durably
from hub_stage import CSRF, hub_stage

pytestmark = pytest.mark.sqlite_only

OLD = Path(__file__).with_name("hub_0001.sql")
OLD_SESSION = "a session of the old version"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'inner' / 'hub.db'}")
    yield opened
    opened.dispose()


def make_old(path: Path) -> None:
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as database:
        database.executescript(OLD.read_text("utf-8"))


def test_the_newest_revision_is_the_last_one() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == NEWEST


def test_an_empty_database_gets_the_tables_that_the_code_describes(engine: Engine) -> None:
    assert revision_of(engine) == ""
    upgrade(engine)
    upgrade(engine)
    assert revision_of(engine) == NEWEST
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []


async def test_a_database_of_the_previous_version_migrates_and_serves(tmp_path: Path) -> None:
    make_old(tmp_path / "hub" / "hub.db")
    key = signing_key(
        load_settings(tmp_path)
    )  # as every version did, the old one signed an empty log before its first entry
    write_durably(tmp_path / "hub" / "log" / "checkpoint", sign_checkpoint(0, sha256(b"").digest(), key))
    async with hub_stage(tmp_path) as stage, stage.browser() as browser:
        assert revision_of(stage.hub.engine) == NEWEST
        browser.cookies.set("belvedere", OLD_SESSION)
        still = await browser.get("/api/session")
        assert still.status_code == 200 and still.json()["user"]["name"] == "ann"
        answer = await browser.post("/api/session", json={"username": "ann", "password": "correct horse battery"})
        assert answer.status_code == 200
        browser.headers[CSRF] = answer.json()["csrf"]
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).json()["cameras"] == ["gate"]
        assert [camera.name for camera in stage.hub.register.list_cameras()] == ["Gate"]
        assert stage.hub.audit.entry(0).facts == {"by": "password"}


def test_a_newer_database_is_refused_in_words(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Conflict, match="9999") as refused:
        upgrade(engine)
    assert refused.value.advice


def test_a_migration_that_fails_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "hub" / "hub.db"
    make_old(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE export (x)")  # in the way of revision 0002
    engine = open_engine(f"sqlite:///{path}")
    with pytest.raises(OperationalError):
        upgrade(engine)
    assert revision_of(engine) == "0001"
    with reading(engine) as connection:
        columns = connection.execute(text("PRAGMA table_info(session)")).all()
    assert "address" not in {row[1] for row in columns}
    engine.dispose()


def test_sqlite_is_set_to_keep_what_it_was_given(engine: Engine) -> None:
    with reading(engine) as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
        }
    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 10_000,
    }


def test_foreign_keys_hold_and_a_failed_block_is_undone(engine: Engine) -> None:
    upgrade(engine)
    site = text("INSERT INTO site (id, name, created_us) VALUES ('a', 'A', 1)")
    orphan = text(
        "INSERT INTO camera (id, site_id, name, place, created_us, changed_us) VALUES ('c', 'nowhere', 'C', '', 1, 1)"
    )
    with pytest.raises(IntegrityError), writing(engine) as connection:
        connection.execute(site)
        connection.execute(orphan)
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM site")) == 0


def test_a_writer_that_read_first_waits_instead_of_failing(engine: Engine) -> None:
    upgrade(engine)
    with writing(engine) as one:
        one.execute(text("INSERT INTO site (id, name, created_us) VALUES ('a', 'A', 1)"))
        with reading(engine) as other:  # readers are not held up
            assert other.scalar(text("SELECT count(*) FROM site")) == 0


@pytest.mark.parametrize("url", ["not a url", "mysql://host/db", ""])
def test_other_databases_are_refused_in_words(url: str) -> None:
    with pytest.raises(BadSettings) as refused:
        open_engine(url)
    assert refused.value.advice
