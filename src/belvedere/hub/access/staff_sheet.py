"""Reading a CSV file of joiners, movers and leavers. Every error of every row is told at once."""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from itertools import pairwise

from belvedere.foundation.errors import BadInput
from belvedere.hub.access.staff import Staff, require_fit

COLUMNS = ("name", "display", "roles", "sites", "shifts", "trained", "spss_number", "spss_expires", "team", "leaves")
_NEEDED = ("name", "roles")
_FIELDS = {"trained": "trained_us", "spss_expires": "spss_expires_us"}
_MOST_ROWS = 20_000
_LONGEST = 4000  # characters of one field


@dataclass(frozen=True, slots=True)
class Sheet:
    """A file's people. `fields`: which of their fields the file tells; the others stay as they are."""

    people: tuple[Staff, ...]
    leavers: frozenset[str]
    fields: frozenset[str]


def read_sheet(text: str) -> Sheet:
    """The people of a CSV file. Raises BadInput naming each wrong row."""
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline=""), strict=True)
    try:
        header = [name.strip().lower() for name in reader.fieldnames or ()]
        reader.fieldnames = header
        unknown = [name for name in header if name not in COLUMNS]
        if unknown or len(set(header)) != len(header) or not set(_NEEDED) <= set(header):
            raise BadInput(
                f"The first line names columns that can't be used: {', '.join(unknown) or 'name or roles is missing'}.",
                advice=f"Use: {', '.join(COLUMNS)}.",
            )
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise BadInput(f"This is no CSV file: {error}.", advice="Save it as CSV, UTF-8.") from error
    if len(rows) > _MOST_ROWS:
        raise BadInput(f"A list has {_MOST_ROWS} people at most.", advice="Split it.")
    people: list[Staff] = []
    leavers: set[str] = set()
    wrong: list[str] = []
    for line, row in rows:
        try:
            person, leaves = _person(row)
            if person.name in {each.name for each in people}:
                raise BadInput(f"{person.name} is in the list twice.")
            people.append(person)
            if leaves:
                leavers.add(person.name)
        except BadInput as error:
            wrong.append(f"line {line}: {error.message}")
    if wrong:
        raise BadInput(
            f"{len(wrong)} of {len(rows)} rows can't be used. {' '.join(wrong[:50])}", advice="Nothing was changed."
        )
    told = frozenset(_FIELDS.get(name, name) for name in header) - {"leaves"}
    return Sheet(tuple(people), frozenset(leavers), told)


def _person(row: dict[str | None, str | None]) -> tuple[Staff, bool]:
    if None in row or any(value is None for value in row.values()):
        raise BadInput("it has another number of fields than the first line.")
    cells = {str(name): str(value).strip() for name, value in row.items()}
    if any(len(value) > _LONGEST or not value.isprintable() for value in cells.values()):
        raise BadInput("a field is too long or holds signs that can't be printed.")
    name = cells["name"].lower()
    if not name:
        raise BadInput("the name is missing.")
    leaves = cells.get("leaves", "").lower()
    if leaves not in ("", "no", "yes"):
        raise BadInput(f"leaves is {leaves!r}; write yes or nothing.")
    roles = _list(cells["roles"].lower())
    if leaves != "yes":
        require_fit(roles)
    shifts = tuple(sorted(_shift(each) for each in _list(cells.get("shifts", ""))))
    if any(after[0] < before[1] for before, after in pairwise(shifts)):
        raise BadInput("two shifts overlap.")
    return Staff(
        name=name,
        display=cells.get("display") or name,
        roles=roles,
        sites=_list(cells.get("sites", "")),
        shifts=shifts,
        trained_us=_day_us(cells.get("trained", "")),
        spss_number=cells.get("spss_number", "")[:64],
        spss_expires_us=_day_us(cells.get("spss_expires", "")),
        team=cells.get("team", "")[:64],
    ), leaves == "yes"


def _list(text: str) -> tuple[str, ...]:
    """`a; b` as ("a", "b")."""
    return tuple(each.strip() for each in text.split(";") if each.strip())


def _day_us(text: str) -> int | None:
    """Midnight UTC of `2026-11-21`, None for nothing."""
    if not text:
        return None
    try:
        return int(datetime.combine(date.fromisoformat(text), time(), UTC).timestamp()) * 1_000_000
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is no date; write 2026-11-21.") from error


def _shift(text: str) -> tuple[int, int]:
    """`2026-11-21T22:00+00:00/2026-11-22T06:00+00:00` in microseconds; the offset has to be there."""
    try:
        start, end = (datetime.fromisoformat(each.strip()) for each in text.split("/"))
        if start.tzinfo is None or end.tzinfo is None or not start < end:
            raise ValueError
        return int(start.timestamp()) * 1_000_000, int(end.timestamp()) * 1_000_000
    except (ValueError, OverflowError) as error:
        raise BadInput(f"{text!r} is no shift; write 2026-11-21T22:00+00:00/2026-11-22T06:00+00:00.") from error
