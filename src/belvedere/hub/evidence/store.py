"""The table of exports: rows in, rows out. Blocking."""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update

from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import export

WORKING = "working"
READY = "ready"
FAILED = "failed"
CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class ExportRow:
    """One export. `state`: working, ready, failed or cancelled. `bytes` and `sha256`: of the finished pack, else 0 and ""."""

    id: str
    name: str
    note: str
    grant_id: str
    account_id: str
    made_by: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int
    made_us: int
    state: str
    progress: float
    bytes: int
    sha256: str
    message: str
    kind: str = "evidence"  # or working_copy
    step: str = ""  # of one that is working: waiting or making. Not in the table
    resumed: bool = False  # an earlier attempt was cut off. Not in the table


class ExportStore:
    """Rows of the table `export`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, row: ExportRow, also: Callable[[Connection], None] | None = None) -> None:
        """A new row, and `also` in the same transaction."""
        values = {name: getattr(row, name) for name in export.c.keys()} | {"cameras": list(row.cameras)}  # noqa: SIM118
        with writing(self._engine) as connection:
            connection.execute(insert(export).values(values))
            if also is not None:
                also(connection)

    def finish(self, export_id: str, state: str, message: str, size: int = 0, sha256: str = "") -> None:
        """Set the last state of an export that is working; a finished one stays as it is."""
        with writing(self._engine) as connection:
            connection.execute(
                update(export)
                .where(export.c.id == export_id, export.c.state == WORKING)
                .values(
                    state=state, message=message, bytes=size, sha256=sha256, progress=1.0 if state == READY else 0.0
                )
            )

    def get(self, export_id: str) -> ExportRow | None:
        with reading(self._engine) as connection:
            row = connection.execute(select(export).where(export.c.id == export_id)).mappings().one_or_none()
        return None if row is None else _row(row)

    def of(self, account_id: str, limit: int = 200) -> list[ExportRow]:
        """The newest exports of one person."""
        query = select(export).where(export.c.account_id == account_id).order_by(export.c.made_us.desc())
        with reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(query.limit(limit)).mappings()]

    def working(self) -> list[ExportRow]:
        """Exports that are not finished."""
        with reading(self._engine) as connection:
            return [_row(row) for row in connection.execute(select(export).where(export.c.state == WORKING)).mappings()]


def _row(row: RowMapping) -> ExportRow:
    return ExportRow(**{**row, "cameras": tuple(row["cameras"])})
