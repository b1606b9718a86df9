"""What goes round every answer (security headers, caching, compression) and the pages of the control room itself."""

from pathlib import Path
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

import belvedere
from belvedere.foundation.errors import NotFound
from belvedere.hub.access.doors import public
from belvedere.hub.room import Room

UI_FOLDER = Path(belvedere.__file__).parent / "ui"
# Inline styles stay allowed: the component library writes its theme into a style element. Scripts never are.
# blob: for the map's worker, and for pictures that the page itself makes.
_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self'",
        "media-src 'self' blob:",
        "worker-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
}
_NOT_BUILT = """<!doctype html><html lang="en-GB"><meta charset="utf-8"><title>Belvedere</title>
<body><h1>The control room's pages are not built</h1>
<p>The hub is running, but this installation has no web pages. Install Belvedere with <code>python3 run.py</code>,
which builds them, or run <code>npm ci</code> and <code>npm run build</code> in <code>web/</code>.</p></body></html>"""


class SecurityHeaders:
    """Adds the headers above to every answer, and `no-store` to everything under /api."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        private = scope["path"].startswith("/api/")

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)  # a page with a stricter policy of its own says so itself
                if private:
                    headers["Cache-Control"] = "no-store"
                if scope["scheme"] == "https":
                    headers["Strict-Transport-Security"] = "max-age=31536000"
            await send(message)

        await self._app(scope, receive, send_with_headers)


class Compression:
    """gzip for JSON, scripts, styles and pages. Footage, packs, tiles and ranges pass as they are, unbuffered."""

    _PLAIN = ("application/octet-stream", "application/vnd.*", *DEFAULT_EXCLUDED_CONTENT_TYPES)

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._zipped = GZipMiddleware(app, minimum_size=1000, compresslevel=5, exclude_content_types=self._PLAIN)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        small_text = scope["type"] == "http" and not scope["path"].startswith(("/api/play/", "/map/", "/log/"))
        ranged = scope["type"] == "http" and "range" in Headers(scope=scope)
        await (self._zipped if small_text and not ranged else self._app)(scope, receive, send)


def pages_router(folder: Path = UI_FOLDER) -> Room:
    """The built pages in `folder`. An address of no file is a page of the control room, drawn by index.html."""
    router = Room(include_in_schema=False)

    @router.get("/{path:path}")
    @public
    def page(path: str, request: Request) -> Response:
        if path.startswith(("api/", "map/", "log/")):
            raise NotFound("There is nothing at this address.", advice="See docs/reference/http.md.")
        file = _inside(folder, path)
        if file is not None:
            lasting = path.startswith("assets/")  # their names carry a digest of what is in them
            cache = "public, max-age=31536000, immutable" if lasting else "no-cache"
            return FileResponse(file, headers={"Cache-Control": cache})
        if "." in path.rsplit("/", 1)[-1]:
            raise NotFound("There is no such file.", advice="Reload the page.")
        index = _inside(folder, "index.html")
        if index is None:
            return HTMLResponse(_NOT_BUILT, status_code=503)
        return FileResponse(index, headers={"Cache-Control": "no-cache"})

    return router


def _inside(folder: Path, path: str) -> Path | None:
    """The regular file `path` inside `folder`; None when there is none, or when it would lead outside."""
    if not path or "\0" in path:
        return None
    try:
        file = (folder / path).resolve()
        return file if file.is_relative_to(folder.resolve()) and file.is_file() else None
    except OSError:  # no file has such a name: it is too long
        return None


def file_answer(folder: Path, name: str, **options: Any) -> FileResponse:
    """A file of `folder` with HTTP ranges. Raises NotFound."""
    file = _inside(folder, name)
    if file is None:
        raise NotFound(f"There is no file {name}.", advice="Check the name.")
    return FileResponse(file, **options)
