"""A hub's database with rows in every table: what a real hub wrote, and made-up rows where it wrote none."""

from typing import Any

from sqlalchemy import JSON, Boolean, Column, Connection, Engine, Float, Integer, LargeBinary, Table, insert, select

from belvedere.hub.storage import writing
from belvedere.hub.storage.rows import count_rows, every_table, settle_numbers

ROWS = 3
ODD = "Ünïcode, 'quotes', \\back\\slashes\tand\nlines, 😀"


def fill(engine: Engine) -> dict[str, int]:
    """Give every empty table rows; how many each has then."""
    with writing(engine) as connection:
        for table in every_table():
            if not count_rows(connection, table) and table.name != "audit_entry":  # the log's rows are the log's own
                connection.execute(insert(table), [_row(connection, table, number) for number in range(ROWS)])
                settle_numbers(connection, table)
        return {table.name: count_rows(connection, table) for table in every_table()}


def _row(connection: Connection, table: Table, number: int) -> dict[str, Any]:
    return {column.name: _value(connection, column, number) for column in table.columns}


def _value(connection: Connection, column: "Column[Any]", number: int) -> Any:
    for key in column.foreign_keys:
        found = connection.scalars(select(key.column).order_by(key.column)).all()
        return found[number % len(found)]
    if column.nullable and number == ROWS - 1:
        return None
    kind = column.type
    if isinstance(kind, JSON):
        return {"n": number, "words": [ODD, None, 1.5]}
    if isinstance(kind, Boolean):
        return number % 2 == 0
    if isinstance(kind, LargeBinary):
        return bytes(range(256)) + bytes([number])
    if isinstance(kind, Float):
        return 51.5 + number / 7
    if isinstance(kind, Integer):
        return number + 1
    length = getattr(kind, "length", None) or 100
    return f"{number} {ODD}"[:length]
