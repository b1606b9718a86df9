"""A release as signed words: what a site takes, what it refuses, and what follows what."""

import json
import zipfile
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from belvedere.cli.release import migrations_of
from belvedere.foundation.errors import BadInput, BadSettings, Refused
from belvedere.link.release import (
    Manifest,
    ReleaseFile,
    SignedManifest,
    check_manifest,
    key_words,
    open_manifest,
    read_key,
    version_key,
    why_not_after,
)
from update_stage import KEY, PUBLIC, manifest, signed

# Bytes as the first version signed them: later software has to take them.
GOLDEN_WORDS = (
    b'{"files":[{"bytes":5,"name":"stub-9-py3-none-any.whl","sha256":"'
    b'd8f41c02fe6bb47c0a6d0f71c9a9bf5d4ad2f6e0b3f9ab9bf5d9cf8c0b6ec5b1"}],"format":1,"machine":"any","made_us":1,'
    b'"migrations":{"0017":16},"python":"any","since":"0.1.0","version":"1.0.0"}'
)


def test_the_words_of_the_first_format_are_understood() -> None:
    made = SignedManifest(GOLDEN_WORDS, KEY.sign(b"belvedere release 1\n" + GOLDEN_WORDS), PUBLIC)
    opened = open_manifest(made, [PUBLIC])
    assert (opened.version, opened.migrations, opened.size) == ("1.0.0", {"0017": 16}, 5)
    assert msgspec.json.encode(opened, order="sorted") == GOLDEN_WORDS


def test_only_a_trusted_key_signs_a_release() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"o" * 32)
    assert open_manifest(signed(), [PUBLIC]) == manifest()
    with pytest.raises(Refused, match="not trusted"):
        open_manifest(signed(key=other), [PUBLIC])
    with pytest.raises(Refused, match="not trusted"):
        open_manifest(signed(), [])
    named = signed(key=other)
    with pytest.raises(Refused, match="was changed"):
        open_manifest(SignedManifest(named.words, named.signature, PUBLIC), [PUBLIC])


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, by: int) -> None:
    good = signed()
    at %= len(good.words)
    words = good.words[:at] + bytes([good.words[at] ^ by]) + good.words[at + 1 :]
    with pytest.raises(Refused):
        open_manifest(SignedManifest(words, good.signature, good.key), [PUBLIC])


@pytest.mark.parametrize(
    "name", ["../evil.whl", "/etc/evil.whl", "a/b.whl", ".hidden.whl", "evil.sh", "a.whl\n", "", "x" * 200 + ".whl"]
)
def test_a_file_that_is_no_wheel_beside_the_others_is_refused_whoever_signed_it(name: str) -> None:
    file = ReleaseFile(name, 1, "0" * 64)
    with pytest.raises(BadInput):
        check_manifest(msgspec.structs.replace(manifest(), files=(file,)))


def test_what_makes_no_sense_is_refused_whoever_signed_it() -> None:
    made = manifest()
    (file,) = made.files
    for wrong in (
        {"files": ()},
        {"files": (file, file)},
        {"files": (msgspec.structs.replace(file, sha256="x"),)},
        {"files": (msgspec.structs.replace(file, bytes=5 << 30),)},
        {"since": "10.0.0"},
        {"version": "9.0"},
        {"version": "9.0.0-rc1"},
        {"migrations": {"0017": 18}},
        {"migrations": {"17": 1}},
        {"format": 2},
    ):
        with pytest.raises(BadInput):
            check_manifest(msgspec.structs.replace(made, **wrong))


def why(made: Manifest, running: str = "1.4.2", newest: int = 20, python: str = "3.11", machine: str = "x86_64") -> str:
    return why_not_after(made, running, newest, python, machine)


def test_what_may_follow_what() -> None:
    assert why(manifest("1.5.0")) == ""
    assert "no later one" in why(manifest("1.4.2")) and "no later one" in why(manifest("1.4.1"))
    assert why(manifest("1.10.0"), "1.9.0") == "" and "no later one" in why(manifest("1.9.0"), "1.10.0")
    assert "follows 1.4.3" in why(manifest("1.5.0", since="1.4.3"))
    assert "Python 3.13" in why(manifest("1.5.0", python="3.13")) and "aarch64" in why(
        manifest("1.5.0", machine="aarch64")
    )


def test_an_index_that_the_former_software_could_not_read_back_is_no_update() -> None:
    assert why(manifest("1.5.0", migrations={"0020": 20, "0021": 20, "0022": 18})) == ""
    assert "nothing could be rolled back" in why(manifest("1.5.0", migrations={"0021": 21}))
    assert why(manifest("1.5.0", migrations={"0020": 20})) == "", "it knows that one itself"


def test_keys_in_settings() -> None:
    assert read_key(key_words(PUBLIC)) == PUBLIC
    for wrong in ("", "bvrk1.", "bvrk1.AAAA", "ssh-ed25519 AAAA", key_words(PUBLIC)[:-3]):
        with pytest.raises(BadSettings):
            read_key(wrong)
    with pytest.raises(BadInput):
        version_key("1.02.3")


def test_what_a_wheel_says_of_the_index(tmp_path: Path) -> None:
    wheel = tmp_path / "belvedere-1.0.0-py3-none-any.whl"
    folder = "belvedere/site/storage/migrations"
    with zipfile.ZipFile(wheel, "w") as made:
        made.writestr(f"{folder}/0017_a.sql", "-- Words.\nSELECT 1;\n")
        made.writestr(f"{folder}/0018_b.sql", "-- readers: 0016\nSELECT 1;\n")
        made.writestr("belvedere/hub/storage/migrations/0019_c.sql", "")
        made.writestr("notes.json", json.dumps({}))
    assert migrations_of(wheel) == {"0017": 17, "0018": 16}
