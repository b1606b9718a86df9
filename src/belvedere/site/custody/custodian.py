"""The site's custodian: answers the hub about keys and roots, and does in the background what needs no hub."""

import hashlib
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from belvedere.foundation.clock import DAY_US, HOUR_US, Clock
from belvedere.foundation.errors import BelvedereError, NotFound, Refused, SealBroken
from belvedere.link.custody import (
    BREAK_GLASS,
    HUB,
    PAGE,
    Acknowledge,
    AskKey,
    Copies,
    Custody,
    CustodyState,
    GetCopies,
    GetCustody,
    GetDocument,
    KeyAsk,
    KeyNote,
    ProveSegment,
    PutCopies,
    PutRecipients,
    ReleaseKey,
    SealedCopy,
    SegmentProof,
    SignedWords,
    SiteDocument,
    document_info,
    read_acknowledgement,
    read_new_copies,
    release_info,
)
from belvedere.link.messages import Answer, Reply, Request
from belvedere.media.keybox import check_of, new_private_key, open_box, public_key_of, recipient_of, shut
from belvedere.policy.grant import Action, Grant
from belvedere.site.custody.document import site_document
from belvedere.site.custody.recipients import keep_recipients, known_recipients, verify_words
from belvedere.site.custody.roots import DayRoots
from belvedere.site.storage.cameras import Cameras
from belvedere.site.storage.folders import site_uuid
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import Keyring, load_key

EVERY_S = 30.0
_ROOTS_AT_ONCE = 64
_SEALED_AT_ONCE = 200
_KEPT_LEAVES_US = 7 * DAY_US  # after the last of a day's footage went

log = structlog.get_logger()


class Opener(Protocol):
    """Turns the hub's signed words into a grant. Raises Refused."""

    def open(self, wire: bytes) -> Grant: ...


class Custodian:
    """`start` begins the background work, `answers` is what the link is told. Thread-safe."""

    def __init__(
        self,
        index: Index,
        keyring: Keyring,
        cameras: Cameras,
        opener: Opener,
        clock: Clock,
        *,
        hub_key_file: Path,
        box_key_file: Path,
        settings: Mapping[str, Any],
    ) -> None:
        self._index = index
        self._keyring = keyring
        self._cameras = cameras
        self._opener = opener
        self._clock = clock
        self._hub_key_file = hub_key_file
        self._settings = settings
        self._box = site_uuid(index, clock)
        self._box_key = Ed25519PrivateKey.from_private_bytes(load_key(box_key_file, make=True))
        self._release_private = new_private_key()
        self._release_public = public_key_of(self._release_private)
        self.roots = DayRoots(index, clock)
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def answers(self) -> dict[type[Request], Callable[[Any], Reply]]:
        """What `serve_link` is given."""
        return {
            PutRecipients: self.put_recipients,
            GetCustody: self.custody,
            Acknowledge: self.acknowledge,
            PutCopies: self.put_copies,
            GetCopies: self.copies,
            AskKey: self.ask_key,
            ReleaseKey: self.release_key,
            ProveSegment: self.prove,
            GetDocument: self.document,
        }

    # Background.

    def start(self) -> None:
        self._thread = threading.Thread(target=self._main, name="custodian", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the thread. Blocks until it is done."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def _main(self) -> None:
        while not self._stop.wait(EVERY_S):
            try:
                self.tend()
            except BelvedereError as error:  # the index's disk: tried again at the next turn
                log.error("custody_waits", error=str(error))

    def tend(self) -> None:
        """Close days, seal what lacks copies, forget what is acknowledged. A bounded piece of work."""
        for camera_id, day in self.roots.due()[:_ROOTS_AT_ONCE]:
            self.roots.close(camera_id, day)
            if self._stop.wait(0.05):  # the recorder goes first
                return
        self.seal()
        self.forget()
        with self._index.write() as db:
            db.execute(_DROP_LEAVES, {"before_us": self._clock.now_us() - _KEPT_LEAVES_US})

    def seal(self) -> int:
        """Seal keys that the site can open for recipients that lack a copy; returns how many copies were made."""
        known = known_recipients(self._index.read())
        if known is None or not known.recipients:
            return 0
        names = [each.name for each in known.recipients]
        marks = ",".join("?" * len(names))
        rows = self._index.read().execute(
            "SELECT k.camera_id, k.day FROM day_key k WHERE k.wrapped <> x'' AND (SELECT count(*) FROM day_key_copy c "
            f"WHERE c.camera_id = k.camera_id AND c.day = k.day AND c.recipient IN ({marks})) < ? LIMIT ?",
            (*names, len(names), _SEALED_AT_ONCE),
        )
        held = self._index.read().execute(
            "SELECT s.camera_id, -h.segment_id FROM held_key h JOIN segment g ON g.id = h.segment_id "
            "JOIN stream s ON s.id = g.stream_id WHERE (SELECT count(*) FROM day_key_copy c WHERE "
            f"c.camera_id = s.camera_id AND c.day = -h.segment_id AND c.recipient IN ({marks})) < ? LIMIT ?",
            (*names, len(names), _SEALED_AT_ONCE),
        )
        return self._keyring.seal_missing([(camera_id, day) for camera_id, day in [*rows, *held]])

    def forget(self) -> int:
        """Forget keys of days that are over once the hub holds them for itself and for break-glass; returns how many.

        Before the key ceremony there is no break-glass recipient: then the site keeps its own copy.
        """
        known = known_recipients(self._index.read())
        if known is None or not {HUB, BREAK_GLASS} <= {each.role for each in known.recipients}:
            return 0
        names = [each.name for each in known.recipients]
        marks = ",".join("?" * len(names))
        over = (self._clock.now_us() - HOUR_US) // DAY_US
        rows = self._index.read().execute(
            "SELECT k.camera_id, k.day FROM day_key k WHERE k.wrapped <> x'' AND k.day < ? AND "
            "(SELECT count(*) FROM day_key_copy c WHERE c.camera_id = k.camera_id AND c.day = k.day "
            f"AND c.acknowledged_us IS NOT NULL AND c.recipient IN ({marks})) = ? "
            "AND NOT EXISTS (SELECT 1 FROM stream s JOIN segment g ON g.stream_id = s.id "
            "WHERE s.camera_id = k.camera_id AND g.day = k.day AND g.flags & 1)",
            (over, *names, len(names)),
        )
        forgotten = self._keyring.forget([(camera_id, day) for camera_id, day in rows.fetchall()])
        if forgotten:
            log.info("keys_forgotten", count=len(forgotten))
        return len(forgotten)

    # Answers, each in a thread of the link.

    def _hub_key(self) -> bytes:
        try:
            return self._hub_key_file.read_bytes()
        except OSError as error:
            raise Refused("This site belongs to no hub yet.", advice="Start the hub, which brings its key.") from error

    def _words(self, signed: SignedWords) -> bytes:
        return verify_words(signed, self._hub_key())

    def put_recipients(self, request: PutRecipients) -> CustodyState:
        keep_recipients(self._index, request.signed, self._hub_key())
        self.seal()
        if self.state().other_copies:  # a card ended: what was sealed for it goes, once the hub holds the rest
            with self._index.write() as db:
                self._drop_retired(db)
            self._index.forget()
        return self.state()

    def state(self) -> CustodyState:
        """How keys stand."""
        read = self._index.read()
        known = known_recipients(read)
        names = [] if known is None else [each.name for each in known.recipients]
        local, away = read.execute(
            "SELECT count(*) FILTER (WHERE wrapped <> x''), count(*) FILTER (WHERE wrapped = x'') FROM day_key"
        ).fetchone()
        waiting, other = read.execute(
            "SELECT count(*) FILTER (WHERE acknowledged_us IS NULL), "
            f"count(*) FILTER (WHERE recipient NOT IN ({','.join('?' * len(names))})) FROM day_key_copy",
            names,
        ).fetchone()
        held = read.execute("SELECT count(*) FROM held_key").fetchone()[0]
        public = self._box_key.public_key().public_bytes_raw()
        return CustodyState(self._box, public, local, away, waiting, other, held)

    def custody(self, _request: GetCustody) -> Custody:
        read = self._index.read()
        copies = read.execute(
            "SELECT c.slug, k.day, k.recipient, k.box, k.key_check FROM day_key_copy k JOIN camera c "
            "ON c.id = k.camera_id WHERE k.acknowledged_us IS NULL ORDER BY k.made_us LIMIT ?",
            (PAGE,),
        ).fetchall()
        notes = read.execute(
            "SELECT c.slug, n.day, n.what, n.at_us FROM key_note n JOIN camera c ON c.id = n.camera_id LIMIT ?", (PAGE,)
        ).fetchall()
        return Custody(
            self._box,
            tuple(SealedCopy(*row) for row in copies),
            self.roots.waiting(PAGE),
            tuple(KeyNote(*row) for row in notes),
        )

    def acknowledge(self, request: Acknowledge) -> CustodyState:
        words = read_acknowledgement(self._words(request.signed))
        self._mine(words.box)
        now_us = self._clock.now_us()
        cameras = self._camera_ids()
        with self._index.write() as db:
            for camera, day, recipient, digest in words.copies:
                row = db.execute(
                    "SELECT box FROM day_key_copy WHERE camera_id = ? AND day = ? AND recipient = ?",
                    (cameras.get(camera), day, recipient),
                ).fetchone()
                if row is not None and hashlib.sha256(row[0]).digest() == digest:
                    db.execute(
                        "UPDATE day_key_copy SET acknowledged_us = ? WHERE camera_id = ? AND day = ? AND recipient = ?",
                        (now_us, cameras[camera], day, recipient),
                    )
            db.executemany(
                "UPDATE day_root SET acknowledged_us = ? WHERE camera_id = ? AND day = ? AND version = ?",
                [(now_us, cameras.get(camera), day, version) for camera, day, version in words.roots],
            )
            db.executemany(
                "DELETE FROM key_note WHERE camera_id = ? AND day = ? AND what = ?",
                [(cameras.get(camera), day, what) for camera, day, what in words.notes],
            )
            self._drop_retired(db)
        self.forget()
        return self.state()

    def _drop_retired(self, db: Any) -> None:
        """Copies for recipients of before go once the hub holds the day's key for every one of today."""
        known = known_recipients(db)
        names = [] if known is None else [each.name for each in known.recipients]
        if names:
            marks = ",".join("?" * len(names))
            db.execute(
                f"DELETE FROM day_key_copy AS old WHERE recipient NOT IN ({marks}) AND "
                "(SELECT count(*) FROM day_key_copy c WHERE c.camera_id = old.camera_id AND c.day = old.day "
                f"AND c.acknowledged_us IS NOT NULL AND c.recipient IN ({marks})) = ?",
                (*names, *names, len(names)),
            )

    def put_copies(self, request: PutCopies) -> CustodyState:
        words = read_new_copies(self._words(request.signed))
        self._mine(words.box)
        cameras = self._camera_ids()
        now_us = self._clock.now_us()
        with self._index.write() as db:
            for each in words.copies:
                pair = (cameras.get(each.camera), each.day)
                old = db.execute("SELECT key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", pair).fetchone()
                if old is None or old[0] != each.key_check:
                    continue  # destroyed meanwhile, or not the key of this day
                db.execute(
                    "INSERT INTO day_key_copy (camera_id, day, recipient, box, key_check, made_us, acknowledged_us) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (camera_id, day, recipient) DO UPDATE SET "
                    "box = excluded.box, acknowledged_us = excluded.acknowledged_us",
                    (*pair, recipient_of(each.box), each.box, each.key_check, now_us, now_us),
                )
            self._drop_retired(db)
        self._index.forget()
        self.forget()
        return self.state()

    def copies(self, request: GetCopies) -> Copies:
        rows = self._index.read().execute(
            "SELECT c.slug, k.day, k.recipient, k.box, k.key_check FROM day_key_copy k JOIN camera c "
            "ON c.id = k.camera_id WHERE k.recipient = ? AND (c.slug, k.day) > (?, ?) ORDER BY c.slug, k.day LIMIT ?",
            (request.recipient, request.camera, request.day, PAGE),
        )
        return Copies(tuple(SealedCopy(*row) for row in rows.fetchall()))

    def ask_key(self, request: AskKey) -> KeyAsk:
        grant = self._opener.open(request.grant)
        row = (
            self._index.read()
            .execute(
                "SELECT s.camera_id, g.day, g.start_us, g.dur_us FROM segment g JOIN stream s ON s.id = g.stream_id "
                "JOIN camera c ON c.id = s.camera_id WHERE g.id = ? AND c.slug = ? AND s.kind = ?",
                (request.segment, request.camera, request.stream),
            )
            .fetchone()
        )
        start_us, end_us = (grant.from_us, grant.from_us) if row is None else (row[2], row[2] + row[3])
        action = Action(request.action) if request.action in list(Action) else Action.PLAYBACK
        grant.require(
            action,
            request.camera,
            now_us=self._clock.now_us(),
            start_us=min(max(start_us, grant.from_us), end_us),
            end_us=max(min(end_us, grant.to_us), start_us),
        )
        if row is None:
            raise NotFound("This footage is not there any more.", advice="Ask for the timeline again.")
        camera_id, day = row[0], row[1]
        copies = (
            self._index.read()
            .execute(
                "SELECT recipient, box, key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, day)
            )
            .fetchall()
        )
        return KeyAsk(
            self._box,
            request.camera,
            day,
            self._keyring.released.get(grant.id, camera_id, day) is not None,
            tuple(SealedCopy(request.camera, day, *copy) for copy in copies),
            self._release_public,
        )

    def release_key(self, request: ReleaseKey) -> Answer:
        grant = self._opener.open(request.grant)
        camera_id = self._camera_ids().get(request.camera)
        if request.camera not in grant.cameras or camera_id is None:
            raise Refused("This access does not cover the camera of the key.", advice="Ask for access that does.")
        key = open_box(request.box, self._release_private, release_info(grant.id, request.camera, request.day))
        checks = self._index.read().execute(
            "SELECT key_check FROM day_key_copy WHERE camera_id = ? AND day = ?", (camera_id, request.day)
        )
        if check_of(key) not in {check for (check,) in checks.fetchall()}:
            raise SealBroken(
                "The hub released another key than that of this day.", advice="Run `belvedere site check`."
            )
        self._keyring.released.put(grant.id, camera_id, request.day, key, grant.expires_us)
        return Answer()

    def prove(self, request: ProveSegment) -> SegmentProof:
        return self.roots.prove(self._box, request.camera, request.stream, request.at_us)

    def document(self, _request: GetDocument) -> SiteDocument:
        known = known_recipients(self._index.read())
        hub = next((each for each in known.recipients if each.role == HUB), None) if known is not None else None
        if hub is None:
            raise NotFound("This site knows no hub that its document could be sealed for.", advice="Start the hub.")
        plain = site_document(self._index, self._cameras, self._settings)
        sealed = shut(plain, hub.public_key, document_info(self._box))
        return SiteDocument(self._box, sealed, hashlib.sha256(plain).digest())

    def _mine(self, box: str) -> None:
        if box != self._box:
            raise Refused("These words about keys are for another recorder.", advice="Ask again.")

    def _camera_ids(self) -> dict[str, int]:
        return dict(self._index.read().execute("SELECT slug, id FROM camera").fetchall())


_DROP_LEAVES = """
DELETE FROM segment_gone WHERE id IN (
    SELECT x.id FROM segment_gone x JOIN stream s ON s.id = x.stream_id
    JOIN day_root r ON r.camera_id = s.camera_id AND r.day = x.start_us / 86400000000
    WHERE r.deleted = r.leaves AND r.acknowledged_us IS NOT NULL AND r.made_us < :before_us
      AND r.version = (SELECT max(version) FROM day_root n WHERE n.camera_id = r.camera_id AND n.day = r.day)
    LIMIT 5000)
"""
