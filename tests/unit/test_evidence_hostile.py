"""Hostile and broken packs: bombs, doubles, overlaps and noise are refused, never tripped over."""

import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadPack
from belvedere.hub.evidence import container
from belvedere.hub.evidence.container import safe_name
from belvedere.hub.evidence.verify import verify_pack
from pack_stage import PUBLIC, a_manifest, record, resigned, unpack, write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack.zip")


def test_words_of_a_pack_do_not_steer_a_terminal(tmp_path: Path) -> None:
    name = "x\x1b[2J\r\nVALID"
    manifest = a_manifest(export=msgspec.structs.replace(a_manifest().export, name=name))
    report = verify_pack(write_pack(tmp_path / "pack.zip", manifest, record(name=name)), PUBLIC)
    assert report.valid
    assert all(line.isprintable() for line in report.facts)


# What is no pack, or means harm ---------------------------------------------------------------------------------------


def test_what_is_no_pack_is_said_to_be_none(pack: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_bytes(b"not a zip at all")
    (tmp_path / "nothing.zip").write_bytes(b"")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    for name in ("empty", "text.zip", "nothing.zip", "other.zip", "missing.zip"):
        with pytest.raises(BadPack) as refused:
            verify_pack(tmp_path / name)
        assert refused.value.advice
    later = resigned(pack, tmp_path / "later", lambda words: words.update(format=3))
    with pytest.raises(BadPack, match="format 3"):
        verify_pack(later)
    for number, words in enumerate((b"{", b"[]", b"\xff", b'{"format":1,"format":1}', b"[" * 100_000)):
        folder = unpack(pack, tmp_path / f"odd{number}")
        (folder / "manifest.json").write_bytes(words)
        report = verify_pack(folder)
        assert not report.valid and "manifest.json: it can't be read" in report.problems[0]


def hostile(path: Path, write: Callable[[zipfile.ZipFile], Any]) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            write(archive)
    return path


@pytest.mark.parametrize(
    "name",
    [
        "../manifest.json",
        "/etc/passwd",
        "clips/../../x",
        "clips//x",
        "./x",
        "C:/x",
        "clips\\x",
        "a\nb",
        "x" * 300,
        "con:x",
    ],
)
def test_names_that_lead_elsewhere_are_refused(tmp_path: Path, name: str) -> None:
    assert not safe_name(name)
    with pytest.raises(BadPack):
        verify_pack(hostile(tmp_path / "bad.zip", lambda archive: archive.writestr(name, b"{}")))


def test_bombs_and_doubles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bomb(archive: zipfile.ZipFile) -> None:
        archive.writestr("manifest.json", bytes(30 << 20))

    with pytest.raises(BadPack, match="many times"):
        verify_pack(hostile(tmp_path / "bomb.zip", bomb))
    for first, second in (("manifest.json", "manifest.json"), ("README.txt", "readme.TXT")):

        def double(archive: zipfile.ZipFile, names: tuple[str, str] = (first, second)) -> None:
            for name in names:
                archive.writestr(name, b"{}")

        with pytest.raises(BadPack, match="two files"):
            verify_pack(hostile(tmp_path / "double.zip", double))

    def odd(archive: zipfile.ZipFile) -> None:
        archive.writestr("manifest.json", b"{}", zipfile.ZIP_BZIP2)

    with pytest.raises(BadPack, match="unusual"):
        verify_pack(hostile(tmp_path / "odd.zip", odd))

    def six(archive: zipfile.ZipFile) -> None:
        for number in range(6):
            archive.writestr(str(number), b"")

    monkeypatch.setattr(container, "MAX_FILES", 5)
    with pytest.raises(BadPack, match="more than 5"):
        verify_pack(hostile(tmp_path / "many.zip", six))
    folder = tmp_path / "many"
    for number in range(6):
        (folder / str(number)).mkdir(parents=True)
    with pytest.raises(BadPack, match="more than 5"):
        verify_pack(folder)


def test_an_encrypted_zip_is_refused(pack: Path) -> None:
    data = bytearray(pack.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 8] |= 1
    pack.write_bytes(data)
    with pytest.raises(BadPack, match="encrypted"):
        verify_pack(pack)


def test_a_manifest_too_long_to_be_one_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belvedere.hub.evidence.verify._MAX_MANIFEST", 10)
    path = write_pack(tmp_path / "pack.zip")
    for one in (path, unpack(path, tmp_path / "folder")):
        report = verify_pack(one)
        assert not report.valid and "longer" in report.problems[0]


def test_bytes_between_the_files_are_noticed(pack: Path, tmp_path: Path) -> None:
    for number, data in enumerate((b"front" + pack.read_bytes(), pack.read_bytes())):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(data)
        if number:
            with zipfile.ZipFile(path, "a") as archive:
                archive.comment = b"hello"
        report = verify_pack(path, PUBLIC)
        assert not report.valid and report.problems


def test_files_that_overlap_are_noticed(tmp_path: Path) -> None:
    """Two names for the same bytes: the trick of bombs that need no nesting."""

    def write(archive: zipfile.ZipFile) -> None:
        archive.writestr("manifest.json", b"{}")
        archive.writestr("b.json", b"{}")

    path = hostile(tmp_path / "overlap.zip", write)
    data = bytearray(path.read_bytes())
    first = data.index(b"PK\x01\x02")
    second = data.index(b"PK\x01\x02", first + 4)
    data[second + 42 : second + 46] = data[first + 42 : first + 46]
    path.write_bytes(data)
    report = verify_pack(path)
    assert any("overlaps" in problem for problem in report.problems)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=300), tail=st.booleans())
def test_noise_is_never_valid(tmp_path: Path, noise: bytes, tail: bool) -> None:
    path = tmp_path / "noise.zip"
    path.write_bytes(noise + (b"PK\x05\x06" + bytes(18) if tail else b""))
    with pytest.raises(BadPack):
        verify_pack(path)
