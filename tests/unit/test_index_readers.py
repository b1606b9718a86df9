"""An index that newer software changed opens in older software only where the migration says that it may."""

import sqlite3
from pathlib import Path

import pytest

from belvedere.foundation.clock import SystemClock
from belvedere.foundation.errors import StorageFault
from belvedere.site.storage import index as module
from belvedere.site.storage.index import Index, readers


def newest() -> int:
    return int(module._migrations()[-1][:4])


def changed(path: Path, since: int | None) -> None:
    """As software with one migration more leaves it."""
    Index(path, SystemClock()).close()
    with sqlite3.connect(path) as db:
        name = f"{newest() + 1:04}_later.sql"
        db.execute("INSERT INTO migration VALUES (?)", (name,))
        if since is not None:
            db.execute("INSERT INTO migration_reader VALUES (?, ?)", (name, since))
    db.close()


def test_older_software_opens_what_a_newer_migration_says_it_may(tmp_path: Path) -> None:
    changed(tmp_path / "index.db", newest())
    index = Index(tmp_path / "index.db", SystemClock())
    with index.write() as db:
        db.execute("SELECT 1")
    index.close()


@pytest.mark.parametrize("more", [None, 1])
def test_older_software_leaves_an_index_alone_that_it_could_not_read(tmp_path: Path, more: int | None) -> None:
    changed(tmp_path / "index.db", None if more is None else newest() + more)
    with pytest.raises(StorageFault, match="newer software"):
        Index(tmp_path / "index.db", SystemClock())


def test_what_a_migration_says_of_its_readers_is_kept_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = newest()
    name = f"{known + 1:04}_later.sql"
    before, text = module._migrations(), module._text
    monkeypatch.setattr(module, "_migrations", lambda: [*before, name])
    later = f"-- readers: {known:04}\nCREATE TABLE later (id INTEGER PRIMARY KEY)"
    monkeypatch.setattr(module, "_text", lambda asked: later if asked == f"migrations/{name}" else text(asked))
    Index(tmp_path / "index.db", SystemClock()).close()
    monkeypatch.undo()
    Index(tmp_path / "index.db", SystemClock()).close()
    assert (readers(later), readers("CREATE TABLE a (b)"), readers("-- Words.\n-- readers: 0017\n")) == (known, 0, 0)
