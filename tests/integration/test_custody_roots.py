"""A camera-day has a root: in the log, provable for one segment, marked when footage comes late or goes."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import DAY_US, SECOND_US
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.hub.custody.proofs import is_segment_proof, verify_segment_proof
from belvedere.hub.custody.routes import footage_proof
from belvedere.link.custody import ProveSegment
from belvedere.site.custody.leaves import day_leaves, day_root
from belvedere.site.recorder.events import Finish
from belvedere.site.storage.deletion import Doomed, delete
from custody_stage import CAMERA, CustodyStage, custody_stage


class _Asked:
    """As much of a request as the route looks at."""

    def __init__(self, stage: CustodyStage) -> None:
        self.app = type("App", (), {"state": type("State", (), {"hub": stage.hub})})


def roots(stage: CustodyStage) -> list[tuple[object, ...]]:
    return stage.site.rig.rows("SELECT version, leaves, deleted, root FROM day_root ORDER BY version")


def delete_oldest(stage: CustodyStage, count: int) -> None:
    rig = stage.site.rig
    rows = rig.index.read().execute(
        "SELECT id, stream_id, run_id, disk_id, path, bytes FROM segment ORDER BY id LIMIT ?", (count,)
    )
    delete(rig.index, rig.files, [Doomed(*row) for row in rows.fetchall()])


async def test_a_day_gets_its_root_when_it_is_over_and_the_log_names_it(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        start_us, _ = stage.site.film()
        await stage.exchange()
        assert roots(stage) == [], "the day is not over"
        stage.site.next_day()
        await stage.exchange()
        ((version, leaves, deleted, root),) = roots(stage)
        assert (version, leaves, deleted) == (1, 3, 0)
        found = day_leaves(stage.site.rig.index, stage.site.rig.ref().camera_id, start_us // DAY_US)
        assert [leaf.start_us for leaf in found] == sorted(leaf.start_us for leaf in found)
        assert day_root(found, CAMERA) == root
        entry = next(e for e in stage.hub.audit.entries() if e.kind == "footage.roots")
        assert isinstance(root, bytes)
        assert entry.facts["days"] == [
            {
                "camera": CAMERA,
                "day": start_us // DAY_US,
                "version": 1,
                "leaves": 3,
                "deleted": 0,
                "root": root.hex(),
            }
        ]
        await stage.exchange()
        assert len(roots(stage)) == 1, "nothing changed"


async def test_deletions_keep_the_leaf_and_late_footage_adds_one(tmp_path: Path) -> None:
    async with custody_stage(tmp_path) as stage:
        start_us, _ = stage.site.film()
        stage.site.next_day()
        await stage.exchange()
        delete_oldest(stage, 1)
        await stage.exchange()
        assert len(roots(stage)) == 1, "marked once a day"
        stage.site.rig.clock.advance(DAY_US)
        await stage.exchange()
        first, second = roots(stage)
        assert second == (2, 3, 1, first[3]), "the same root, with one of its leaves gone"
        proof = stage.site.custodian.prove(ProveSegment(CAMERA, "main", start_us + 8 * SECOND_US))
        assert proof.version == 2 and proof.leaves == 3

        rig = stage.site.rig
        track = rig.track(import_start_us=start_us + 3600 * SECOND_US)
        rig.record(track, range(4), start_us)
        rig.writer.offer(Finish(track, lambda problem, segments, size: None))
        rig.writer.cycle()
        await stage.exchange()
        third = roots(stage)[-1]
        assert third[:3] == (3, 4, 1) and third[3] != first[3]

        delete_oldest(stage, 10)
        await stage.exchange()
        assert roots(stage)[-1] == (4, 4, 4, third[3]), "when the last of it goes it is said at once"
        rig.clock.advance(8 * DAY_US)
        await stage.exchange()
        assert rig.rows("SELECT count(*) FROM segment_gone") == [(0,)]


async def test_a_segment_is_proven_offline(tmp_path: Path) -> None:
    async with custody_stage(tmp_path / "data") as stage:
        start_us, _ = stage.site.film()
        with pytest.raises(NotFound, match="not closed yet"):
            stage.site.custodian.prove(ProveSegment(CAMERA, "main", start_us))
        stage.site.next_day()
        await stage.exchange()
        at_us = start_us + 5 * SECOND_US
        words = await footage_proof(_Asked(stage), CAMERA, "main", at_us)  # type: ignore[arg-type]
        key = stage.hub.key.public_key().public_bytes_raw()
        path = tmp_path / "proof.json"
        path.write_text(json.dumps(words))
        file = next(
            stage.site.rig.folder / "footage" / str(name)
            for (name, sha256) in stage.site.rig.rows("SELECT path, sha256 FROM segment")
            if isinstance(sha256, bytes) and sha256.hex() in words["leaf"]
        )
        report = verify_segment_proof(path, key, file)
        assert report.valid and any("unchanged" in fact for fact in report.facts)
        for moment in (0, at_us + DAY_US):
            with pytest.raises(NotFound):
                stage.site.custodian.prove(ProveSegment(CAMERA, "main", moment))
        with pytest.raises(NotFound, match="no camera"):
            stage.site.custodian.prove(ProveSegment("nowhere", "main", at_us))

    run = CliRunner().invoke
    said = run(app, ["verify", str(path), "--key", key.hex(), "--segment", str(file)])
    assert said.exit_code == 0 and "VALID" in said.output
    other = tmp_path / "other"
    other.write_bytes(b"another file")
    assert verify_segment_proof(path, key, other).problems

    forged = {
        "leaf": words["leaf"].replace('"bytes":', '"bytes":1'),
        "root": "00" * 32,
        "index": words["index"] + 1,
        "day": words["day"] + 1,
        "version": 9,
        "path": [*words["path"], "00" * 32],
        "log_record": words["log_record"].replace(words["root"], "11" * 32),
        "public_key": "22" * 32,
    }
    for name, value in forged.items():
        path.write_text(json.dumps(words | {name: value}))
        assert is_segment_proof(path)
        assert not verify_segment_proof(path, key).valid, name
    said = run(app, ["verify", str(path), "--key", key.hex()])
    assert said.exit_code == 1 and "NOT VALID" in said.output
    for nonsense in ("[]", "{}", '{"kind": "belvedere segment proof"}', "not json"):
        path.write_text(nonsense)
        with pytest.raises(BadInput):
            verify_segment_proof(path, key)
    assert not is_segment_proof(path) and not is_segment_proof(tmp_path / "none")
