"""Connections of the hub's database: none stays open behind an engine that was disposed of."""

from pathlib import Path

import pytest

import postgres_stage
from belvedere.hub.storage import open_engine


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_comes_back_after_the_end_is_closed(tmp_path: Path, kind: str) -> None:
    url = f"sqlite:///{tmp_path}/hub.sqlite" if kind == "sqlite" else postgres_stage.empty("engine_pool")
    engine = open_engine(url)
    late = engine.connect()  # as a thread has it that nobody waits for
    taken = late.connection.dbapi_connection
    assert taken is not None
    engine.dispose()
    taken.cursor().execute("SELECT 1").close()  # what is under way goes on to its end
    late.close()
    with pytest.raises(Exception, match="closed"):
        taken.cursor().execute("SELECT 1")
    with engine.connect() as again:
        assert again.exec_driver_sql("SELECT 1").scalar() == 1
    engine.dispose()
