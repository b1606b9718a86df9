"""What is expired can't be read any more: the raw bytes of database, log and files hold no key and no word of it."""

from pathlib import Path

from cryptography.hazmat.primitives.keywrap import aes_key_wrap

from belvedere.foundation.clock import HOUR_US, SECOND_US
from belvedere.media import seal
from belvedere.media.stream import Fragment
from belvedere.site.recorder.events import Add
from retention_rig import RetentionRig

MARKER = b"A WORD THAT STANDS IN THE PICTURES "
DAYS = 12


def everything(folder: Path) -> bytes:
    """All bytes of index, write-ahead log and footage folder, as somebody with the disk would read them."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_no_key_and_no_word_is_left(tmp_path: Path) -> None:
    rig = RetentionRig(tmp_path)
    starts = []
    for _ in range(DAYS):
        start = rig.clock.now_us()
        starts.append(start)
        track = rig.track()
        for number in range(24):
            data = MARKER + b"%04d" % number + bytes(500)
            at = start + (number + 1) * SECOND_US // 2 - SECOND_US // 10
            rig.writer.offer(Add(track, Fragment(data, number * 45_000, 45_000, 5, number % 4 == 0, at)))
        rig.writer.cycle()
        rig.end(track)
        rig.pass_days(1)
    rig.order(rig.hold(starts[3] + SECOND_US, starts[3] + 3 * SECOND_US))
    days = [int(str(day)) for (day,) in rig.rows("SELECT day FROM day_key WHERE wrapped <> x''")]
    plain = [rig.keyring.get(1, day) for day in days]
    wrapped = [bytes(row[0]) for row in rig.rows("SELECT wrapped FROM day_key WHERE wrapped <> x''")]  # type: ignore[call-overload]
    ids = [
        seal.segment_id_of((tmp_path / "footage" / name).read_bytes()[: seal.HEADER_BYTES])
        for name in rig.files.names()
    ]
    assert len(plain) == len(wrapped) == DAYS and len(ids) >= DAYS
    before = everything(tmp_path)
    assert all(key in before for key in wrapped) and MARKER not in before
    hashes = [bytes(row[0]) for row in rig.rows("SELECT sha256 FROM segment")]  # type: ignore[call-overload]
    assert hashes

    rig.pass_days(36)
    kept = rig.seconds()
    assert kept == [(starts[3], starts[3] + 4 * SECOND_US)]
    after = everything(tmp_path)
    assert [key for key in (*plain, *wrapped) if key in after] == [], "no camera-day key, plain or wrapped, anywhere"
    own = [seal.segment_key(key, one) for key in plain for one in ids]
    held = {bytes(row[0]) for row in rig.rows("SELECT wrapped FROM held_key")}  # type: ignore[call-overload]
    left = [key for key in own if aes_key_wrap(b"k" * 32, key) in after]
    assert all(aes_key_wrap(b"k" * 32, key) in held for key in left), "but for what is held"
    assert [key for key in own if bytes(key) in after] == []
    assert MARKER not in after
    assert len([one for one in ids if one in after]) <= 1, "the files are gone"

    rig.order(rig.hold(starts[3] + SECOND_US, starts[3] + 3 * SECOND_US, ended_us=rig.clock.now_us()))
    rig.pass_days(3, step_us=HOUR_US)
    assert rig.counts() == (0, 0)
    assert not [key for key in held if key in everything(tmp_path)], "nor when the hold has ended"
    rig.close()
