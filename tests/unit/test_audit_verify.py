"""`belvedere audit verify`: true logs and proofs are found true, every forgery is refused with words, never with a crash."""

import base64
import hashlib
from pathlib import Path

import pytest
from pymerkle import InmemoryTree
from typer.testing import CliRunner

from belvedere.cli.audit import app
from belvedere.cli.log_files import hub_key, witness_keys
from belvedere.foundation.errors import BelvedereError
from belvedere.tlog.check import LogFolder, check_log
from forged_logs import LOG, PUBLIC, SMALL, WITNESS_KEY, Files, Log, big_case, forged_cases, true_cases

TRUE, FORGED = dict(true_cases()), dict(forged_cases())


def lay_out(folder: Path, files: Files) -> Path:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder


def run(folder: Path, files: Files) -> tuple[bool, str]:
    """Whether the command finds what the folder holds true, and what it said."""
    lay_out(folder, files)
    words = ["verify", "--key", PUBLIC.hex()]
    if any(name == "checkpoint" or name.startswith("tile/") for name in files):
        words += ["--folder", str(folder)]
    for name, option in (("kept-checkpoint", "--since"), ("entry.json", "--entry"), ("records.jsonl", "--entries")):
        if name in files:
            words += [option, str(folder / name)]
    for name in files:
        if name.startswith("belvedere-entry-"):
            words += ["--entry", str(folder / name)]
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        assert isinstance(result.exception, BelvedereError), result.exception
        return False, str(result.exception)
    assert result.exit_code in (0, 1), result.output
    return result.exit_code == 0, result.output


@pytest.mark.parametrize("name", TRUE)
def test_what_is_true_is_found_true(tmp_path: Path, name: str) -> None:
    true, said = run(tmp_path, TRUE[name])
    assert true, said
    assert "TRUE" in said and "NOT TRUE" not in said


@pytest.mark.parametrize("name", FORGED)
def test_every_forgery_is_refused(tmp_path: Path, name: str) -> None:
    true, said = run(tmp_path, FORGED[name])
    assert not true, said
    assert len(said) > 20


def test_three_levels_of_tiles(tmp_path: Path) -> None:
    files = big_case()
    assert check_log(LogFolder(lay_out(tmp_path, files)), PUBLIC).valid
    path = tmp_path / "tile/2/000.p/1"
    path.write_bytes(bytes(32))
    assert "2/000.p/1" in check_log(LogFolder(tmp_path), PUBLIC).problem


def test_the_first_wrong_thing_is_named(tmp_path: Path) -> None:
    for name, words in (
        ("missing tile", "Tile 0/001 is missing"),
        ("truncated tile: a hash", "2816"),
        ("swapped hash: one bit of a leaf", "Tiles 0/000 and 1/000.p/2 do not agree"),
        ("bundle: an entry changed", "Entry 258"),
        ("cut: gone back behind the kept checkpoint", "went back"),
        ("fork: another history, longer", "first 300 entries"),
        ("records: one changed", "Entry 3 does not say"),
        ("wrong key: under the hub's name and key id", "does not hold"),
        ("cosignature: another time", "witness.example/dpo"),
    ):
        folder = tmp_path / hashlib.sha256(name.encode()).hexdigest()[:8]
        assert words in run(folder, FORGED[name])[1], name


def test_what_was_not_checked_is_said(tmp_path: Path) -> None:
    said = run(tmp_path, TRUE["a stranger signed too"])[1]
    assert "stranger.example" in said and "NOT checked" in said
    said = run(tmp_path / "witnessed", TRUE["witnessed"])[1]
    assert "saw 300 entries at 2026-09-21T" in said and "1 of 1 known witnesses signed" in said


def test_a_longer_tile_stands_in_for_a_shorter_one(tmp_path: Path) -> None:
    """As on the hub's disk after a crash between tiles and checkpoint."""
    lay_out(tmp_path, {**Log(300).files(), "checkpoint": LOG.note(280)})
    assert check_log(LogFolder(tmp_path), PUBLIC).valid
    lay_out(tmp_path, {**LOG.files(), "checkpoint": LOG.note(280)})
    (tmp_path / "tile/0/001.p/44").unlink()
    (tmp_path / "tile/1/000.p/1").unlink()
    assert check_log(LogFolder(tmp_path), PUBLIC).valid


def test_a_key_from_the_log_itself_is_said_to_be_no_proof(tmp_path: Path) -> None:
    lay_out(tmp_path, {**SMALL.files(), "key": PUBLIC.hex().encode()})
    result = CliRunner().invoke(app, ["verify", "--folder", str(tmp_path), "--keep", str(tmp_path / "kept")])
    assert result.exit_code == 0 and "Compare it" in result.output
    assert (tmp_path / "kept").read_bytes() == SMALL.note()
    for wrong in (["verify"], ["verify", "--folder", str(tmp_path), "--url", "http://127.0.0.1:1"]):
        assert isinstance(CliRunner().invoke(app, wrong).exception, BelvedereError)


def test_keys_in_every_spelling(tmp_path: Path) -> None:
    raw = tmp_path / "hub.pub"
    raw.write_bytes(PUBLIC)
    assert hub_key(str(raw), None) == (PUBLIC, True)
    assert hub_key("", PUBLIC.hex().encode()) == (PUBLIC, False)
    for wrong in ("00", WITNESS_KEY.text, "x", "a+00000000+" + "A" * 44):
        with pytest.raises(BelvedereError):
            hub_key(wrong, None)
    with pytest.raises(BelvedereError):
        hub_key("", None)
    (tmp_path / "keys").write_text(f"{WITNESS_KEY.text}\n\n")
    assert witness_keys([str(tmp_path / "keys")], None) == [WITNESS_KEY] == witness_keys([WITNESS_KEY.text], None)


@pytest.mark.parametrize("size", [1, 2, 5, 256, 300])
def test_pymerkle_finds_the_same_root(size: int) -> None:
    oracle = InmemoryTree(algorithm="sha256")
    for entry in Log(size).entries():
        oracle.append_entry(entry)
    assert oracle.get_root() == base64.b64decode(Log(size).note().split(b"\n")[2])
