"""Firmware compared, advisory files read and applied, support dates."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import BadInput, NotFound
from belvedere.site.makers.advisories import check_signature, read_advisories, support_state
from belvedere.site.makers.firmware import Older, numbers_of, older
from belvedere.site.makers.makebook import MakeBook
from belvedere.site.onvif.store import DeviceStore
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "advisory-file.md"


@pytest.mark.parametrize(
    ("version", "than", "answer"),
    [
        ("V5.5.52 build 170717", "V5.5.800 build 210628", Older.YES),
        ("V5.5.800 build 210628", "V5.5.800 build 210628", Older.NO),
        ("V5.5.800 build 210101", "V5.5.800 build 20210628", Older.YES),
        ("V5.5.800", "V5.5.800 build 210628", Older.UNKNOWN),
        ("V5.5.800 build 210101", "5.5.800", Older.NO),
        ("2.800.0000000.16.R", "2.800.0000000.17.R, Build Date 2021-01-01", Older.YES),
        ("10.12.114", "9.80.3", Older.NO),
        ("1.41.01_20240611", "1.41.02", Older.YES),
        ("11.0", "11.0.0", Older.NO),
        ("v4", "5.1", Older.YES),
        ("", "5.1", Older.UNKNOWN),
        ("latest", "5.1", Older.UNKNOWN),
        ("5.1", "all versions", Older.UNKNOWN),
        ("IPC-K15 firmware 3 of 2019", "5.1", Older.UNKNOWN),
    ],
)
def test_firmware(version: str, than: str, answer: Older) -> None:
    assert older(version, than) is answer


numbers = st.lists(st.integers(0, 9999), min_size=2, max_size=5)


@given(numbers, numbers)
def test_numbers_decide_as_numbers(one: list[int], other: list[int]) -> None:
    a, b = (".".join(map(str, each)) for each in (one, other))
    width = max(len(one), len(other))
    padded = [each + [0] * (width - len(each)) for each in (one, other)]
    assert (older(f"V{a}", b) is Older.YES) == (padded[0] < padded[1])
    assert older(a, a) is Older.NO


@given(st.text(max_size=300))
def test_any_text_is_taken(text: str) -> None:
    numbers_of(text)
    assert older(text, text) in (Older.NO, Older.UNKNOWN)


def file(**changes: object) -> bytes:
    whole: dict[str, object] = {
        "format": "belvedere-advisories-1",
        "publisher": "Test",
        "issued": "2026-11-01",
        "advisories": [
            {
                "id": "A-1",
                "title": "Bad",
                "severity": "high",
                "make": "Hikvision",
                "models": ["DS-2CD2*"],
                "fixed_in": "5.5.800",
                "source": "s",
            },
            {
                "id": "A-2",
                "title": "Worse",
                "severity": "low",
                "exploited": True,
                "make": "hikvision",
                "models": ["*"],
                "source": "s",
            },
        ],
        "support": [
            {"make": "Axis", "models": ["P32*"], "ends": "2026-12-31", "source": "s"},
            {"make": "Axis", "models": ["P3225*"], "ends": "2025-12-31", "source": "s"},
        ],
    }
    return json.dumps(whole | changes).encode()


def test_which_cameras_are_concerned() -> None:
    known = read_advisories(file())
    assert [f.id for f in known.faults("HIKVISION", "ds-2cd2143g2-i", "V5.5.52 build 170717")] == ["A-2", "A-1"]
    assert [f.id for f in known.faults("Hikvision", "DS-2CD2143G2-I", "V5.5.800")] == ["A-2"]
    assert [(f.id, f.state) for f in known.faults("Hikvision", "DS-2CD2143", "")] == [
        ("A-2", "affected"),
        ("A-1", "unknown"),
    ]
    assert [f.id for f in known.faults("Hikvision", "", "1.0")] == ["A-2"]
    assert known.faults("Dahua", "DS-2CD2143", "1.0") == () and known.faults("", "DS-2CD2143", "1.0") == ()
    support = known.support_of("AXIS Communications", "P3225-LV Mk II")
    assert support is not None and support.ends == date(2025, 12, 31), "the earliest"
    assert known.support_of("Axis", "M1065") is None


def test_support_by_the_day() -> None:
    today = date(2026, 11, 22)
    states = [support_state(today + timedelta(days), today) for days in (-1, 0, 180, 181)]
    assert states == ["ended", "soon", "soon", "ok"]
    assert support_state(None, today) == "unknown"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"nonsense", "can't be read"),
        (b"\xff\xfe", "can't be read"),
        (file(format="other-1"), "of the format 'other-1'"),
        (file(extra=1), "unknown field"),
        (file(issued="yesterday"), "can't be read"),
        (file(advisories=[{"id": "A"}]), "missing required field"),
        (file(advisories=json.loads(file())["advisories"] * 2), "A-1 twice"),
        (b" " * ((8 << 20) + 1), "larger than 8 MiB"),
    ],
)
def test_files_that_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        read_advisories(data)


def test_the_example_in_the_reference_is_read() -> None:
    text = DOCS.read_text("utf-8").split("```json\n")[1].split("```")[0]
    known = read_advisories(text.encode())
    assert known.faults("Hikvision", "DS-2CD2143G2-I", "V5.5.52 build 170717")[0].exploited


def test_signature() -> None:
    key = Ed25519PrivateKey.generate()
    check_signature(b"file", key.sign(b"file"), key.public_key().public_bytes_raw())
    for data, signature, public in (
        (b"File", key.sign(b"file"), key.public_key().public_bytes_raw()),
        (b"file", b"short", key.public_key().public_bytes_raw()),
        (b"file", key.sign(b"file"), b"no key"),
    ):
        with pytest.raises(BadInput, match="does not fit"):
            check_signature(data, signature, public)


def test_the_book_of_makes(tmp_path: Path) -> None:
    clock = SimulatedClock()
    index = Index(tmp_path / "index.db", clock)
    cameras = Cameras(index, ConnectionSafe(b"c" * 32), clock)
    for name in ("gate", "yard"):
        cameras.put(name, name, "", "", True)
    book = MakeBook(index, clock)
    assert book.all().file is None
    book.put("gate", "Hikvision", "DS-2CD2143", None, "person")
    book.put("gate", None, None, "V5.5.52", "onvif")
    with pytest.raises(NotFound):
        book.put("nowhere", "x", None, None, "person")
    with pytest.raises(BadInput):
        book.put("gate", "x" * 200, None, None, "person")
    with pytest.raises(BadInput):
        book.put("gate", "x", None, None, "rumour")
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    loaded = book.load(file(), key.sign(file()), public)
    assert (loaded.advisories, loaded.models, loaded.signed_by, loaded.issued) == (2, 2, public.hex(), "2026-11-01")
    clock.advance(DAY_US)
    with pytest.raises(BadInput):
        book.load(b"{}", b"", b"")
    with pytest.raises(BadInput):
        book.load(file(publisher="Eve"), key.sign(file()), public)
    with pytest.raises(BadInput, match="Give both"):
        book.load(file(), b"", public)
    told = book.all()
    assert told.file == loaded, "a file that is refused leaves the one before in force"
    gate, yard = told.cameras
    assert (gate.make, gate.model, gate.firmware, gate.told_by) == ("Hikvision", "DS-2CD2143", "V5.5.52", "onvif")
    assert [fault.id for fault in gate.faults] == ["A-2", "A-1"] and gate.support == "unknown"
    assert (yard.make, yard.faults) == ("", ())
    store = DeviceStore(index, ConnectionSafe(b"c" * 32), cameras, clock, 31)
    store.put("yard", "10.0.0.9", "u", "p")
    sql = "UPDATE device SET manufacturer = 'AXIS', model = 'P3225-LV', firmware = '10.1', seen_us = ?"
    with index.write() as db:
        db.execute(sql, (clock.now_us(),))
    gate, yard = book.all().cameras
    assert (yard.make, yard.model, yard.firmware, yard.told_by) == ("AXIS", "P3225-LV", "10.1", "onvif")
    assert yard.support == "ended" and gate.firmware == "V5.5.52"
    book.put("yard", None, "P3225", "10.0", "person")
    clock.advance(1)
    assert book.all().cameras[1].firmware == "10.0", "what was entered last counts"
    with index.write() as db:
        db.execute(sql, (clock.now_us(),))
    told = book.all()
    assert (told.cameras[1].firmware, told.cameras[1].model) == ("10.1", "P3225")
    index.close()
    again = Index(tmp_path / "index.db", clock)
    assert MakeBook(again, clock).all() == told
    again.close()
