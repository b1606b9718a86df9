"""What the database holds of enrolments and certificates. Every call blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, RowMapping, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import NotFound
from belvedere.hub.fleet.tables import site_certificate, site_enrolment
from belvedere.hub.storage import reading, writing
from belvedere.hub.storage.acts import NoteAct, nowhere
from belvedere.hub.storage.metadata import site as site_table

IN, REFUSED = "in", "refused"


@dataclass(frozen=True, slots=True)
class Enrolment:
    """One try to bring a site in. Fields: see `tables.site_enrolment`."""

    id: str
    site_id: str
    site_name: str
    made_by: str
    made_us: int
    expires_us: int
    asked_us: int | None
    request: bytes
    fingerprint: str
    address: str
    machine: str
    software: str
    decision: str
    decided_by: str
    decided_us: int | None
    reason: str
    certificate: str

    def state(self, now_us: int) -> str:
        """open, lapsed, waiting (for the second person), in, refused."""
        if self.decision:
            return self.decision
        if self.asked_us is not None:
            return "waiting"
        return "open" if now_us < self.expires_us else "lapsed"


@dataclass(frozen=True, slots=True)
class Certificate:
    """A certificate that this hub issued. `revoked_us` None: it opens the site's doors until it expires."""

    digest: str
    site_id: str
    der: bytes
    fingerprint: str
    issued_us: int
    expires_us: int
    revoked_us: int | None
    revoked_by: str
    reason: str


class FleetBook:
    """Reads and writes; decides nothing."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def add_enrolment(self, enrolment: Enrolment, token_hash: str) -> None:
        """A token was made."""
        values = {name: getattr(enrolment, name) for name in Enrolment.__slots__} | {"token_hash": token_hash}
        with writing(self._engine) as connection:
            connection.execute(insert(site_enrolment).values(**values))

    def enrolments(self) -> list[Enrolment]:
        """All, newest first."""
        query = select(site_enrolment).order_by(site_enrolment.c.made_us.desc(), site_enrolment.c.id.desc())
        with reading(self._engine) as connection:
            return [_enrolment(row) for row in connection.execute(query).mappings()]

    def enrolment(self, enrolment_id: str) -> Enrolment:
        """One. Raises NotFound."""
        return self._one(site_enrolment.c.id == enrolment_id)

    def by_token(self, token_hash: str) -> Enrolment:
        """The one whose token this is. Raises NotFound."""
        return self._one(site_enrolment.c.token_hash == token_hash)

    def asked(self, enrolment_id: str, **values: Any) -> bool:
        """Note the request, unless one is noted or it was decided already. Whether it was noted now."""
        free = site_enrolment.c.asked_us.is_(None) & (site_enrolment.c.decision == "")
        return self._change(free & (site_enrolment.c.id == enrolment_id), values | {"asked_us": self._clock.now_us()})

    def refuse(self, enrolment_id: str, by: str, reason: str) -> bool:
        """Whether it was still to be decided, and is refused now."""
        values = {"decision": REFUSED, "decided_by": by, "decided_us": self._clock.now_us(), "reason": reason}
        return self._change((site_enrolment.c.decision == "") & (site_enrolment.c.id == enrolment_id), values)

    def let_in(self, enrolment: Enrolment, by: str, reason: str, certificate: Certificate) -> bool:
        """Decision, site and certificate at once. Whether it was still to be decided."""
        now_us = self._clock.now_us()
        open_still = (
            (site_enrolment.c.decision == "")
            & (site_enrolment.c.id == enrolment.id)
            & (site_enrolment.c.made_by != by)
            & site_enrolment.c.asked_us.is_not(None)
        )
        values = {
            "decision": IN,
            "decided_by": by,
            "decided_us": now_us,
            "reason": reason,
            "certificate": certificate.digest,
        }
        with writing(self._engine) as connection:
            if connection.execute(update(site_enrolment).where(open_still).values(**values)).rowcount != 1:
                return False
            known = connection.scalar(select(site_table.c.id).where(site_table.c.id == enrolment.site_id))
            if known is None:
                connection.execute(
                    insert(site_table).values(id=enrolment.site_id, name=enrolment.site_name, created_us=now_us)
                )
            connection.execute(insert(site_certificate).values(**_plain(certificate)))
        return True

    def add_certificate(
        self, certificate: Certificate, note: NoteAct = nowhere, facts: Mapping[str, Any] | None = None
    ) -> None:
        """A renewal; or the command line's act, which `note` notes with `facts`."""
        with writing(self._engine) as connection:
            connection.execute(insert(site_certificate).values(**_plain(certificate)))
            note(connection, "site.let_in", facts or {})

    def certificates(self) -> list[Certificate]:
        """All, newest first."""
        query = select(site_certificate).order_by(site_certificate.c.issued_us.desc(), site_certificate.c.digest)
        with reading(self._engine) as connection:
            return [_certificate(row) for row in connection.execute(query).mappings()]

    def certificate(self, digest: str) -> Certificate:
        """One. Raises NotFound."""
        with reading(self._engine) as connection:
            row = connection.execute(select(site_certificate).where(site_certificate.c.digest == digest)).mappings()
            found = row.one_or_none()
        if found is None:
            raise NotFound("There is no such certificate.")
        return _certificate(found)

    def revoke(self, site_id: str, by: str, reason: str) -> int:
        """Revoke all of a site's certificates that are not revoked yet; how many."""
        values = {"revoked_us": self._clock.now_us(), "revoked_by": by, "reason": reason}
        theirs = (site_certificate.c.site_id == site_id) & site_certificate.c.revoked_us.is_(None)
        with writing(self._engine) as connection:
            return connection.execute(update(site_certificate).where(theirs).values(**values)).rowcount

    def site_names(self) -> dict[str, str]:
        """Names of all sites, by id."""
        with reading(self._engine) as connection:
            return {row.id: row.name for row in connection.execute(select(site_table.c.id, site_table.c.name))}

    def _one(self, which: Any) -> Enrolment:
        with reading(self._engine) as connection:
            row = connection.execute(select(site_enrolment).where(which)).mappings().one_or_none()
        if row is None:
            raise NotFound("There is no such enrolment.", advice="Make a new token for the site.")
        return _enrolment(row)

    def _change(self, which: Any, values: dict[str, Any]) -> bool:
        with writing(self._engine) as connection:
            return connection.execute(update(site_enrolment).where(which).values(**values)).rowcount == 1


def _plain(certificate: Certificate) -> dict[str, Any]:
    return {name: getattr(certificate, name) for name in Certificate.__slots__}


def _enrolment(row: RowMapping) -> Enrolment:
    return Enrolment(**{name: row[name] for name in Enrolment.__slots__})


def _certificate(row: RowMapping) -> Certificate:
    return Certificate(**{name: row[name] for name in Certificate.__slots__})
