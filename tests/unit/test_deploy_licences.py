"""`belvedere licences`: every distribution, with its texts, and what its wheel bundles."""

from pathlib import Path

import pytest

from belvedere.cli.licences import copyleft, ffmpeg, gather, installed
from belvedere.foundation.errors import Conflict, NotFound

WANTED = ("GPL-2", "GPL-3", "LGPL-2.1", "LGPL-3")


def system_texts(folder: Path) -> Path:
    folder.mkdir()
    for name in WANTED:
        (folder / name).write_text(f"the text of {name}\n")
    return folder


def test_the_libraries_in_wheels_that_ask_for_source_are_known() -> None:
    bundled = {library for each in installed() if each.name.lower() == "av" for library in each.bundled}
    if not bundled:
        pytest.skip("NOT TESTED: PyAV is not installed from a wheel here")
    assert {copyleft(library) for library in bundled if library.startswith("libx26")} == {"GPL-2.0-or-later"}
    assert any(library.startswith("libavcodec") and "LGPL" in copyleft(library) for library in bundled)
    assert copyleft("libopus-114e2b1a.so.0.11.1") == copyleft("README") == ""
    assert "--enable-libx264" in ffmpeg() and "libavcodec" in ffmpeg()


def test_all_texts_are_gathered_and_what_is_missing_is_said(tmp_path: Path) -> None:
    everything = [each for each in installed() if each.name.lower() in ("av", "belvedere", "numpy", "shapely", "typer")]
    assert len(everything) == 5
    out = tmp_path / "licences"
    gather(everything, out, system_texts(tmp_path / "system"))
    for each in everything:
        folder = out / f"{each.name}-{each.version}"
        assert each.texts and len(list(folder.iterdir())) == len(each.texts) + len(each.lists)
        assert f"{each.name}\t{each.version}\t" in (out / "LIST.tsv").read_text()
    assert {path.name for path in (out / "texts").iterdir()} == set(WANTED)
    assert "FFmpeg" in (out / "FFMPEG.txt").read_text()
    if any("libgeos" in library for each in everything for library in each.bundled):
        assert "LGPL-2.1-or-later" in (out / "SOURCES.txt").read_text()
    with pytest.raises(Conflict):
        gather(everything, out, tmp_path / "system")
    with pytest.raises(NotFound, match="GPL-2, GPL-3"):
        gather(everything[:1], tmp_path / "other", tmp_path / "nowhere")
