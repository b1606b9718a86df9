"""Partners, their keys, and the numbers that they used once, as rows. Blocking; call it in a thread from async code."""

from dataclasses import dataclass

import msgspec
from sqlalchemy import Engine, RowMapping, delete, insert, select, update

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.errors import NotFound
from belvedere.hub.federation.policy import OFF, PartnerPolicy
from belvedere.hub.federation.signing import key_id
from belvedere.hub.federation.tables import (
    federation_nonce,
    federation_partner,
    federation_partner_key,
)
from belvedere.hub.federation.words import PartnerDocument
from belvedere.hub.storage import reading, writing

OVERLAP_US = 7 * DAY_US  # an old key counts for so long after the new one was told


@dataclass(frozen=True, slots=True)
class Partner:
    """Another controller's hub. `our_key`: the newest key of ours that it has acknowledged."""

    id: str
    controller: str
    contact: str
    address: str
    authority: bytes
    fingerprint: str
    document: bytes
    added_us: int
    added_by: str
    confirmed_by: str
    policy: PartnerPolicy
    our_key: str
    revoked_us: int | None
    revoked_by: str
    reason: str
    heard_us: int | None
    fault: str


class PartnerBook:
    """Rows of partners."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Partner]:
        """Every partner there ever was, by name."""
        query = select(federation_partner).order_by(federation_partner.c.controller, federation_partner.c.id)
        with reading(self._engine) as connection:
            return [_partner(row) for row in connection.execute(query).mappings()]

    def find(self, partner_id: str) -> Partner | None:
        """One partner, revoked or not."""
        query = select(federation_partner).where(federation_partner.c.id == partner_id)
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _partner(row)

    def get(self, partner_id: str) -> Partner:
        """One partner. Raises NotFound."""
        found = self.find(partner_id)
        if found is None:
            raise NotFound("There is no such partner.", advice="Look at the list of partners.")
        return found

    def put(
        self,
        document: PartnerDocument,
        signed: bytes,
        fingerprint: str,
        by: str,
        confirmed_by: str,
        our_key: str,
        now_us: int,
    ) -> Partner:
        """Add a partner, or take a new document of one. One that was revoked begins anew: no old key, a policy that is off."""
        values: dict[str, object] = {
            "controller": document.controller,
            "contact": document.contact,
            "address": document.address,
            "authority": document.authority,
            "fingerprint": fingerprint,
            "document": signed,
            "added_us": now_us,
            "added_by": by,
            "confirmed_by": confirmed_by,
            "our_key": our_key,
            "fault": "",
        }
        fresh = {
            "policy": msgspec.to_builtins(OFF),
            "revoked_us": None,
            "revoked_by": "",
            "reason": "",
            "heard_us": None,
        }
        mine, theirs = federation_partner.c.id == document.hub, federation_partner_key.c.partner_id == document.hub
        with writing(self._engine) as connection:
            before = connection.execute(select(federation_partner.c.revoked_us).where(mine)).one_or_none()
            if before is None:
                connection.execute(insert(federation_partner).values(id=document.hub, **values, **fresh))
            elif before.revoked_us is not None:
                connection.execute(update(federation_partner).where(mine).values(**values, **fresh))
            else:
                connection.execute(update(federation_partner).where(mine).values(**values))
            connection.execute(delete(federation_partner_key).where(theirs))
            key = {"partner_id": document.hub, "key_id": key_id(document.key), "public_key": document.key}
            connection.execute(insert(federation_partner_key).values(**key, from_us=now_us, until_us=None))
        return self.get(document.hub)

    def change(self, partner_id: str, **values: object) -> None:
        """Change columns of one."""
        policy = values.get("policy")
        if isinstance(policy, PartnerPolicy):
            values["policy"] = msgspec.to_builtins(policy)
        with writing(self._engine) as connection:
            connection.execute(update(federation_partner).where(federation_partner.c.id == partner_id).values(**values))

    def public_key(self, partner_id: str, key: str, now_us: int) -> bytes | None:
        """The public key with this id, if the partner signs with it now."""
        query = select(federation_partner_key).where(
            federation_partner_key.c.partner_id == partner_id, federation_partner_key.c.key_id == key
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None or (row.until_us is not None and row.until_us <= now_us):
            return None
        return bytes(row.public_key)

    def keys_of_partners(self, now_us: int) -> dict[str, list[tuple[str, bytes]]]:
        """Key id -> partners that sign with it now, with its public half; none that was revoked."""
        theirs = federation_partner_key.c
        query = select(theirs.key_id, theirs.partner_id, theirs.public_key).join(
            federation_partner, federation_partner.c.id == theirs.partner_id
        )
        alive = theirs.until_us.is_(None) | (theirs.until_us > now_us)
        found: dict[str, list[tuple[str, bytes]]] = {}
        with reading(self._engine) as connection:
            for row in connection.execute(query.where(alive, federation_partner.c.revoked_us.is_(None))):
                found.setdefault(row.key_id, []).append((row.partner_id, bytes(row.public_key)))
        return found

    def owner_of(self, key: str, now_us: int) -> tuple[Partner, bytes] | None:
        """Whose key this is now, and its public half; also of a partner that was revoked."""
        query = select(federation_partner_key.c.partner_id).where(federation_partner_key.c.key_id == key)
        with reading(self._engine) as connection:
            owners = list(connection.scalars(query))
        for owner in owners:
            public, found = self.public_key(owner, key, now_us), self.find(owner)
            if public is not None and found is not None:
                return found, public
        return None

    def add_key(self, partner_id: str, public_key: bytes, now_us: int) -> bool:
        """Take a partner's next key; the ones before count for OVERLAP_US more. Whether it is new."""
        table, made = federation_partner_key, key_id(public_key)
        with writing(self._engine) as connection:
            mine = table.c.partner_id == partner_id
            if connection.execute(select(table.c.key_id).where(mine, table.c.key_id == made)).first() is not None:
                return False
            connection.execute(
                update(table).where(mine, table.c.until_us.is_(None)).values(until_us=now_us + OVERLAP_US)
            )
            key = {"partner_id": partner_id, "key_id": made, "public_key": public_key}
            connection.execute(insert(table).values(**key, from_us=now_us, until_us=None))
        return True

    def use_nonce(self, partner_id: str, nonce: str, now_us: int, keep_us: int) -> bool:
        """Note a number that is used once; whether this was its first use. Those older than `keep_us` are forgotten."""
        table = federation_nonce
        with writing(self._engine) as connection:
            connection.execute(delete(table).where(table.c.at_us < now_us - keep_us))
            mine = (table.c.partner_id == partner_id) & (table.c.nonce == nonce)
            if connection.execute(select(table.c.nonce).where(mine)).first() is not None:
                return False
            connection.execute(insert(table).values(partner_id=partner_id, nonce=nonce, at_us=now_us))
        return True


def _partner(row: RowMapping) -> Partner:
    return Partner(**{**row, "policy": msgspec.convert(row["policy"], PartnerPolicy)})
