"""The control room's HTTP interface for the command line: standard library, one connection's worth of cookies."""

import http.cookiejar
import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from belvedere.foundation import errors
from belvedere.foundation.errors import BelvedereError, LinkFault

_TIMEOUT_S = 30
_POLL_S = 0.5
_READ = 1 << 20


class ControlRoom:
    """A signed-in person's way to the hub. Use as a context manager: it signs out at the end."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        jar = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(jar))
        self._csrf = ""

    def __enter__(self) -> "ControlRoom":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._csrf:
            self._call("DELETE", "/api/session")

    def log_in(self, username: str, password: str) -> None:
        """Raises NotSignedIn when refused."""
        said = self.post("/api/session", {"username": username, "password": password})
        self._csrf = said["csrf"]

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._json("POST", path, body)

    def get(self, path: str) -> dict[str, Any]:
        return self._json("GET", path, None)

    def wait_for_export(self, export_id: str) -> dict[str, Any]:
        """Poll until the export is ready. Raises what made it fail."""
        while True:
            job = self.get(f"/api/exports/{export_id}")
            if job["state"] == "ready":
                return job
            if job["state"] == "failed":
                raise BelvedereError(job["message"])
            time.sleep(_POLL_S)

    def download(self, path: str, out: Path) -> None:
        """Save an answer as `out`, which must not exist."""
        with self._call("GET", path) as answer, out.open("xb") as file:
            while data := answer.read(_READ):
                file.write(data)

    def _json(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        with self._call(method, path, body) as answer:
            said = answer.read()
        value = json.loads(said) if said else {}
        assert isinstance(value, dict)
        return value

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data, method=method)
        request.add_header("Content-Type", "application/json")
        if self._csrf:
            request.add_header("X-Belvedere-CSRF", self._csrf)
        try:
            return self._opener.open(request, timeout=_TIMEOUT_S)
        except urllib.error.HTTPError as error:
            raise _error_of(error) from error
        except urllib.error.URLError as error:
            raise LinkFault(
                f"The control room at {self._url} does not answer.", advice="Is it running? Give --url."
            ) from error


def _error_of(error: urllib.error.HTTPError) -> BelvedereError:
    """The exception that the hub's JSON names."""
    try:
        said = json.loads(error.read())["error"]
        code, message, advice = said["code"], said["message"], said["advice"]
    except (ValueError, KeyError, TypeError):
        return LinkFault(f"The control room answered {error.code}.", advice="Look at its log.")
    for kind in vars(errors).values():
        if isinstance(kind, type) and issubclass(kind, BelvedereError) and kind.code == code:
            return kind(message, advice=advice)
    return BelvedereError(message, advice=advice)
