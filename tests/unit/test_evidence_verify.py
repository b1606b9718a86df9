"""The verifier: true packs are valid however they travel; any change names its file; hostile packs are refused."""

import io
import json
import shutil
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from belvedere.foundation.errors import BadPack
from belvedere.hub.evidence import container
from belvedere.hub.evidence.container import safe_name
from belvedere.hub.evidence.export import proof_file
from belvedere.hub.evidence.manifest import (
    Camera,
    Clip,
    Export,
    Gap,
    Hub,
    Log,
    Manifest,
    Software,
    Source,
    UnderGrant,
    manifest_bytes,
)
from belvedere.hub.evidence.pack import PackWriter, drop_parts
from belvedere.hub.evidence.readme import clock_words, readme
from belvedere.hub.evidence.verify import verify_pack
from belvedere.tlog.checkpoint import log_origin, sign_checkpoint
from belvedere.tlog.merkle import full_root, inclusion_proof, leaf_hash, root_of
from belvedere.tlog.proof import LogProof, entry_of

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
START, END = 1_780_000_000_000_000, 1_780_000_060_000_000
SALT = bytes(range(32))
CLIP = "clips/gate-main-1.mp4"


def record(**changes: Any) -> bytes:
    facts = {
        "export": "export_1",
        "name": "Broken door",
        "grant": "grant_1",
        "purpose": "investigation",
        "case": "CR/26/1",
        "cameras": ["gate"],
        "start_us": START,
        "end_us": END,
    }
    words = {"index": 2, "time_us": END, "kind": "export.started", "actor": "user_1", "facts": facts | changes}
    return msgspec.json.encode(words, order="sorted")


def log_proof(words: bytes, key: Ed25519PrivateKey = KEY) -> LogProof:
    leaves = [leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(entry_of(SALT, words)), leaf_hash(b"c")]
    path = inclusion_proof(2, 4, lambda level, at: full_root(leaves[at << level : (at + 1) << level]))
    return LogProof(2, SALT, words, path, sign_checkpoint(4, root_of(leaves), key))


def a_clip(**changes: Any) -> Clip:
    words: dict[str, Any] = {
        "path": CLIP,
        "camera": "gate",
        "stream": "main",
        "start_us": START - 500_000,
        "end_us": START + 40_000_000,
        "mark_offset_us": 500_000,
        "codec": "h264",
        "codec_string": "avc1.64001f",
        "width": 1920,
        "height": 1080,
        "config_id": "0" * 16,
        "run": 1,
        "media_90k": 0,
        "fragments": 80,
        "imported": False,
        "sources": (Source(1, 0, 100),),
    }
    return Clip(**(words | changes))


def a_manifest(**changes: Any) -> Manifest:
    gap = Gap(START + 40_000_000, END, "camera_silent", "The camera was connected but sent no picture.")
    words: dict[str, Any] = {
        "format": 1,
        "software": Software("Belvedere", "0.1.0"),
        "hub": Hub(PUBLIC.hex(), log_origin(PUBLIC)),
        "export": Export(
            "export_1", "Broken door", "", ("gate",), START, END, END + 60_000_000, "Ann Operator", "user_1"
        ),
        "grant": UnderGrant("grant_1", "investigation", "Investigation", "CR/26/1", START, END, "", "2026-11-1"),
        "log": Log(2, 4),
        "cameras": (Camera("gate", "Gate", "Alder Way", "This site", "main", -3_200_000, END, (a_clip(),), (gap,)),),
        "files": (),
    }
    return Manifest(**(words | changes))


def write_pack(
    path: Path,
    manifest: Manifest | None = None,
    words: bytes | None = None,
    proof: LogProof | None = None,
    key: Ed25519PrivateKey = KEY,
    more: dict[str, bytes] | None = None,
) -> Path:
    """A pack as the hub writes it, true unless told otherwise."""
    manifest = manifest or a_manifest()
    words = words or record()
    proof = proof or log_proof(words)
    writer = PackWriter(path, manifest.export.made_us)
    writer.add(CLIP, b"pictures " * 2000)
    for name, data in (more or {}).items():
        writer.add(name, data)
    writer.add("README.txt", readme(manifest).encode())
    writer.add("log/entry.json", words)
    writer.add("log/proof.json", proof_file(proof))
    files = manifest.files or tuple(writer.files)
    writer.finish(msgspec.structs.replace(manifest, files=files), key)
    return path


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack.zip")


def unpack(pack: Path, to: Path) -> Path:
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(to)
    return to


# True packs -----------------------------------------------------------------------------------------------------------


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


def resigned(pack: Path, folder: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    """The pack unpacked, its manifest changed and signed again: what a hub gone wrong could write."""
    unpack(pack, folder)
    words = json.loads((folder / "manifest.json").read_bytes())
    change(words)
    data = json.dumps(words).encode()
    (folder / "manifest.json").write_bytes(data)
    (folder / "manifest.sig").write_bytes(KEY.sign(data))
    return folder


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
    later = resigned(pack, tmp_path / "later", lambda words: words.update(format=2))
    with pytest.raises(BadPack, match="format 2"):
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


# Writing --------------------------------------------------------------------------------------------------------------


def test_an_abandoned_pack_leaves_nothing(tmp_path: Path) -> None:
    writer = PackWriter(tmp_path / "a.zip", END)
    writer.add("x", b"x")
    file = writer.open("y")
    file.write(b"half")
    writer.abandon()
    fresh = PackWriter(tmp_path / "b.zip", END)
    fresh.abandon()
    assert not list(tmp_path.iterdir())
    left = PackWriter(tmp_path / "c.zip", END)
    assert drop_parts(tmp_path) == 1 and not list(tmp_path.iterdir())
    left.abandon()


def test_the_same_export_gives_the_same_bytes(tmp_path: Path) -> None:
    one, two = write_pack(tmp_path / "1.zip"), write_pack(tmp_path / "2.zip")
    assert one.read_bytes() == two.read_bytes()


def test_the_readme_says_what_a_solicitor_asks(tmp_path: Path) -> None:
    text = readme(a_manifest(export=msgspec.structs.replace(a_manifest().export, note="Seen from the stairs.")))
    for words in (
        "3.2 seconds behind",
        "begins 0.5 s into the clip",
        "The camera was connected but sent no picture.",
        "UTC",
        "Seen from the stairs.",
        PUBLIC.hex(),
        "case CR/26/1",
        "1920 x 1080, H264",
    ):
        assert words in text, words
    assert max(len(line) for line in text.splitlines()) <= 110
    assert "agreed" in clock_words(10_000) and "ahead" in clock_words(2_000_000)
    assert "could not" in clock_words(None)
    assert b"\n" in manifest_bytes(a_manifest())
