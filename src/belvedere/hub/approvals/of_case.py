"""What a request needs to know of its case: its cameras, and where it happened. Blocking."""

from sqlalchemy import Engine, select

from belvedere.hub.approvals.ask import AccessRequest
from belvedere.hub.cases.tables import case_file, case_footage
from belvedere.hub.storage.engine import reading


def cameras_of_case(engine: Engine, reference: str) -> set[str]:
    """Cameras that a case is about; none for an unknown case."""
    if not reference:
        return set()
    query = (
        select(case_footage.c.camera)
        .join(case_file, case_file.c.id == case_footage.c.case_id)
        .where(case_file.c.reference_key == reference.casefold(), case_footage.c.removed_us.is_(None))
    )
    with reading(engine) as connection:
        return set(connection.scalars(query))


def place_of(engine: Engine, request: AccessRequest) -> tuple[float, float] | None:
    """(longitude, latitude) of the incident: as the person who asks set it, else as the case has it."""
    if request.place is not None or not request.wanted.case:
        return request.place
    query = select(case_file.c.lon, case_file.c.lat).where(
        case_file.c.reference_key == request.wanted.case.casefold(), case_file.c.lon.is_not(None)
    )
    with reading(engine) as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else (row.lon, row.lat)
