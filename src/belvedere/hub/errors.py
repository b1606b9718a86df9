"""The exception tree as HTTP: one status a class, one JSON shape, nothing of the inside told to strangers."""

from typing import Any

import structlog
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket, WebSocketState

from belvedere.foundation.errors import (
    ApprovalNeeded,
    BadInput,
    BelvedereError,
    CameraFault,
    Conflict,
    LinkFault,
    NotFound,
    NotSignedIn,
    QuotaReached,
    Refused,
    StepUpNeeded,
    StorageFault,
    Unavailable,
)

_LOG = structlog.get_logger(__name__)
_STATUS: tuple[tuple[type[BelvedereError], int], ...] = (
    (NotSignedIn, 401),
    (QuotaReached, 429),
    (Refused, 403),
    (NotFound, 404),
    (Conflict, 409),
    (BadInput, 400),
    (CameraFault, 502),
    (LinkFault, 502),
    (StorageFault, 503),
    (Unavailable, 503),
)
# WebSocket close codes from the private range (RFC 6455 section 7.4.2), so that a page can tell them apart.
CLOSED_NOT_SIGNED_IN = 4401
CLOSED_REFUSED = 4403
CLOSED_FAULT = 4500
_PLAIN = {
    404: ("not_found", "There is nothing at this address.", "Check the address."),
    405: ("bad_input", "This address does not take that method.", "See docs/reference/http.md."),
    413: ("bad_input", "The request is too large.", "Send less at a time."),
    416: ("bad_input", "The range asked for lies outside the file.", "Ask for a range inside it."),
}


def status_of(error: BelvedereError) -> int:
    """The HTTP status of an error: 500 for one the tree does not place."""
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def error_body(code: str, message: str, advice: str) -> dict[str, dict[str, str]]:
    """The one shape of a failed answer."""
    return {"error": {"code": code, "message": message, "advice": advice}}


def add_error_answers(app: FastAPI) -> None:
    """Let every exception of the tree, bad requests and unknown addresses answer in that shape."""
    app.add_exception_handler(BelvedereError, _on_belvedere)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(DataError, _on_data)
    app.add_exception_handler(Exception, _on_fault)


async def _on_belvedere(connection: Any, error: Exception) -> Any:
    """`connection` is a Request or a WebSocket; the framework's types allow a handler only one of them."""
    assert isinstance(error, BelvedereError)
    status = status_of(error)
    if status >= 500:
        _LOG.warning("request_failed", path=connection.url.path, code=error.code, message=error.message)
    if isinstance(connection, WebSocket):
        await _close(connection, error, status)
        return None
    body: dict[str, dict[str, Any]] = {**error_body(error.code, error.message, error.advice)}
    if isinstance(error, StepUpNeeded):
        body["error"] = {**body["error"], "act": error.act}
    if isinstance(error, ApprovalNeeded):
        body["error"] |= {"digest": error.digest, "approvers": error.approvers, "ask": error.ask}
    return JSONResponse(body, status_code=status)


async def _close(websocket: WebSocket, error: BelvedereError, status: int) -> None:
    """Tell the page why, then close. A refused handshake would tell it nothing: browsers hide the status."""
    if websocket.client_state is WebSocketState.CONNECTING:
        await websocket.accept()
    if websocket.application_state is not WebSocketState.CONNECTED:
        return
    await websocket.send_json({"op": "error", "code": error.code, "message": error.message, "advice": error.advice})
    code = {401: CLOSED_NOT_SIGNED_IN, 403: CLOSED_REFUSED}.get(status, CLOSED_FAULT)
    await websocket.close(code, error.code)


async def _on_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Where and what only: the value itself may be a password.
    wrong = "; ".join(f"{'.'.join(str(part) for part in each['loc'][1:])}: {each['msg']}" for each in error.errors())
    return JSONResponse(
        error_body("bad_input", f"The request can't be used: {wrong}.", "See docs/reference/http.md."), status_code=400
    )


async def _on_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code, message, advice = _PLAIN.get(error.status_code, ("bad_input", str(error.detail), ""))
    return JSONResponse(error_body(code, message, advice), status_code=error.status_code, headers=error.headers)


async def _on_data(connection: Any, error: Exception) -> Any:
    """A value that no row can have, such as a NUL in an id or a time beyond all calendars: PostgreSQL refuses to look for it."""
    _LOG.warning("value_not_taken", path=connection.url.path, reason=str(getattr(error, "orig", error)).split("\n")[0])
    wrong = BadInput("A value of the request is none that can be stored.", advice="See docs/reference/http.md.")
    return await _on_belvedere(connection, wrong)


async def _on_fault(request: Request, error: Exception) -> Response:
    _LOG.error("request_broke", path=request.url.path, exc_info=error)
    return JSONResponse(
        error_body("error", "Something in Belvedere broke.", "Try again; if it stays, report it with the hub's log."),
        status_code=500,
    )
