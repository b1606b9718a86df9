"""A box that was stolen, or that was disposed of: what it could open, and how it is shut out."""

import base64
import binascii
from dataclasses import dataclass

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Engine, delete, select, update

from belvedere.foundation.clock import DAY_US, Clock, iso
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.hub.custody.tables import camera_day, camera_day_copy, site_box
from belvedere.hub.custody.vault import forget_deleted
from belvedere.hub.storage.acts import NoteAct
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.custody import CERTIFICATE_PREFIX


@dataclass(frozen=True, slots=True)
class Exposure:
    """What whoever holds a box and gets past its disk can open. Computed from what the box told, so nothing it did not
    tell is left out: a camera-day counts as open until the box said that it forgot the key."""

    box: str
    site: str
    seen_us: int
    open_days: tuple[tuple[str, int], ...]  # camera, day
    shut_days: int  # sealed: they need the hub or two officers
    held_keys: int  # of held segments, which stay on the box
    untold_days: tuple[int, int] | None  # first and last day of which the box may have recorded and not told

    def lines(self) -> list[str]:
        """The report, for people."""
        lines = [
            f"Box {self.box} of site {self.site}, last heard of {iso(self.seen_us)}.",
            f"Open to whoever reads its disk: {len(self.open_days)} camera-days.",
        ]
        by_day: dict[int, list[str]] = {}
        for camera, day in self.open_days:
            by_day.setdefault(day, []).append(camera)
        lines += [f"  {_date(day)}: {', '.join(sorted(cameras))}" for day, cameras in sorted(by_day.items())]
        if self.untold_days is not None:
            first, last = self.untold_days
            lines.append(
                f"Also open: whatever it recorded from {_date(first)} to {_date(last)} without telling the hub."
            )
        if self.held_keys:
            lines.append(f"Also open: {self.held_keys} held segments, whose keys stay on the box.")
        lines.append(f"Shut: {self.shut_days} camera-days, whose keys only the hub or two officers can open.")
        lines.append("Every camera password of this site was on the box: change them all on the cameras.")
        lines.append("The hub's signing key and its wrapping key were not on the box, unless the hub ran on it too.")
        return lines


def _date(day: int) -> str:
    return iso(day * DAY_US)[:10]


class LossDesk:
    """Blocking."""

    def __init__(self, engine: Engine, clock: Clock, note: NoteAct) -> None:
        self._engine = engine
        self._clock = clock
        self._note = note

    def exposure(self, site: str, box: str = "") -> Exposure:
        """What a box of `site` exposes: the one heard of last, unless `box` names it. Raises NotFound."""
        query = select(site_box).where(site_box.c.site_id == site, site_box.c.disposed_us.is_(None))
        if box:
            query = query.where(site_box.c.id == box)
        with reading(self._engine) as connection:
            row = connection.execute(query.order_by(site_box.c.seen_us.desc()).limit(1)).one_or_none()
            if row is None:
                raise NotFound(f"The hub knows no box of the site {site}.", advice="Check the site's name.")
            days = connection.execute(
                select(camera_day.c.camera, camera_day.c.day, camera_day.c.forgotten_us).where(
                    camera_day.c.box == row.id,
                    camera_day.c.destroyed_us.is_(None),
                    camera_day.c.day >= 0,  # below: held segments, which the box counts itself
                )
            ).all()
        seen, today = row.seen_us // DAY_US, self._clock.now_us() // DAY_US
        return Exposure(
            row.id,
            site,
            row.seen_us,
            tuple(sorted((each.camera, each.day) for each in days if each.forgotten_us is None)),
            sum(each.forgotten_us is not None for each in days),
            row.held_keys,
            (seen, today) if today >= seen else None,
        )

    def lost(self, exposure: Exposure, *, erase: bool) -> None:
        """Shut a box out for good. `erase`: destroy the hub's copies of its keys too, so that only the box's own disk,
        and two officers with it, could open what it holds. Raises Conflict when it was done already."""
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            done = connection.execute(
                update(site_box)
                .where(site_box.c.id == exposure.box, site_box.c.lost_us.is_(None))
                .values(lost_us=now_us)
            )
            if not done.rowcount:
                raise Conflict("This box was reported lost before.", advice="Nothing more is to be done here.")
            erased = 0
            if erase:
                erased = connection.execute(
                    delete(camera_day_copy).where(camera_day_copy.c.box == exposure.box)
                ).rowcount
            facts = {
                "site": exposure.site,
                "box": exposure.box,
                "seen_us": exposure.seen_us,
                "open_days": len(exposure.open_days),
                "shut_days": exposure.shut_days,
                "held_keys": exposure.held_keys,
                "copies_erased": erased,
            }
            self._note(connection, "site.lost", facts)
        if erase:
            forget_deleted(self._engine)

    def disposed(self, certificate: bytes) -> dict[str, object]:
        """Take in a certificate of disposal, and destroy what the hub keeps of that box's keys; returns what it says.

        Raises BadInput when it is not signed by the box it names, NotFound for a box that the hub never met.
        """
        try:
            outer = msgspec.json.decode(certificate, type=dict[str, str])
            words, signature = outer["words"].encode(), base64.b64decode(outer["signature"], validate=True)
            said = msgspec.json.decode(words, type=dict[str, object])
            box = str(said["box"])
        except (msgspec.MsgspecError, KeyError, AttributeError, binascii.Error, ValueError) as error:
            raise BadInput("This is no certificate of disposal.", advice="Give what the box wrote.") from error
        now_us = self._clock.now_us()
        with writing(self._engine) as connection:
            key = connection.scalar(select(site_box.c.public_key).where(site_box.c.id == box))
            if key is None:
                raise NotFound(
                    "The hub never met the box of this certificate.", advice="Check which hub it belongs to."
                )
            try:
                Ed25519PublicKey.from_public_bytes(key).verify(signature, CERTIFICATE_PREFIX + words)
            except InvalidSignature as error:
                raise BadInput("The box did not sign this certificate.", advice="Do not rely on it.") from error
            connection.execute(update(site_box).where(site_box.c.id == box).values(disposed_us=now_us))
            connection.execute(delete(camera_day_copy).where(camera_day_copy.c.box == box))
            connection.execute(
                update(camera_day)
                .where(camera_day.c.box == box, camera_day.c.destroyed_us.is_(None))
                .values(destroyed_us=now_us)
            )
            self._note(connection, "site.disposed", said)
        forget_deleted(self._engine)
        return said
