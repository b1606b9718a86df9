"""The verifier: true packs are valid however they travel; any change names its file."""

import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadPack
from belvedere.hub.evidence.manifest import (
    Hub,
    Log,
)
from belvedere.hub.evidence.verify import verify_pack
from belvedere.tlog.checkpoint import log_origin
from belvedere.tlog.proof import LogProof
from pack_stage import (
    CLIP,
    END,
    KEY,
    OTHER,
    PUBLIC,
    START,
    a_clip,
    a_manifest,
    log_proof,
    record,
    resigned,
    unpack,
    write_pack,
)


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack.zip")


def test_a_true_pack_is_valid(pack: Path, tmp_path: Path) -> None:
    report = verify_pack(pack, PUBLIC)
    assert (report.valid, report.problems, report.key_confirmed) == (True, (), True)
    told = "\n".join(report.facts)
    for word in ("Broken door", "export_1", "gate", "1 clip, 1 gap listed", "Ann Operator", "CR/26/1", PUBLIC.hex()):
        assert word in told
    alone = verify_pack(pack)
    assert alone.valid and not alone.key_confirmed and "--key" in alone.facts[-1]
    assert verify_pack(unpack(pack, tmp_path / "folder"), PUBLIC).valid


def test_a_pack_packed_again_by_others_is_valid(pack: Path, tmp_path: Path) -> None:
    folder = unpack(pack, tmp_path / "folder")
    again = tmp_path / "again.zip"
    with zipfile.ZipFile(again, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder))
    assert verify_pack(again, PUBLIC).valid

    class Pipe(io.RawIOBase):
        """Not seekable: sizes then follow the data, as programs that stream write them."""

        def __init__(self) -> None:
            self.data = b""

        def writable(self) -> bool:
            return True

        def write(self, data: Any) -> int:
            self.data += bytes(data)
            return len(data)

    for wide in (False, True):
        pipe = Pipe()
        with zipfile.ZipFile(pipe, "w") as archive:
            for path in sorted(one for one in folder.rglob("*") if one.is_file()):
                with archive.open(path.relative_to(folder).as_posix(), "w", force_zip64=wide) as file:
                    file.write(path.read_bytes())
        streamed = tmp_path / "streamed.zip"
        streamed.write_bytes(pipe.data)
        assert verify_pack(streamed, PUBLIC).valid
        # Cut somewhere behind a file: where its descriptor ends can't be told.
        at = pipe.data.index(b"PK\x07\x08")
        damaged = bytearray(pipe.data)
        damaged[at + 4 : at + 40] = bytes(36)
        streamed.write_bytes(damaged)
        assert not verify_pack(streamed, PUBLIC).valid


def test_what_file_browsers_leave_in_a_folder_is_passed_over(pack: Path, tmp_path: Path) -> None:
    folder = unpack(pack, tmp_path / "folder")
    (folder / "clips/.DS_Store").write_bytes(b"x")
    (folder / "Thumbs.db").write_bytes(b"x")
    report = verify_pack(folder, PUBLIC)
    assert report.valid
    assert sum("passed over" in fact for fact in report.facts) == 2


def test_fields_of_later_versions_are_ignored(tmp_path: Path) -> None:
    path = write_pack(tmp_path / "pack.zip")
    folder = unpack(path, tmp_path / "folder")
    words = json.loads((folder / "manifest.json").read_bytes())
    words["witnesses"] = [{"name": "partner"}]
    words["cameras"][0]["clips"][0]["later"] = {"x": 1}
    data = json.dumps(words).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sig").write_bytes(KEY.sign(data))
    assert verify_pack(folder, PUBLIC).valid


def test_the_signature_can_be_checked_by_hand(pack: Path, tmp_path: Path) -> None:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    folder = unpack(pack, tmp_path / "folder")
    key = tmp_path / "hub.der"
    key.write_bytes(bytes.fromhex("302a300506032b6570032100") + PUBLIC)
    command = [openssl, "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", str(key)]
    command += ["-sigfile", str(folder / "manifest.sig"), "-in", str(folder / "manifest.json")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0 and "Success" in done.stdout


def test_the_verifier_needs_nothing_but_the_standard_library_and_cryptography() -> None:
    code = f"""import sys
sys.path[:0] = {sys.path!r}
import belvedere.hub.evidence.verify
print(' '.join({{name.split('.')[0] for name in sys.modules}}))"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split()) - set(sys.stdlib_module_names)
    assert {name for name in loaded if not name.startswith("_")} <= {"belvedere", "cryptography"}


# Changed packs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [CLIP, "README.txt", "log/entry.json", "log/proof.json", "manifest.json", "manifest.sig"]
)
@pytest.mark.parametrize("zipped", [True, False])
def test_one_changed_byte_names_the_file(pack: Path, tmp_path: Path, name: str, zipped: bool) -> None:
    with zipfile.ZipFile(pack) as archive:
        info, content = archive.getinfo(name), archive.read(name)
    if zipped:
        data = bytearray(pack.read_bytes())
        at = data.index(content, info.header_offset)
        data[at + len(content) // 2] ^= 1
        changed = tmp_path / "changed.zip"
        changed.write_bytes(data)
    else:
        changed = unpack(pack, tmp_path / "folder")
        (changed / name).write_bytes(content[:10] + bytes([content[10] ^ 1]) + content[11:])
    report = verify_pack(changed, PUBLIC)
    assert not report.valid
    assert any(name in problem for problem in report.problems), report.problems


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_noticed(pack: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(pack.read_bytes())
    with zipfile.ZipFile(pack) as archive:
        directory = archive.start_dir
    at = data.draw(st.integers(0, directory - 1))  # all but the directory at the end: headers and files
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    changed = tmp_path / "changed.zip"
    changed.write_bytes(whole)
    try:
        report = verify_pack(changed, PUBLIC)
    except BadPack:
        return
    assert not report.valid and report.problems


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_directory_never_shows_other_contents(pack: Path, tmp_path: Path, data: st.DataObject) -> None:
    whole = bytearray(pack.read_bytes())
    with zipfile.ZipFile(pack) as archive:
        directory = archive.start_dir
    at = data.draw(st.integers(directory, len(whole) - 1))
    whole[at] ^= data.draw(st.integers(1, 255))
    changed = tmp_path / "changed.zip"
    changed.write_bytes(whole)
    try:
        report = verify_pack(changed, PUBLIC)
    except BadPack:
        return
    if report.valid:  # a field that says nothing about the contents
        with zipfile.ZipFile(changed) as one, zipfile.ZipFile(pack) as two:
            assert {name: one.read(name) for name in one.namelist()} == {
                name: two.read(name) for name in two.namelist()
            }


def test_missing_added_longer_and_shorter_files_are_named(pack: Path, tmp_path: Path) -> None:
    changes: list[tuple[Callable[[Path], Any], str]] = [
        (lambda f: (f / CLIP).unlink(), f"{CLIP}: it is missing"),
        (lambda f: (f / "manifest.sig").unlink(), "manifest.sig: it is missing"),
        (lambda f: (f / "log/proof.json").unlink(), "log/proof.json: it is missing"),
        (lambda f: (f / "clips/more.mp4").write_bytes(b"x"), "clips/more.mp4: it is not part of the pack"),
        (lambda f: (f / CLIP).write_bytes((f / CLIP).read_bytes() + b"x"), "longer than the 18000 bytes"),
        (lambda f: (f / CLIP).write_bytes((f / CLIP).read_bytes()[:-1]), "17999 bytes of 18000"),
        (lambda f: (f / "manifest.sig").write_bytes(bytes(65)), "signature"),
        (lambda f: (f / "log/proof.json").write_bytes(b"{"), "log/proof.json: it can't be read"),
        (lambda f: (f / "log/proof.json").write_bytes(b'{"index":2}'), "log/proof.json: it can't be read"),
        (lambda f: (f / "link").symlink_to("/etc/hostname"), "link: it is a link"),
        (lambda f: (f / "a:b").write_bytes(b"x"), "no pack has a file of such a name"),
    ]
    for number, (change, words) in enumerate(changes):
        folder = unpack(pack, tmp_path / str(number))
        change(folder)
        report = verify_pack(folder, PUBLIC)
        assert not report.valid and any(words in problem for problem in report.problems), (words, report.problems)


def test_what_the_disk_does_not_give_is_named(pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = unpack(pack, tmp_path / "folder")
    real = Path.open

    def refuse(path: Path, *words: Any, **more: Any) -> Any:
        if path.name in (refused, "pack.zip"):
            raise OSError(5, "Input/output error")
        return real(path, *words, **more)

    monkeypatch.setattr(Path, "open", refuse)
    for refused in (Path(CLIP).name, "manifest.json"):
        report = verify_pack(folder, PUBLIC)
        assert any(refused in problem and "Input/output" in problem for problem in report.problems)
    with pytest.raises(BadPack, match="Input/output"):
        verify_pack(pack, PUBLIC)


def test_a_clip_that_is_a_link_elsewhere_is_not_followed(pack: Path, tmp_path: Path) -> None:
    folder = unpack(pack, tmp_path / "folder")
    shutil.move(folder / CLIP, tmp_path / "elsewhere.mp4")
    (folder / CLIP).symlink_to(tmp_path / "elsewhere.mp4")
    report = verify_pack(folder, PUBLIC)
    assert {problem.split(":")[0] for problem in report.problems} == {CLIP}


def test_another_hubs_pack_is_not_ours(tmp_path: Path) -> None:
    other = OTHER.public_key().public_bytes_raw()
    manifest = a_manifest(hub=Hub(other.hex(), log_origin(other)))
    path = write_pack(tmp_path / "pack.zip", manifest, proof=log_proof(record(), OTHER), key=OTHER)
    assert verify_pack(path).valid  # whole, by its own word
    report = verify_pack(path, PUBLIC)
    assert not report.valid and "another hub's key" in report.problems[0]
    # Naming our key and signing with another does not help.
    forged = write_pack(tmp_path / "forged.zip", a_manifest(), proof=log_proof(record(), OTHER), key=OTHER)
    assert not verify_pack(forged).valid and not verify_pack(forged, PUBLIC).valid


@pytest.mark.parametrize(
    "words",
    [
        record(export="export_2"),
        record(cameras=["gate", "yard"]),
        record(start_us=START + 1),
        record(end_us=END + 1),
        record(grant="grant_2"),
        record(case=""),
        record(name="Other"),
        record().replace(b"export.started", b"export.foretold"),
        record().replace(b"user_1", b"user_2"),
        record().replace(b'"index":2', b'"index":3'),
        b"[]",
        b'{"kind":"export.started","kind":"export.started"}',
        b"not json",
        b'{"a":NaN}',
        b"[" * 100_000,
    ],
)
def test_a_log_entry_about_something_else_is_refused(tmp_path: Path, words: bytes) -> None:
    report = verify_pack(write_pack(tmp_path / "pack.zip", words=words), PUBLIC)
    assert not report.valid and all("log/" in problem for problem in report.problems), report.problems


def test_a_proof_from_another_log_or_place_is_refused(tmp_path: Path) -> None:
    true = log_proof(record())
    for number, proof in enumerate(
        (
            log_proof(record(), OTHER),
            LogProof(1, true.salt, true.record, true.path, true.checkpoint),
            LogProof(2, bytes(32), true.record, true.path, true.checkpoint),
            LogProof(2, true.salt, true.record, true.path[:1], true.checkpoint),
            LogProof(2, true.salt, true.record, true.path, b"x"),
        )
    ):
        report = verify_pack(write_pack(tmp_path / f"{number}.zip", proof=proof), PUBLIC)
        assert any(problem.startswith("log/") for problem in report.problems)
    report = verify_pack(write_pack(tmp_path / "size.zip", a_manifest(log=Log(2, 5))), PUBLIC)
    assert any(problem.startswith("log/entry.json") for problem in report.problems)


def test_a_signed_manifest_must_agree_with_itself(tmp_path: Path) -> None:
    camera = a_manifest().cameras[0]
    replace = msgspec.structs.replace
    cases = {
        "does not account": a_manifest(cameras=()),
        "not the files it lists": a_manifest(cameras=(replace(camera, clips=(a_clip(path="clips/other.mp4"),)),)),
        "neither shown nor listed": a_manifest(cameras=(replace(camera, gaps=()),)),
        "after 2026-05-28T20:26:40": a_manifest(
            cameras=(replace(camera, clips=(a_clip(start_us=START + 9_000_000),)),),
        ),
        "is no time": a_manifest(export=replace(a_manifest().export, start_us=-5)),
        "32 bytes": a_manifest(hub=Hub("00", "x")),
        "public key": a_manifest(hub=Hub("zz", "x")),
    }
    for number, (words, manifest) in enumerate(cases.items()):
        report = verify_pack(write_pack(tmp_path / f"{number}.zip", manifest))
        assert not report.valid and any(words in problem for problem in report.problems), (words, report.problems)
    hidden = write_pack(tmp_path / "hidden.zip", more={"clips/hidden.mp4": b"x"})
    assert any("not the files" in problem for problem in verify_pack(hidden, PUBLIC).problems)


def test_odd_manifests_are_told_not_tripped_over(pack: Path, tmp_path: Path) -> None:
    changes: list[Callable[[dict[str, Any]], Any]] = [
        lambda w: w.pop("files"),
        lambda w: w.update(files=[1]),
        lambda w: w["files"][0].update(bytes=True),
        lambda w: w["files"][0].update(bytes=-1),
        lambda w: w["files"][0].update(bytes=2**70),
        lambda w: w["files"][0].update(path="../x"),
        lambda w: w["files"].append(w["files"][0]),
        lambda w: w["files"].append({"path": "manifest.json", "bytes": 1, "sha256": ""}),
        lambda w: w.update(cameras=None),
        lambda w: w["cameras"][0].update(clips=[{}]),
        lambda w: w["cameras"][0]["clips"][0].update(end_us=10**30),
        lambda w: w.update(export=[]),
        lambda w: w.pop("log"),
        lambda w: w.pop("grant"),
        lambda w: w["grant"].pop("purpose_text"),
    ]
    for number, change in enumerate(changes):
        report = verify_pack(resigned(pack, tmp_path / str(number), change), PUBLIC)
        assert not report.valid and any("manifest.json" in problem for problem in report.problems), number
