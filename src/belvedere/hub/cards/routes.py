"""Break-glass cards over HTTP: two people make one, each gets one half, once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal, cast

from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from starlette.requests import HTTPConnection

from belvedere.hub.access.doors import CurrentSession, CurrentUser, roles
from belvedere.hub.access.users import User
from belvedere.hub.cards.book import SiteCard
from belvedere.hub.cards.desk import CardsDesk, Half
from belvedere.hub.cards.sheet import sheet_of
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
    """Without any secret. `mine`: you began it, so somebody else finishes it."""

    id: str
    site: str
    state: Literal["waiting", "in_force", "used", "revoked", "lapsed"]
    mine: bool
    maker: str
    made_us: int
    confirmer: str
    confirmed_us: int | None
    expires_us: int
    ended_us: int | None


class HalfOut(BaseModel):
    """Shown this once. `line`: the half as letters with a check group; `qr`: the same as the path of an SVG, `size` a side."""

    card: CardOut
    letter: str
    line: str
    qr: str
    size: int


class CardList(BaseModel):
    now_us: int
    cards: list[CardOut]


def _out(card: SiteCard, now_us: int, user: User) -> CardOut:
    return CardOut(
        id=card.id,
        site=card.site_id,
        state=card.state(now_us),  # type: ignore[arg-type]
        mine=card.made_by == user.id,
        maker=card.maker,
        made_us=card.made_us,
        confirmer=card.confirmer,
        confirmed_us=card.confirmed_us,
        expires_us=card.expires_us,
        ended_us=card.ended_us,
    )


async def _half(found: Half, now_us: int, user: User) -> HalfOut:
    sheet = await run_in_threadpool(sheet_of, found.letter, found.half)
    card = _out(found.card, now_us, user)
    return HalfOut(card=card, letter=found.letter, line=sheet.line, qr=sheet.qr, size=sheet.size)


@router.get("/api/cards")
@roles(*_READ)
async def cards(request: Request, user: CurrentUser) -> CardList:
    """All cards, newest first."""
    now_us = hub_of(request).clock.now_us()
    found = await run_in_threadpool(cards_of(request).book.all)
    return CardList(now_us=now_us, cards=[_out(card, now_us, user) for card in found])


@router.post("/api/sites/{site}/cards", status_code=201)
@roles(*_MAKE)
async def begin(site: str, request: Request, session: CurrentSession) -> HalfOut:
    """Begin a card: the first half. It lapses unless a second person finishes it within an hour. Confirmed with a passkey."""
    return await _half(await cards_of(request).begin(session, site), hub_of(request).clock.now_us(), session.user)


@router.post("/api/cards/{card_id}/confirm")
@roles(*_MAKE)
async def confirm(card_id: str, request: Request, session: CurrentSession) -> HalfOut:
    """Finish a card that somebody else began: the second half. From now on it is in force. Confirmed with a passkey."""
    return await _half(await cards_of(request).confirm(session, card_id), hub_of(request).clock.now_us(), session.user)


@router.post("/api/cards/{card_id}/revoke")
@roles(*_MAKE)
async def revoke(card_id: str, request: Request, session: CurrentSession) -> CardOut:
    """Take a card out of force, such as one whose envelope was opened. Confirmed with a passkey."""
    card = await cards_of(request).end(session, card_id)
    return _out(card, hub_of(request).clock.now_us(), session.user)
