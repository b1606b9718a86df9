"""What boxes told of their keys and roots, as the hub keeps it. Blocking."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Engine, Table, and_, delete, func, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import NotFound, Refused, SealBroken
from belvedere.hub.cards.tables import site_card
from belvedere.hub.custody.tables import camera_day, camera_day_copy, camera_day_root, site_box
from belvedere.hub.custody.vault import Vault, forget_deleted
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.card import SITE_CARD
from belvedere.link.custody import (
    Acknowledgement,
    Custody,
    CustodyState,
    DayRoot,
    KeyNote,
    NewCopy,
    Recipient,
    SealedCopy,
    SiteDocument,
    document_info,
)
from belvedere.media.keybox import CameraDay, check_of, recipient_name, recipient_of, shut

REWRAPPED_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Box:
    """A recorder that the hub knows."""

    id: str
    site: str
    public_key: bytes
    first_us: int
    seen_us: int
    local_days: int
    held_keys: int
    lost_us: int | None
    disposed_us: int | None


class Ledger:
    """Thread-safe through the database."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock

    # Boxes.

    def boxes(self, site: str | None = None) -> list[Box]:
        """Boxes, newest contact first."""
        query = select(site_box).order_by(site_box.c.seen_us.desc())
        if site is not None:
            query = query.where(site_box.c.site_id == site)
        with reading(self._engine) as connection:
            return [
                Box(
                    row.id,
                    row.site_id,
                    row.public_key,
                    row.first_us,
                    row.seen_us,
                    row.local_days,
                    row.held_keys,
                    row.lost_us,
                    row.disposed_us,
                )
                for row in connection.execute(query)
            ]

    def trusted(self, box: str) -> None:
        """Raise Refused when a box was reported lost or disposed of."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(site_box.c.lost_us, site_box.c.disposed_us).where(site_box.c.id == box)
            ).one_or_none()
        if row is not None and (row.lost_us is not None or row.disposed_us is not None):
            what = "reported lost" if row.lost_us is not None else "disposed of"
            raise Refused(
                f"This recorder was {what}: no key is released to it.",
                advice="If it is back in good hands, set it up anew: `belvedere site install`.",
            )

    def met(self, site: str, state: CustodyState) -> None:
        """Note that a box answered. Raises Refused: it was reported lost, or shows another public key than before."""
        self.trusted(state.box)
        now_us = self._clock.now_us()
        values = {
            "seen_us": now_us,
            "local_days": state.local_days,
            "other_copies": state.other_copies,
            "held_keys": state.held_keys,
        }
        with writing(self._engine) as connection:
            known = connection.scalar(select(site_box.c.public_key).where(site_box.c.id == state.box))
            if known is None:
                connection.execute(
                    insert(site_box).values(
                        id=state.box, site_id=site, public_key=state.box_key, first_us=now_us, **values
                    )
                )
            elif known != state.box_key:
                raise Refused(
                    "A recorder shows another key than before.",
                    advice="Find out why before trusting it: `belvedere site lost` shuts it out.",
                )
            else:
                connection.execute(update(site_box).where(site_box.c.id == state.box).values(**values))

    # What a box tells.

    def take_copies(self, custody: Custody) -> tuple[tuple[str, int, str, bytes], ...]:
        """Keep sealed copies durably; returns what to acknowledge. A copy that should open here and does not is left out."""
        kept: list[tuple[str, int, str, bytes]] = []
        now_us = self._clock.now_us()
        good = [copy for copy in custody.copies if self._sound(custody.box, copy)]
        with writing(self._engine) as connection:
            for copy in good:
                self._keep(connection, custody.box, copy, now_us)
                kept.append((copy.camera, copy.day, copy.recipient, hashlib.sha256(copy.box).digest()))
        return tuple(kept)

    def _sound(self, box: str, copy: SealedCopy) -> bool:
        """Whether a copy is what it says. One for the hub is opened: what can't be opened must not be relied upon."""
        try:
            if recipient_of(copy.box) != copy.recipient:
                return False
            if not self._vault.has(copy.recipient):
                return True  # the officers'
            key = self._vault.open(copy.box, CameraDay(box, copy.camera, copy.day).info())
        except SealBroken:
            return False
        return check_of(key) == copy.key_check

    def _keep(self, connection: Connection, box: str, copy: SealedCopy, now_us: int) -> None:
        here = _at(camera_day, box, copy.camera, copy.day)
        known = connection.scalar(select(camera_day.c.key_check).where(here))
        if known is not None and known != copy.key_check:  # a new key after the old one was destroyed
            connection.execute(delete(camera_day_copy).where(_at(camera_day_copy, box, copy.camera, copy.day)))
            connection.execute(delete(camera_day).where(here))
            known = None
        if known is None:
            connection.execute(
                insert(camera_day).values(
                    box=box, camera=copy.camera, day=copy.day, key_check=copy.key_check, told_us=now_us
                )
            )
        mine = and_(_at(camera_day_copy, box, copy.camera, copy.day), camera_day_copy.c.recipient == copy.recipient)
        connection.execute(delete(camera_day_copy).where(mine))
        connection.execute(
            insert(camera_day_copy).values(
                box=box, camera=copy.camera, day=copy.day, recipient=copy.recipient, sealed=copy.box, kept_us=now_us
            )
        )

    def take_notes(self, box: str, notes: Sequence[KeyNote]) -> None:
        """Keys that a box forgot or destroyed. The hub's copies of a destroyed key are destroyed here too."""
        destroyed = False
        with writing(self._engine) as connection:
            for note in notes:
                here = _at(camera_day, box, note.camera, note.day)
                if note.what == "destroyed":
                    destroyed = True
                    connection.execute(delete(camera_day_copy).where(_at(camera_day_copy, box, note.camera, note.day)))
                    connection.execute(
                        update(camera_day).where(here).values(destroyed_us=note.at_us, forgotten_us=note.at_us)
                    )
                else:
                    connection.execute(update(camera_day).where(here).values(forgotten_us=note.at_us))
        if destroyed:
            forget_deleted(self._engine)

    def new_roots(self, box: str, roots: Sequence[DayRoot]) -> list[DayRoot]:
        """Those that are not here yet."""
        with reading(self._engine) as connection:
            return [
                root
                for root in roots
                if connection.scalar(
                    select(camera_day_root.c.version).where(
                        _at(camera_day_root, box, root.camera, root.day), camera_day_root.c.version == root.version
                    )
                )
                is None
            ]

    def take_roots(self, box: str, roots: Sequence[DayRoot], audit_index: int) -> None:
        """Keep roots that stand in the log."""
        with writing(self._engine) as connection:
            for root in roots:
                connection.execute(
                    insert(camera_day_root).values(
                        box=box,
                        camera=root.camera,
                        day=root.day,
                        version=root.version,
                        leaves=root.leaves,
                        deleted=root.deleted,
                        root=root.root,
                        made_us=root.made_us,
                        audit_index=audit_index,
                    )
                )

    def root_entry(self, box: str, camera: str, day: int, version: int) -> int:
        """The log entry that names a root. Raises NotFound."""
        with reading(self._engine) as connection:
            found = connection.scalar(
                select(camera_day_root.c.audit_index).where(
                    _at(camera_day_root, box, camera, day), camera_day_root.c.version == version
                )
            )
        if found is None:
            raise NotFound("This root is not in the hub's log yet.", advice="Try again in a minute.")
        return int(found)

    # The configuration document.

    def keep_document(self, document: SiteDocument) -> bool:
        """Keep a box's document when it, or the key that it is sealed for, is another than before. True: it was kept."""
        here = site_box.c.id == document.box
        with writing(self._engine) as connection:
            row = connection.execute(select(site_box.c.document, site_box.c.document_sha256).where(here)).one_or_none()
            if row is None or (
                row.document_sha256 == document.sha256 and recipient_of(row.document) == recipient_of(document.sealed)
            ):
                return False
            connection.execute(
                update(site_box)
                .where(here)
                .values(document=document.sealed, document_sha256=document.sha256, document_us=self._clock.now_us())
            )
        return True

    def document(self, site: str) -> tuple[str, bytes, int]:
        """The newest document of a site, opened: (box, canonical JSON, when it was kept). Raises NotFound, KeyAway."""
        with reading(self._engine) as connection:
            row = connection.execute(
                select(site_box.c.id, site_box.c.document, site_box.c.document_us)
                .where(site_box.c.site_id == site, site_box.c.document.is_not(None))
                .order_by(site_box.c.document_us.desc())
                .limit(1)
            ).one_or_none()
        if row is None:
            raise NotFound(
                f"The hub holds no configuration document of the site {site}.",
                advice="It is fetched within a minute while hub and site run.",
            )
        return row.id, self._vault.open(row.document, document_info(row.id)), int(row.document_us)

    # Opening and sealing anew.

    def key_of(self, box: str, camera: str, day: int, copies: Sequence[SealedCopy]) -> bytes:
        """The key of a camera-day, from the site's copies or the hub's own. Raises KeyAway, SealBroken, NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(camera_day).where(_at(camera_day, box, camera, day))).one_or_none()
            own = connection.execute(
                select(camera_day_copy.c.recipient, camera_day_copy.c.sealed).where(
                    _at(camera_day_copy, box, camera, day)
                )
            ).all()
        if row is not None and row.destroyed_us is not None:
            raise NotFound("The key of this footage was destroyed.", advice="The footage was deleted for good.")
        boxes = [(each.recipient, each.sealed) for each in own] + [(each.recipient, each.box) for each in copies]
        if not boxes:
            raise NotFound("Nobody holds a key of this camera-day.", advice="Run `belvedere site check`.")
        at_hand = [sealed for name, sealed in boxes if self._vault.has(name)] or [boxes[0][1]]
        key = self._vault.open(at_hand[0], CameraDay(box, camera, day).info())
        if row is not None and check_of(key) != row.key_check:
            raise SealBroken("The key of this camera-day is not the one that was kept.", advice="Tell the DPO.")
        return key

    def lacking(
        self, recipients: Sequence[Recipient], most: int = REWRAPPED_AT_ONCE, box: str = ""
    ) -> list[tuple[str, str, int]]:
        """Camera-days (box, camera, day) that the box has forgotten and that lack a copy for one of `recipients`.

        `box`: only those of this one, because a card is for one site.
        """
        names = [each.name for each in recipients]
        copies = (
            select(func.count())
            .select_from(camera_day_copy)
            .where(
                camera_day_copy.c.box == camera_day.c.box,
                camera_day_copy.c.camera == camera_day.c.camera,
                camera_day_copy.c.day == camera_day.c.day,
                camera_day_copy.c.recipient.in_(names),
            )
            .scalar_subquery()
        )
        query = (
            select(camera_day.c.box, camera_day.c.camera, camera_day.c.day)
            .where(camera_day.c.forgotten_us.is_not(None), camera_day.c.destroyed_us.is_(None), copies < len(names))
            .order_by(camera_day.c.day)
            .limit(most)
        )
        if box:
            query = query.where(camera_day.c.box == box)
        with reading(self._engine) as connection:
            return [(row.box, row.camera, row.day) for row in connection.execute(query)]

    def seal_anew(
        self, box: str, camera: str, day: int, key: bytes, recipients: Sequence[Recipient]
    ) -> tuple[NewCopy, ...]:
        """Copies of `key` for each of `recipients`, not stored yet: see `keep_anew`."""
        info = CameraDay(box, camera, day).info()
        return tuple(NewCopy(camera, day, shut(key, each.public_key, info), check_of(key)) for each in recipients)

    def keep_anew(self, box: str, copies: Sequence[NewCopy], recipients: Sequence[Recipient]) -> None:
        """Store copies that the box has taken in, and drop those for recipients of before."""
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            for copy in copies:
                sealed = SealedCopy(copy.camera, copy.day, recipient_of(copy.box), copy.box, copy.key_check)
                self._keep(connection, box, sealed, now_us)
            self._drop_retired(connection, recipients)
        forget_deleted(self._engine)

    def drop_retired(self, recipients: Sequence[Recipient]) -> int:
        """Drop copies for recipients of before where there is one for each of today's; returns how many."""
        with writing(self._engine) as connection:
            dropped = self._drop_retired(connection, recipients)
        if dropped:
            forget_deleted(self._engine)
        return dropped

    def _drop_retired(self, connection: Connection, recipients: Sequence[Recipient]) -> int:
        """Of all sites. Copies for cards in force stay, whichever site's they are; no other copy stands in for one."""
        names = [each.name for each in recipients if each.role != SITE_CARD]
        now_us = self._clock.now_us()
        live = site_card.c.ended_us.is_(None) & (site_card.c.expires_us > now_us) & (site_card.c.public_key != b"")
        cards = [recipient_name(key) for key in connection.scalars(select(site_card.c.public_key).where(live))]
        other = camera_day_copy.alias("other")
        complete = (
            select(func.count())
            .select_from(other)
            .where(
                other.c.box == camera_day_copy.c.box,
                other.c.camera == camera_day_copy.c.camera,
                other.c.day == camera_day_copy.c.day,
                other.c.recipient.in_(names),
            )
            .scalar_subquery()
        )
        done = connection.execute(
            delete(camera_day_copy).where(camera_day_copy.c.recipient.not_in([*names, *cards]), complete == len(names))
        )
        return int(done.rowcount)


def acknowledgement(
    custody: Custody, copies: tuple[tuple[str, int, str, bytes], ...], roots: Sequence[DayRoot]
) -> Acknowledgement:
    """The words for what the hub took in."""
    return Acknowledgement(
        custody.box,
        copies,
        tuple((root.camera, root.day, root.version) for root in roots),
        tuple((note.camera, note.day, note.what) for note in custody.notes),
    )


def _at(table: Table, box: str, camera: str, day: int) -> ColumnElement[bool]:
    return and_(table.c.box == box, table.c.camera == camera, table.c.day == day)
