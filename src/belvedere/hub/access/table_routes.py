"""Which action table counts, for whoever wonders why something takes a colleague now."""

from fastapi import Request
from pydantic import BaseModel

from belvedere.hub.access.doors import CurrentUser, signed_in
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room("access")


class TableOut(BaseModel):
    """`stricter`: second persons came with it, at `since_us`. `untrained`: one's own training date is missing, which shuts
    live pictures from `grace_until_us` on."""

    table: str
    since_us: int
    stricter: bool
    grace_until_us: int
    untrained: bool


@router.get("/api/access/table")
@signed_in
async def action_table(request: Request, user: CurrentUser) -> TableOut:
    """The action table in force, and whether it changed."""
    change = hub_of(request).table_change
    return TableOut(
        table=change.name,
        since_us=change.since_us,
        stricter=change.stricter,
        grace_until_us=change.grace_until_us,
        untrained=user.trained_us is None,
    )
