"""Break-glass cards over HTTP: two people make one, each gets one half, once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from belvedere.hub.access.doors import CurrentUser, roles
from belvedere.hub.cards.book import REVOKED, SiteCard
from belvedere.hub.cards.desk import CardsDesk, Half
from belvedere.hub.context import HubContext
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.policy.table import Role

_MAKE = (Role.MANAGER, Role.DPO, Role.SUPERVISOR)
_READ = (*_MAKE, Role.AUDITOR, Role.ADMINISTRATOR)


@asynccontextmanager
async def _desk_open(app: FastAPI) -> AsyncIterator[None]:
    """Opens the desk once the hub's context stands."""
    desk = CardsDesk(cast(HubContext, app.state.hub))
    app.state.cards = desk
    desk.start()
    try:
        yield
    finally:
        await desk.stop()


router = Room("cards", lifespan=_desk_open)


def cards_of(connection: HTTPConnection) -> CardsDesk:
    """The desk of the running application."""
    return cast(CardsDesk, connection.app.state.cards)


class CardOut(BaseModel):
    """Without any secret. `state`: waiting, in_force, used, revoked, lapsed."""

    id: str
    site: str
    state: str
    maker: str
    made_us: int
    confirmer: str
    confirmed_us: int | None
    expires_us: int
    ended_us: int | None


class HalfOut(BaseModel):
    """`half`: 32 hexadecimal digits, shown this once."""

    card: CardOut
    letter: str
    half: str


class CardList(BaseModel):
    cards: list[CardOut]


def _out(card: SiteCard, now_us: int) -> CardOut:
    return CardOut(
        id=card.id,
        site=card.site_id,
        state=card.state(now_us),
        maker=card.maker,
        made_us=card.made_us,
        confirmer=card.confirmer,
        confirmed_us=card.confirmed_us,
        expires_us=card.expires_us,
        ended_us=card.ended_us,
    )


def _half(found: Half, now_us: int) -> HalfOut:
    return HalfOut(card=_out(found.card, now_us), letter=found.letter, half=found.half.hex())


@router.get("/api/cards")
@roles(*_READ)
async def cards(request: Request) -> CardList:
    """All cards, newest first."""
    now_us = hub_of(request).clock.now_us()
    found = await run_in_threadpool(cards_of(request).book.all)
    return CardList(cards=[_out(card, now_us) for card in found])


@router.post("/api/sites/{site}/cards", status_code=201)
@roles(*_MAKE)
async def begin(site: str, request: Request, user: CurrentUser) -> HalfOut:
    """Begin a card: the first half. It lapses unless a second person finishes it within an hour."""
    return _half(await cards_of(request).begin(user, site), hub_of(request).clock.now_us())


@router.post("/api/cards/{card_id}/confirm")
@roles(*_MAKE)
async def confirm(card_id: str, request: Request, user: CurrentUser) -> HalfOut:
    """Finish a card that somebody else began: the second half. From now on it is in force."""
    return _half(await cards_of(request).confirm(user, card_id), hub_of(request).clock.now_us())


@router.post("/api/cards/{card_id}/revoke")
@roles(*_MAKE)
async def revoke(card_id: str, request: Request, user: CurrentUser) -> CardOut:
    """Take a card out of force, such as one whose envelope was opened."""
    card = await cards_of(request).end(user, card_id, REVOKED)
    return _out(card, hub_of(request).clock.now_us())
