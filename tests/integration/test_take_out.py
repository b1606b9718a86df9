"""`belvedere export-all`: everything of the hub in open formats, whole, checkable without us, and nothing that opens doors."""

import asyncio
import json
import subprocess
import zipfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.log_files import exported_records
from belvedere.cli.main import app
from belvedere.cli.take_out import take_out
from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.foundation.settings import load_settings
from belvedere.hub.storage import open_engine, reading
from belvedere.hub.storage.acts import waiting_acts
from belvedere.hub.storage.rows import count_rows, every_table
from belvedere.tlog.check import Known, LogFolder, check_log
from full_database import fill
from hub_stage import hub_stage


@pytest.mark.both_engines
async def test_everything_is_written_and_can_be_checked(tmp_path: Path) -> None:
    data, out = tmp_path / "data", tmp_path / "out"
    async with hub_stage(data) as stage, stage.signed_in() as browser:
        assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200
        key = stage.hub.key.public_key().public_bytes_raw()
        settings = stage.settings
    (data / "belvedere.toml").write_text('[site]\nname = "Alder Grove"\n')
    engine = open_engine(settings.hub_database_url)
    await asyncio.to_thread(fill, engine)
    with engine.begin() as connection:  # made up, and in no store
        connection.exec_driver_sql("DELETE FROM stored_object")
        connection.exec_driver_sql("UPDATE account SET password_hash = 'argon-secret', code_hash = 'code-secret'")
    ran = await asyncio.to_thread(CliRunner().invoke, app, ["export-all", str(out), "--data", str(data)])
    assert ran.exit_code == 0, (ran.output, ran.exception)
    with reading(engine) as connection:
        for table in every_table():
            if table.name != "session":
                lines = (out / "tables" / f"{table.name}.jsonl").read_text("utf-8").splitlines()
                assert len(lines) == count_rows(connection, table)
                assert all(isinstance(json.loads(line), dict) for line in lines)
    act = waiting_acts(engine)[-1]
    assert act.kind == "log.exported" and act.facts["format"] == "all"
    engine.dispose()
    assert not (out / "tables" / "session.jsonl").exists()
    everything = b"".join(path.read_bytes() for path in (out / "tables").iterdir())
    assert b"argon-secret" not in everything and b"code-secret" not in everything
    schema = json.loads((out / "schema.json").read_text("utf-8"))["tables"]
    assert set(json.loads((out / "tables" / "account.jsonl").read_text().splitlines()[0])) == set(
        schema["account"]["columns"]
    )
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()} - {"SHA256SUMS"}
    assert {line.split("  ", 1)[1] for line in (out / "SHA256SUMS").read_text().splitlines()} == names
    subprocess.run(["sha256sum", "--quiet", "-c", "SHA256SUMS"], cwd=out, check=True, timeout=60)
    with zipfile.ZipFile(out / "audit-log.zip") as archive:
        archive.extractall(tmp_path / "log")
    records = {one.index: one for one in exported_records(tmp_path / "log" / "log" / "entries.jsonl")}
    report = check_log(LogFolder(tmp_path / "log" / "log"), key, Known(records=records))
    assert report.valid and records, report.problem
    with pytest.raises(Conflict):
        await asyncio.to_thread(take_out, settings, out, SimulatedClock())


def test_where_nothing_can_be_taken_out_it_says_why(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        take_out(load_settings(tmp_path / "data"), tmp_path / "out", SimulatedClock())
    with pytest.raises(BadInput, match="inside"):
        take_out(load_settings(tmp_path / "data"), tmp_path / "data" / "out", SimulatedClock())
