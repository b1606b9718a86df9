"""Deletion during an export: it completes, or it fails in words. It is never short without saying so."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from belvedere.foundation.clock import SECOND_US
from belvedere.foundation.errors import NotFound
from belvedere.foundation.settings import SiteSettings
from belvedere.policy.grant import Action, Grant
from belvedere.site.recorder.archive import Archive
from evidence_stage import evidence_stage
from recorder_stage import grant
from retention_rig import RetentionRig

pytestmark = pytest.mark.faults


class _Recorder:
    """What the archive asks of a recorder."""

    def __init__(self, rig: RetentionRig) -> None:
        self.writers = [rig.writer]
        self.feeds: dict[object, object] = {}


def test_a_segment_that_goes_while_it_is_read_is_read_to_its_end(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    start = rig.footage_of(16, size=900_000)
    settings = SiteSettings.model_validate({})
    archive = Archive(settings, rig.index, rig.keyring, rig.cameras, _Recorder(rig), rig.clock)  # type: ignore[arg-type]
    rig.pass_days(31)
    seen = grant(rig.clock)
    first, *rest = archive.playlist(seen, "cam-01", "main", start, start + 8 * SECOND_US).pieces
    reading = archive.read(seen, Action.EXPORT, "cam-01", "main", first.segment, first.start, first.end)
    begun = next(reading)
    rig.pass_days(3)
    assert rig.files.names() == [] and rig.rows("SELECT count(*) FROM day_key") == [(0,)]
    assert len(begun) + sum(len(part) for part in reading) == first.end - first.start, "whole, though the file is gone"
    with pytest.raises(NotFound, match="not there any more"):
        last = rest[-1]
        list(archive.read(grant(rig.clock), Action.EXPORT, "cam-01", "main", last.segment, last.start, last.end))
    assert archive.playlist(grant(rig.clock), "cam-01", "main", start, start + 8 * SECOND_US).pieces == ()
    rig.close()


def test_quarantined_footage_is_not_given_out(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    start = rig.footage_of(16)
    settings = SiteSettings.model_validate({})
    archive = Archive(settings, rig.index, rig.keyring, rig.cameras, _Recorder(rig), rig.clock)  # type: ignore[arg-type]
    (piece, *_) = archive.playlist(grant(rig.clock), "cam-01", "main", start, start + SECOND_US).pieces
    rig.pass_days(32)
    assert rig.counts()[1] and rig.files.names(), "still on the disk"
    assert archive.playlist(grant(rig.clock), "cam-01", "main", start, start + SECOND_US).pieces == ()
    assert archive.timeline("cam-01", "main", start, start + SECOND_US) == ()
    with pytest.raises(NotFound):
        list(archive.read(grant(rig.clock), Action.EXPORT, "cam-01", "main", piece.segment, piece.start, piece.end))
    rig.close()


async def test_an_export_whose_footage_goes_meanwhile_fails_in_words(tmp_path: Path) -> None:
    async with evidence_stage(tmp_path) as stage:
        read = stage.archive.read
        reads: list[int] = []

        def gone_at_the_second(
            grant: Grant, action: Action, camera: str, stream: str, segment: int, start: int, end: int
        ) -> Iterator[bytes]:
            reads.append(segment)
            if len(reads) == 2:
                raise NotFound(
                    "This footage is not there any more.", advice="It was deleted; ask for the timeline again."
                )
            return read(grant, action, camera, stream, segment, start, end)

        stage.archive.read = gone_at_the_second  # type: ignore[method-assign]
        failed = await stage.export()
        assert failed["state"] == "failed" and "not there any more" in failed["message"]
        assert not list((tmp_path / "hub" / "exports").glob("*.zip")), "nothing half-made can be downloaded"
        whole = await stage.export()
        assert whole["state"] == "ready"
