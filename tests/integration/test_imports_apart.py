"""A recording read in its confined process comes out as it does here, and what is no video is told in the same words."""

from pathlib import Path

import pytest

from belvedere.foundation.errors import BadMedia
from belvedere.media.stream import Codec
from belvedere.site.imports.apart import examine_apart, units_apart
from belvedere.site.imports.recording import examine, read_units
from foreign_stage import contain
from ingest_stage import film


@pytest.mark.parametrize("form", ["mp4", "mpegts"])
def test_the_same_pictures_as_in_this_process(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"film.{form}"
    path.write_bytes(contain(film(Codec.H264, frames=30, b_frames=2), form))
    assert examine_apart(path) == examine(path)
    assert list(units_apart(examine(path))) == list(read_units(examine(path)))


@pytest.mark.parametrize("data", [b"", b"<html>no film</html>" * 500, b"#EXTM3U\nfile:///etc/passwd\n" * 20])
def test_what_is_no_video_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(data)
    with pytest.raises(BadMedia) as here:
        examine(path)
    with pytest.raises(BadMedia) as apart:
        examine_apart(path)
    assert str(apart.value).partition(":")[0] == str(here.value).partition(":")[0]


def test_pictures_that_nobody_wants_any_more_end_the_process(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(contain(film(frames=30), "mp4", rounds=40))
    units = units_apart(examine(path))
    assert next(units).keyframe
    units.close()  # type: ignore[attr-defined]
