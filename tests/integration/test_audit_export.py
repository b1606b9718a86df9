"""The log as lines for other systems: whole, in order, one entry a line whatever it says, resumed where it ended."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.foundation.errors import BelvedereError
from belvedere.hub.audit.export import ExportFormat, lines
from belvedere.hub.local import log_local_acts
from belvedere.hub.storage.engine import writing
from belvedere.hub.storage.metadata import audit_entry
from hub_stage import HubStage, hub_stage

NASTY = "a|b=c\\d\ne\r\nf\u2028g “h” CEF:0|x\n<1>1 forged"


async def command(*words: str) -> Any:
    return await asyncio.to_thread(lambda: CliRunner().invoke(app, list(words)))


async def fill(stage: HubStage, count: int) -> None:
    await asyncio.gather(*(stage.hub.audit.append("view.live", "user_1", {"camera": f"cam {n}"}) for n in range(count)))


async def test_an_export_goes_on_where_it_ended_and_is_itself_in_the_log(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage:
        out, state, data = tmp_path / "out", tmp_path / "state", str(tmp_path / "hub")
        words = ["export", "--data", data, "--output", str(out), "--state", str(state)]
        await fill(stage, 1500)
        for round_ in range(3):
            size = stage.hub.audit.checkpoint().size
            result = await command(*words)
            assert result.exit_code == 0, result.output
            assert state.read_text() == f"{size}\n"
            await log_local_acts(stage.hub.engine, stage.hub.audit)
            if round_ == 0:
                await fill(stage, 3)
        found = [json.loads(line) for line in out.read_text("utf-8").split("\n")[:-1]]
        assert [line["index"] for line in found] == list(range(len(found)))
        assert found[700]["summary"].startswith("Watched camera cam")
        assert "salt" not in found[700] and "record" not in found[700]
        exports = [line for line in found if line["kind"] == "log.exported"]
        assert [line["facts"]["first"] for line in exports][:1] == [0]
        # Three exports, two entries: the third had nothing to tell but the second, and that would never end.
        assert stage.kinds().count("log.exported") == 2
        none = await command("export", "--data", data, "--since", "99999")
        assert none.exit_code == 0 and "Nothing new" in none.stderr
        state.write_text("x")
        for wrong in (words, [*words[:3], "--format", "xml"], ["export", "--data", str(tmp_path / "none")]):
            assert isinstance((await command(*wrong)).exception, BelvedereError)


async def test_with_salts_the_lines_can_be_checked_and_what_was_erased_stays_out(tmp_path: Path) -> None:
    async with hub_stage(tmp_path / "hub") as stage:
        await fill(stage, 20)
        with writing(stage.hub.engine) as connection:
            connection.execute(update(audit_entry).where(audit_entry.c.index == 7).values(salt=None, body=None))
        data, out = str(tmp_path / "hub"), tmp_path / "out.jsonl"
        assert (await command("export", "--data", data, "--salts", "--output", str(out))).exit_code == 0
        erased = json.loads(out.read_text().splitlines()[7])
        assert erased["erased"] is True and "facts" not in erased and "salt" not in erased
        words = ["verify", "--folder", f"{data}/hub/log", "--key", stage.hub.key.public_key().public_bytes_raw().hex()]
        checked = await command(*words, "--entries", str(out))
        assert checked.exit_code == 0, checked.output
        assert f"{stage.hub.audit.checkpoint().size - 1} entries are in the log" in checked.output
        out.write_text(out.read_text().replace("cam 3", "cam 4"))
        assert (await command(*words, "--entries", str(out))).exit_code == 1


@pytest.mark.parametrize("form", list(ExportFormat))
async def test_no_entry_can_forge_a_line(tmp_path: Path, form: ExportFormat) -> None:
    async with hub_stage(tmp_path) as stage:
        entry = await stage.hub.audit.append("grant.refused", "user|1=", {"reason": NASTY, "cameras": ["x"]})
        ((index, line),) = list(lines(stage.hub.engine, form, entry.index, entry.index + 1))
        assert index == entry.index and "\n" not in line and "\r" not in line
        if form is ExportFormat.JSON:
            assert json.loads(line)["facts"]["reason"] == NASTY
        elif form is ExportFormat.SYSLOG:
            match = re.fullmatch(r"<108>1 (\S+Z) - belvedere - grant\.refused - (\{.*\})", line)
            assert match is not None and json.loads(match[2])["actor"] == "user|1="
        else:
            head = re.split(r"(?<!\\)(?:\\\\)*\|", line)
            assert head[:2] == ["CEF:0", "Belvedere"] and head[4] == "grant.refused" and head[6] == "6"
            extension = dict(re.findall(r"(\w+)=((?:\\.|[^\\=])*)(?= \w+=|$)", line.split("|6|", 1)[1]))
            assert extension["externalId"] == str(index) and extension["suser"] == r"user|1\="
            assert set(extension) == {"rt", "externalId", "suser", "msg", "cs1Label", "cs1"}
            facts = re.sub(r"\\([=\\])", r"\1", extension["cs1"])
            assert json.loads(facts)["facts"]["reason"] == NASTY
