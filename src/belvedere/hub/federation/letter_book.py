"""Letters as rows: the outbox, the inbox, and the record of what was said. Blocking; call it in a thread from async code."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.hub.federation.tables import federation_letter
from belvedere.hub.federation.words import Letter, Signed, decode
from belvedere.hub.storage import reading, writing

WAITING, DELIVERED, REFUSED, DROPPED = "waiting", "delivered", "refused", "dropped"
TAKEN, DONE = "taken", "done"
PAGE = 100


@dataclass(frozen=True, slots=True)
class KeptLetter:
    """A letter as it is kept. `signed`: JSON of `Signed`. `receipt`: the same, of who took it."""

    partner_id: str
    outgoing: bool
    id: str
    kind: str
    sha256: str
    signed: bytes
    made_us: int
    state: str
    tries: int
    next_us: int
    fault: str
    done_us: int | None
    receipt: bytes

    @property
    def letter(self) -> Letter:
        """What it says."""
        return decode(decode(self.signed, Signed).words, Letter)


def digest_of(words: bytes) -> str:
    """What a letter is known by in both logs: SHA-256 of its words, hex."""
    return hashlib.sha256(words).hexdigest()


class LetterBook:
    """Rows of letters."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, letter: KeptLetter, *also: Callable[[Connection], object]) -> bool:
        """Keep a letter, and what belongs to it, in one transaction; False where it is there already."""
        values = {each.name: getattr(letter, each.name) for each in fields(KeptLetter)}
        which = _which(letter.partner_id, letter.outgoing, letter.id)
        with writing(self._engine) as connection:
            if connection.execute(select(federation_letter.c.id).where(*which)).first() is not None:
                return False
            connection.execute(insert(federation_letter).values(**values))
            for each in also:
                each(connection)
        return True

    def find(self, partner_id: str, outgoing: bool, letter_id: str) -> KeptLetter | None:
        """One letter."""
        query = select(federation_letter).where(*_which(partner_id, outgoing, letter_id))
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        return None if row is None else _kept(row)

    def change(self, letter: KeptLetter, **values: object) -> None:
        """Change how it stands."""
        which = _which(letter.partner_id, letter.outgoing, letter.id)
        with writing(self._engine) as connection:
            connection.execute(update(federation_letter).where(*which).values(**values))

    def waiting(self) -> list[KeptLetter]:
        """What has to be delivered, in the order in which it was said."""
        return self._list(federation_letter.c.state == WAITING, federation_letter.c.made_us, 1000)

    def taken(self) -> list[KeptLetter]:
        """What was taken in and not acted on yet, in the order in which it was said."""
        return self._list(federation_letter.c.state == TAKEN, federation_letter.c.made_us, 1000)

    def of(self, partner_id: str) -> list[KeptLetter]:
        """The newest letters to and from one partner, newest first."""
        return self._list(federation_letter.c.partner_id == partner_id, federation_letter.c.made_us.desc(), PAGE)

    def count_waiting(self, partner_id: str) -> int:
        """How many wait for one partner."""
        return sum(1 for each in self.waiting() if each.partner_id == partner_id)

    def drop(self, partner_id: str) -> None:
        """Whatever waits for a partner is never sent, whatever it sent is not acted on any more."""
        mine = federation_letter.c.partner_id == partner_id
        with writing(self._engine) as connection:
            unsent = mine & federation_letter.c.state.in_((WAITING, TAKEN))
            connection.execute(update(federation_letter).where(unsent).values(state=DROPPED))

    def hurry(self, partner_id: str = "") -> None:
        """Try again now what waits for this partner, or for all."""
        which = federation_letter.c.state == WAITING
        if partner_id:
            which &= federation_letter.c.partner_id == partner_id
        with writing(self._engine) as connection:
            connection.execute(update(federation_letter).where(which).values(next_us=0))

    def _list(self, which: ColumnElement[bool], order: Any, most: int) -> list[KeptLetter]:
        query = select(federation_letter).where(which).order_by(order, federation_letter.c.id).limit(most)
        with reading(self._engine) as connection:
            return [_kept(row) for row in connection.execute(query).mappings()]


def _which(partner_id: str, outgoing: bool, letter_id: str) -> tuple[ColumnElement[bool], ...]:
    table = federation_letter.c
    return table.partner_id == partner_id, table.outgoing == outgoing, table.id == letter_id


def _kept(row: RowMapping) -> KeptLetter:
    return KeptLetter(**row)
