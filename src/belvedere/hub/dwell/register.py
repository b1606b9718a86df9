"""The register of long looks: who went on looking, where, and on what ground. Blocking; call it in a thread."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, RowMapping, func, insert, select, update

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, Clock, iso
from belvedere.foundation.errors import BadInput, NotFound, Refused
from belvedere.foundation.ids import new_id
from belvedere.hub.dwell.tables import dwell_note
from belvedere.hub.storage.engine import reading, writing

IMMEDIATE, RIPA = "immediate", "ripa"
PAGE = 200
_LEAST_WORDS = 10
_LONGEST_AUTHORISATION_US = 93 * DAY_US  # directed surveillance is authorised for three months (RIPA 2000, section 43)
# An immediate response is a matter of minutes: so many notes about one camera in so long, then it takes an authorisation.
_MOST_NOTES = 3
_NOTES_US = 4 * HOUR_US


@dataclass(frozen=True, slots=True)
class Note:
    """One line. `kind`: immediate (a response to what happened just now) or ripa (an authorisation with a number)."""

    id: str
    account_id: str
    grant_id: str
    kind: str
    cameras: tuple[str, ...]
    number: str
    text: str
    held_us: int
    made_us: int
    until_us: int
    ended_us: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person says when asked. `until_us` is for an authorisation: when it expires."""

    kind: str
    text: str
    number: str = ""
    until_us: int | None = None


class LookRegister:
    def __init__(self, engine: Engine, clock: Clock, note_minutes: int) -> None:
        self._engine = engine
        self._clock = clock
        self._note_us = note_minutes * MINUTE_US

    def prepare(self, account_id: str, grant_id: str, cameras: tuple[str, ...], held_us: int, answer: Answer) -> Note:
        """The line that this answer makes, checked, not yet kept. Raises BadInput, Refused."""
        now_us = self._clock.now_us()
        text, number = " ".join(answer.text.split()), " ".join(answer.number.split())
        if answer.kind == RIPA:
            if not 3 <= len(number) <= 64:
                raise BadInput("An authorisation has a number.", advice="Copy it from the authorisation.")
            until_us = answer.until_us or 0
            if not now_us < until_us <= now_us + _LONGEST_AUTHORISATION_US:
                raise BadInput("An authorisation expires, within three months.", advice="Give the date that it names.")
        elif answer.kind == IMMEDIATE:
            if len(text) < _LEAST_WORDS:
                raise BadInput("Say what you respond to.", advice=f"{_LEAST_WORDS} letters or more: it is kept.")
            number, until_us = "", now_us + self._note_us
            self._require_few(account_id, cameras, now_us)
        else:
            raise BadInput(f"There is no kind {answer.kind!r}.", advice="Choose immediate or ripa.")
        note_id = new_id("note", self._clock)
        return Note(
            note_id, account_id, grant_id, answer.kind, cameras, number, text[:4_000], held_us, now_us, until_us, None
        )

    def _require_few(self, account_id: str, cameras: tuple[str, ...], now_us: int) -> None:
        mine = (dwell_note.c.account_id == account_id, dwell_note.c.kind == IMMEDIATE)
        query = select(dwell_note.c.cameras).where(*mine, dwell_note.c.made_us > now_us - _NOTES_US)
        with reading(self._engine) as connection:
            made = [set(each) for each in connection.scalars(query)]
        if sum(1 for each in made if each & set(cameras)) >= _MOST_NOTES:
            raise Refused(
                f"{_MOST_NOTES} notes about this place in {_NOTES_US // HOUR_US} hours: that is no immediate response any more.",
                advice="Get an authorisation (RIPA) and give its number, or open a case for the incident.",
            )

    def keep(self, note: Note) -> None:
        """Keep a line that is in the log."""
        values = {name: getattr(note, name) for name in Note.__dataclass_fields__} | {"cameras": list(note.cameras)}
        with writing(self._engine) as connection:
            connection.execute(insert(dwell_note).values(**values))

    def end(self, note_id: str) -> Note:
        """End a line before its time. Raises NotFound."""
        with writing(self._engine) as connection:
            row = connection.execute(select(dwell_note).where(dwell_note.c.id == note_id)).mappings().one_or_none()
            if row is None:
                raise NotFound("The register has no such line.", advice="Reload the page.")
            is_open = dwell_note.c.ended_us.is_(None)
            now_us = self._clock.now_us()
            connection.execute(update(dwell_note).where(dwell_note.c.id == note_id, is_open).values(ended_us=now_us))
        return _note(row)

    def in_force(self) -> list[Note]:
        """Lines that cover a look now."""
        query = select(dwell_note).where(dwell_note.c.until_us > self._clock.now_us(), dwell_note.c.ended_us.is_(None))
        with reading(self._engine) as connection:
            return [_note(row) for row in connection.execute(query).mappings()]

    def lines(self, *, kind: str = "", before: str = "", limit: int = PAGE) -> list[Note]:
        """The newest lines, those below id `before` if given."""
        query = select(dwell_note)
        if kind:
            query = query.where(dwell_note.c.kind == kind)
        if before:
            query = query.where(dwell_note.c.id < before)
        with reading(self._engine) as connection:
            return [
                _note(row) for row in connection.execute(query.order_by(dwell_note.c.id.desc()).limit(limit)).mappings()
            ]

    def count(self) -> int:
        with reading(self._engine) as connection:
            return connection.scalar(select(func.count()).select_from(dwell_note)) or 0


def sheet(lines: list[tuple[str, Note]]) -> str:
    """Lines as CSV (RFC 4180), each with the person's pseudonym. A cell can't begin a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["line", "kind", "person", "made", "until", "ended", "number", "cameras", "held_minutes", "words"])
    for person, note in lines:
        ended = "" if note.ended_us is None else iso(note.ended_us)
        cells = [note.id, note.kind, person, iso(note.made_us), iso(note.until_us), ended, note.number]
        cells += [" ".join(note.cameras), str(note.held_us // MINUTE_US), note.text]
        writer.writerow([f"'{cell}" if cell[:1] in "=+-@\t\r" and cell else cell for cell in cells])
    return out.getvalue()


def _note(row: RowMapping) -> Note:
    fields: dict[str, Any] = {name: row[name] for name in Note.__dataclass_fields__}
    return Note(**fields | {"cameras": tuple(row["cameras"])})
