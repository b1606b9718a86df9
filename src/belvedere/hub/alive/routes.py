"""`/healthz` and `/healthz/ready`: one word each, to anybody. They say nothing of sites, cameras, people or versions."""

from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import JSONResponse

from belvedere.hub.access.doors import public
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room

router = Room(include_in_schema=False)


class Alive(BaseModel):
    """`state`: alive, ready or waiting."""

    state: str


@router.get("/healthz")
@public
async def alive() -> Alive:
    """The process answers. Restart it when it does not."""
    return Alive(state="alive")


@router.get("/healthz/ready")
@public
async def ready(request: Request) -> JSONResponse:
    """200 when the database answers as well, 503 when not: send people to another process, but restart nothing for it."""
    engine = hub_of(request).engine

    def ask() -> bool:
        try:
            with engine.connect() as connection:
                return bool(connection.execute(text("SELECT 1")).scalar_one() == 1)
        except SQLAlchemyError:
            return False

    well = await run_in_threadpool(ask)
    return JSONResponse({"state": "ready" if well else "waiting"}, 200 if well else 503)
