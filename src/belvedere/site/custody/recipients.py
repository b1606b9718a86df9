"""Whom a camera-day key is sealed for: the list that the hub signed, and the sealing itself."""

import sqlite3
from collections.abc import Sequence

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from belvedere.foundation.errors import Refused
from belvedere.link.custody import Recipient, RecipientList, SignedWords, read_recipients, signed_bytes
from belvedere.media.keybox import CameraDay, check_of, shut
from belvedere.site.storage.index import Index

_ADVICE = "Run hub and site of one installation together; a replaced hub has to be accepted first."


def verify_words(signed: SignedWords, public_key: bytes) -> bytes:
    """The words, once the hub's signature on them is found to hold. Raises Refused."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signed.signature, signed_bytes(signed.words))
    except (InvalidSignature, ValueError) as error:
        raise Refused("These words about keys were not signed by this site's hub.", advice=_ADVICE) from error
    return signed.words


def known_recipients(db: sqlite3.Connection) -> RecipientList | None:
    """The list that is kept here; None while no hub has sent one."""
    row = db.execute("SELECT words FROM recipient_list WHERE id = 1").fetchone()
    return None if row is None else read_recipients(row[0])


def keep_recipients(index: Index, signed: SignedWords, public_key: bytes) -> RecipientList:
    """Store the hub's list when it is newer than the one kept. Raises Refused for a forged or an older one."""
    fresh = read_recipients(verify_words(signed, public_key))
    known = known_recipients(index.read())
    if known is not None and fresh.issued_us < known.issued_us:
        raise Refused(
            "The hub sent an older list of key recipients than this site has.", advice="Check the hub's clock."
        )
    if known is None or known.recipients != fresh.recipients:
        with index.write() as db:
            db.execute(
                "INSERT INTO recipient_list (id, issued_us, words, signature) VALUES (1, ?, ?, ?) ON CONFLICT (id) "
                "DO UPDATE SET issued_us = excluded.issued_us, words = excluded.words, signature = excluded.signature",
                (fresh.issued_us, signed.words, signed.signature),
            )
    return fresh


def camera_day(db: sqlite3.Connection, camera_id: int, day: int) -> CameraDay:
    """The camera-day as it is bound to its sealed keys. The site's identity exists before its first key."""
    box, camera = db.execute(
        "SELECT (SELECT uuid FROM site), slug FROM camera WHERE id = ?", (camera_id,)
    ).fetchone() or ("", "")
    return CameraDay(str(box or ""), str(camera), day)


def seal_copies(
    db: sqlite3.Connection,
    camera_id: int,
    day: int,
    key: bytes,
    now_us: int,
    recipients: Sequence[Recipient] | None = None,
) -> int:
    """Seal a key for each recipient that lacks a copy, inside a transaction; returns how many were made."""
    if recipients is None:
        known = known_recipients(db)
        recipients = () if known is None else known.recipients
    have = {
        name
        for (name,) in db.execute(
            "SELECT recipient FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, day)
        )
    }
    missing = [each for each in recipients if each.name not in have]
    if missing:
        info = camera_day(db, camera_id, day).info()
        db.executemany(
            "INSERT INTO day_key_copy (camera_id, day, recipient, box, key_check, made_us) VALUES (?, ?, ?, ?, ?, ?)",
            [(camera_id, day, each.name, shut(key, each.public_key, info), check_of(key), now_us) for each in missing],
        )
    return len(missing)
