"""What the database holds of cards. Every call blocks."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, insert, select, update

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, NotFound
from belvedere.hub.cards.tables import site_card as card_table
from belvedere.hub.cards.tables import site_card_entry as entry_table
from belvedere.hub.custody.tables import site_box
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.card import SITE_CARD, CardEntry
from belvedere.link.custody import Recipient

USED, REVOKED = "used", "revoked"


@dataclass(frozen=True, slots=True)
class SiteCard:
    """One card. Fields: see `tables.site_card`."""

    id: str
    site_id: str
    first_key: bytes
    public_key: bytes
    sealed_private: bytes
    sealed_grant: bytes
    grant_id: str
    made_by: str
    maker: str
    made_us: int
    confirmed_by: str
    confirmer: str
    confirmed_us: int | None
    expires_us: int
    ended_us: int | None
    ended_why: str

    def state(self, now_us: int) -> str:
        """waiting (for the second person), in_force, used, revoked, lapsed."""
        if self.ended_us is not None:
            return self.ended_why
        if now_us >= self.expires_us:
            return "lapsed"
        return "waiting" if self.confirmed_us is None else "in_force"


@dataclass(frozen=True, slots=True)
class KeptEntry:
    """What a box wrote. `fault`: why it is not to be trusted, "" where it is."""

    box: str
    entry: CardEntry
    fault: str


class CardBook:
    """Reads and writes; decides nothing."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def all(self, site: str = "") -> list[SiteCard]:
        """Cards, newest first."""
        return self._cards(card_table.c.site_id == site if site else card_table.c.id != "")

    def card(self, card_id: str) -> SiteCard:
        """One. Raises NotFound."""
        found = self._cards(card_table.c.id == card_id)
        if not found:
            raise NotFound("There is no such card.", advice="Look at the list.")
        return found[0]

    def in_force(self, site: str) -> list[SiteCard]:
        """Cards that open footage at a site, oldest first."""
        now_us = self._clock.now_us()
        return [card for card in reversed(self.all(site)) if card.state(now_us) == "in_force"]

    def recipients(self, site: str) -> tuple[Recipient, ...]:
        """For whom a site's keys are sealed beside the hub and the officers."""
        return tuple(Recipient(SITE_CARD, f"card {card.id[-6:]}", card.public_key) for card in self.in_force(site))

    def _cards(self, which: ColumnElement[bool]) -> list[SiteCard]:
        query = select(card_table).where(which).order_by(card_table.c.made_us.desc(), card_table.c.id.desc())
        with reading(self._engine) as connection:
            return [SiteCard(**row) for row in connection.execute(query).mappings()]

    def add(self, card: SiteCard) -> None:
        """A first person began it."""
        with writing(self._engine) as connection:
            values = {name: getattr(card, name) for name in SiteCard.__slots__}
            connection.execute(insert(card_table).values(**values))

    def confirm(self, card_id: str, **values: object) -> None:
        """A second person finished it. Raises Conflict when somebody did."""
        mine = (card_table.c.id == card_id) & card_table.c.confirmed_us.is_(None) & card_table.c.ended_us.is_(None)
        with writing(self._engine) as connection:
            if connection.execute(update(card_table).where(mine).values(**values)).rowcount != 1:
                raise Conflict("This card does not wait for anybody.", advice="Look at the list.")

    def end(self, card_id: str, why: str) -> bool:
        """It opens nothing any more. False: it had ended."""
        mine = (card_table.c.id == card_id) & card_table.c.ended_us.is_(None)
        with writing(self._engine) as connection:
            done = update(card_table).where(mine).values(ended_us=self._clock.now_us(), ended_why=why)
            return connection.execute(done).rowcount == 1

    # What sites wrote.

    def entries(self, site: str) -> list[KeptEntry]:
        """Entries of a site that are here, in the order of their coming."""
        query = select(entry_table).where(entry_table.c.site_id == site).order_by(entry_table.c.number)
        found: list[KeptEntry] = []
        with reading(self._engine) as connection:
            for row in connection.execute(query).mappings():
                box = row["box"] or (found[-1].box if found else "")  # the first version left it out of some
                number = _number(row["record"], row["number"])
                entry = CardEntry(number, row["time_us"], row["salt"], row["record"], row["checkpoint"])
                found.append(KeptEntry(box, entry, row["fault"]))
        return found

    def keep(self, connection: Connection, site: str, place: int, kept: KeptEntry, audit_index: int) -> None:
        """Keep an entry as the site's `place`th, within a transaction."""
        row = {name: getattr(kept.entry, name) for name in CardEntry.__struct_fields__} | {"number": place}
        connection.execute(
            insert(entry_table).values(**row, site_id=site, box=kept.box, fault=kept.fault, audit_index=audit_index)
        )

    def told(self, site: str) -> Sequence[str]:
        """Bodies of the records about cards that a site's outbox brought, in order."""
        mine = (site_record.c.site_id == site) & (site_record.c.kind == SITE_CARD)
        order = (site_record.c.received_us, site_record.c.seq)
        with reading(self._engine) as connection:
            return list(connection.scalars(select(site_record.c.body).where(mine).order_by(*order)))

    def telling(self) -> list[str]:
        """Sites whose outbox brought any."""
        query = select(site_record.c.site_id).where(site_record.c.kind == SITE_CARD).distinct()
        with reading(self._engine) as connection:
            return sorted(connection.scalars(query))

    def box_key(self, box: str, site: str) -> bytes | None:
        """The public key of a site's box; None for one that was never met."""
        query = select(site_box.c.public_key).where(site_box.c.id == box, site_box.c.site_id == site)
        with reading(self._engine) as connection:
            found = connection.scalar(query)
        return None if found is None else bytes(found)


class _Numbered(msgspec.Struct):
    index: int


def _number(record: bytes, otherwise: int) -> int:
    """The number that a box gave its entry."""
    try:
        return msgspec.json.decode(record, type=_Numbered).index
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return otherwise
