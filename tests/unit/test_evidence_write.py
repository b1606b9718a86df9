"""Writing a pack: the same export gives the same bytes; what is abandoned leaves nothing; the readme answers a solicitor."""

from pathlib import Path

import msgspec
import pytest

from belvedere.hub.evidence.manifest import (
    manifest_bytes,
)
from belvedere.hub.evidence.pack import PackWriter, drop_parts
from belvedere.hub.evidence.readme import clock_words, readme
from pack_stage import END, KEY, PUBLIC, a_manifest, write_pack


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    return write_pack(tmp_path / "pack.zip")


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


def test_a_pack_that_was_left_is_continued_to_the_same_bytes(tmp_path: Path) -> None:
    def finish(writer: PackWriter) -> bytes:
        writer.add("log/entry.json", b"{}")
        writer.finish(a_manifest(), KEY)
        return (tmp_path / "a.zip").read_bytes()

    straight = PackWriter(tmp_path / "a.zip", END)
    for name in ("clips/1.mp4", "clips/2.mp4"):
        straight.add(name, name.encode() * 999)
    expected = finish(straight)
    writer, kept = PackWriter(tmp_path / "a.zip", END), []
    writer.add("clips/1.mp4", b"clips/1.mp4" * 999)
    kept.append(writer.keep())
    half = writer.open("clips/2.mp4")
    half.write(b"half of it")
    writer.leave()
    again = PackWriter(tmp_path / "a.zip", END, kept)
    assert [file.path for file in again.files] == ["clips/1.mp4"]
    again.add("clips/2.mp4", b"clips/2.mp4" * 999)
    assert finish(again) == expected


def test_what_was_altered_meanwhile_is_not_kept(tmp_path: Path) -> None:
    part = tmp_path / ".a.zip.part"
    writer, kept = PackWriter(tmp_path / "a.zip", END), []
    for name in ("1", "2"):
        writer.add(name, b"pictures" * 100)
        kept.append(writer.keep())
    writer.leave()
    whole = part.read_bytes()
    for at, expected in ((kept[1].end - 1, 1), (kept[1].offset + 30, 1), (kept[0].end - 1, 0), (0, 0)):
        part.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        again = PackWriter(tmp_path / "a.zip", END, kept)
        assert len(again.kept) == len(again.files) == expected
        again.leave()
    for length, expected in ((kept[1].end - 1, 1), (kept[0].end, 1), (kept[0].end - 1, 0), (3, 0), (0, 0)):
        part.write_bytes(whole[:length])
        again = PackWriter(tmp_path / "a.zip", END, kept)
        assert len(again.kept) == expected
        again.leave()
