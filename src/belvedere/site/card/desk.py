"""Opening footage with a break-glass card: what is done stands in the site's own log before any key is opened.

The card's grant was signed and logged by the hub in advance, so that the site opens nothing that its hub did not sign. It is
sealed for the card, and so are the keys of camera-days: neither the box alone nor the card alone opens anything.
"""

import os
import sqlite3
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, Clock, iso
from belvedere.foundation.errors import BadInput, Refused, SealBroken
from belvedere.foundation.ids import new_id
from belvedere.link.card import (
    FINISHED,
    LONGEST_REASON,
    OPENED,
    CardLog,
    CardOpened,
    CardState,
    FinishCard,
    GetCardLog,
    OpenCard,
    PutCards,
    read_cards,
)
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.card import grant_info, open_card
from belvedere.media.keybox import check_of, open_box
from belvedere.policy.card import narrowed
from belvedere.policy.grant import Grant
from belvedere.site.card.ledger import CardLedger
from belvedere.site.custody.recipients import camera_day, verify_words
from belvedere.site.storage.folders import site_uuid
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key

LASTS_US = HOUR_US
LONGEST_US = DAY_US
MARGIN_US = (
    MINUTE_US  # a clip begins at the keyframe before the mark, and a piece that reaches out of a grant stays shut
)
MOST_CAMERAS = 16
LEAST_WORDS = 20
PAGE = 50
_TOKEN = b"belvedere card 1\n"
_TOKEN_BYTES = 32
_NAME_LETTERS = 100


class Opener(Protocol):
    """Turns the hub's signed words into a grant. Raises Refused."""

    def open(self, wire: bytes) -> Grant: ...


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A row of `site_card`."""

    id: str
    public_key: bytes
    sealed_private: bytes
    sealed_grant: bytes
    expires_us: int


class CardDesk:
    """Thread-safe. Also an opener of grants: it knows the tokens that it gave out, and leaves the rest to the one before."""

    def __init__(
        self,
        site: str,
        index: Index,
        keyring: Keyring,
        opener: Opener,
        clock: Clock,
        *,
        hub_key_file: Path,
        box_key_file: Path,
    ) -> None:
        self._site = site
        self._index = index
        self._keyring = keyring
        self._opener = opener
        self._clock = clock
        self._hub_key_file = hub_key_file
        self._box = site_uuid(index, clock)
        self._ledger = CardLedger(Ed25519PrivateKey.from_private_bytes(load_key(box_key_file, make=True)))
        self._lock = threading.Lock()
        # Invariant: a token is handed out once its entry is durable, and is gone when the pack is finished or the site restarts.
        self._open: dict[bytes, Grant] = {}

    def answers(self) -> Mapping[type[Request], Callable[[Any], Reply]]:
        """What `serve_link` is given."""
        return {PutCards: self.put, OpenCard: self.open_card, FinishCard: self.finish, GetCardLog: self.entries}

    def open(self, wire: bytes) -> Grant:
        """The grant that a token or the hub's signed words stand for. Raises Refused."""
        if not wire.startswith(_TOKEN):
            return self._opener.open(wire)
        grant = self._open.get(wire)
        if grant is None or self._clock.now_us() >= grant.expires_us:
            raise Refused("What was opened with the card is shut again.", advice="A card is good once.")
        return grant

    # From the hub.

    def put(self, request: PutCards) -> CardState:
        """Keep the hub's list. Raises Refused for a forged, an older, or another site's list."""
        try:
            hub_key = self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error
        told = read_cards(verify_words(request.signed, hub_key))
        if told.site != self._site:
            raise Refused("These cards are for another site.", advice="Ask again.")
        with self._index.write() as db:
            last = db.execute("SELECT issued_us FROM site_card_list").fetchone()
            if last is not None and told.issued_us < last[0]:
                raise Refused("The hub sent an older list of cards than this site has.", advice="Check its clock.")
            db.execute("INSERT OR REPLACE INTO site_card_list VALUES (1, ?)", (told.issued_us,))
            kept = [card.id for card in told.cards]
            marks = ",".join("?" * len(kept))
            over = f"FROM site_card WHERE used_us IS NULL AND id NOT IN ({marks})"
            db.execute(f"INSERT OR IGNORE INTO site_card_gone SELECT id {over}", kept)
            db.execute(f"DELETE {over}", kept)
            gone = {row[0] for row in db.execute("SELECT id FROM site_card_gone").fetchall()}
            db.executemany(
                "INSERT INTO site_card VALUES (?, ?, ?, ?, ?, ?, NULL) ON CONFLICT DO NOTHING",
                [
                    (card.id, card.public_key, card.sealed_private, card.sealed_grant, card.made_us, card.expires_us)
                    for card in told.cards
                    if card.id not in gone
                ],
            )
            used = db.execute("SELECT id FROM site_card WHERE used_us IS NOT NULL ORDER BY used_us").fetchall()
        return CardState(tuple(row[0] for row in used), tuple(each for each in kept if each in gone))

    def entries(self, request: GetCardLog) -> CardLog:
        """A page of the site's own log."""
        return CardLog(self._box, tuple(self._ledger.entries(self._index.read(), request.first)[:PAGE]))

    # From two people at the site.

    def open_card(self, request: OpenCard) -> CardOpened:
        """Open a card. Raises BadInput, Refused; nothing is spent then."""
        names = tuple(" ".join(name.split()) for name in request.names)
        reason = request.reason.strip()
        self._check(request, names, reason)
        with self._lock:
            card, private = self._find(request.halves)
            now_us = self._clock.now_us()
            grant = self._opener.open(open_box(card.sealed_grant, private, grant_info(card.id)))
            export = new_id("export", self._clock)
            part = narrowed(
                grant,
                export,
                cameras=frozenset(request.cameras),
                from_us=max(min(grant.from_us, request.from_us), request.from_us - MARGIN_US),
                to_us=min(grant.to_us, request.to_us + MARGIN_US),
                expires_us=now_us + LASTS_US,
                user_name=f"{names[0]} and {names[1]}",
            )
            facts = {
                "export": export,
                "name": "Break-glass card",
                "kind": "evidence",
                "grant": grant.id,
                "purpose": grant.purpose,
                "case": "",
                "cameras": list(request.cameras),
                "start_us": request.from_us,
                "end_us": request.to_us,
                "card": card.id,
                "site": self._site,
                "box": self._box,
                "names": list(names),
                "reason": reason,
            }
            with self._index.write() as db:
                entry, path = self._ledger.append(db, OPENED, card.id, now_us, facts)
                db.execute("UPDATE site_card SET used_us = ? WHERE id = ?", (now_us, card.id))
            # Durable: only now a key is opened.
            token = _TOKEN + os.urandom(_TOKEN_BYTES)
            self._lend(card, private, part)
            self._open[token] = part
        return CardOpened(
            token, export, card.id, part.user_name, grant.approver, grant.policy_version, grant.purpose,
            grant.purpose_text, grant.issued_us, part.expires_us, self._site, entry, path,
        )  # fmt: skip

    def finish(self, request: FinishCard) -> Answer:
        """The pack is written: say so in the log, and shut what was opened. Raises Refused."""
        with self._lock:
            grant = self.open(request.token)
            facts = {"export": grant.id, "card": grant.user_id, "box": self._box, "bytes": request.bytes}
            facts["sha256"] = request.sha256[:64]
            with self._index.write() as db:
                self._ledger.append(db, FINISHED, grant.user_id, self._clock.now_us(), facts)
            self._open.pop(request.token, None)
            self._keyring.released.end(grant.id)
        return Answer()

    def _check(self, request: OpenCard, names: tuple[str, ...], reason: str) -> None:
        if any(not 3 <= len(name) <= _NAME_LETTERS for name in names):
            raise BadInput("Both people give their whole name.", advice="Write first and last name.")
        if names[0].casefold() == names[1].casefold():
            raise BadInput("A card takes two people.", advice="Give the names of both.")
        if not LEAST_WORDS <= len(reason) <= LONGEST_REASON:
            raise BadInput("Say why in 20 to 1,000 letters.", advice="Name who asks, and what for.")
        if not 0 < len(request.cameras) <= MOST_CAMERAS or len(set(request.cameras)) < len(request.cameras):
            raise BadInput(f"Name 1 to {MOST_CAMERAS} cameras, each once.", advice="Name those that see the place.")
        if not 0 < request.to_us - request.from_us <= LONGEST_US:
            raise BadInput("A card opens at most a day.", advice="Name when it was more exactly.")
        if request.to_us > self._clock.now_us() + SECOND_US:
            raise BadInput("That time has not come yet.", advice="Name an earlier end.")
        known = {slug for (slug,) in self._index.read().execute("SELECT slug FROM camera").fetchall()}
        missing = sorted(set(request.cameras) - known)
        if missing:
            raise BadInput(f"There is no camera {', '.join(missing)} here.", advice="`belvedere camera list`.")

    def _find(self, halves: tuple[bytes, bytes]) -> tuple[_Sealed, bytes]:
        """The card that these halves open, in either order, and its private key. Raises Refused."""
        rows = self._index.read().execute(
            "SELECT id, public_key, sealed_private, sealed_grant, expires_us, used_us FROM site_card"
        )
        for *columns, used_us in rows.fetchall():
            card = _Sealed(*columns)
            for first, second in (halves, halves[::-1]):
                try:
                    private = open_card(card.id, card.sealed_private, first, second)
                except SealBroken:
                    continue
                if used_us is not None:
                    raise Refused(f"This card was used at {iso(used_us)}.", advice="A card is good once.")
                if self._clock.now_us() >= card.expires_us:
                    raise Refused(f"This card ended at {iso(card.expires_us)}.", advice="Use the newest one.")
                return card, private
        raise Refused(
            "These halves open no card that is in force at this site.",
            advice="Check both sheets: they belong together, and to this site. Nothing was opened.",
        )

    def _lend(self, card: _Sealed, private: bytes, grant: Grant) -> None:
        """Keys of the days asked for that this site has forgotten: from the copies that are sealed for the card."""
        db = self._index.read()
        for camera_id, day in _days(db, grant):
            copies = db.execute(
                "SELECT box, key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, day)
            ).fetchall()
            info = camera_day(db, camera_id, day).info()
            for box, key_check in copies:
                try:
                    key = open_box(box, private, info)
                except SealBroken:  # sealed for somebody else
                    continue
                if check_of(key) == key_check:
                    self._keyring.released.put(grant.id, camera_id, day, key, grant.expires_us)


def _days(db: sqlite3.Connection, grant: Grant) -> list[tuple[int, int]]:
    """Which keys seal the footage of a grant, as (camera, day)."""
    marks = ",".join("?" * len(grant.cameras))
    return db.execute(
        "SELECT DISTINCT s.camera_id, g.day FROM segment g JOIN stream s ON s.id = g.stream_id "
        f"JOIN camera c ON c.id = s.camera_id WHERE c.slug IN ({marks}) AND g.start_us < ? AND g.start_us > ?",
        (*sorted(grant.cameras), grant.to_us, grant.from_us - DAY_US),
    ).fetchall()
