"""Where a request is answered, when the hub has several processes.

HERE: in whichever process it came to; nothing that it needs is held in memory. PERSON: in the process that this person has among
those that live, because what they look at is counted, and held against the dwell guard's limits, in one place. CHAIR: in the
process that has the chair, with everything that one desk decides one at a time. Whatever is not named has its home there.
"""

from collections.abc import Iterable
from enum import StrEnum
from hashlib import sha256


class Home(StrEnum):
    HERE = "here"
    PERSON = "person"
    CHAIR = "chair"


_HERE = ("/healthz", "/log/checkpoint", "/log/tile/", "/log/key", "/log/verify.html", "/map/", "/openapi.json")
_PERSON = ("/api/live", "/api/play/", "/api/timeline", "/api/activity", "/api/devices", "/api/dwell")
_ENDS_OTHERS = "/end"  # of a note, by the data protection officer
_CHAIR = ("/api/", "/log/", "/metrics", "/page/")


def home_of(method: str, path: str) -> Home:
    """The home of a request or WebSocket (method "GET")."""
    if _under(path, _HERE):
        return Home.HERE
    if _under(path, _PERSON) and not (method == "POST" and path.endswith(_ENDS_OTHERS)):
        return Home.PERSON
    return Home.CHAIR if path.startswith(_CHAIR) or method not in ("GET", "HEAD") else Home.HERE


def process_of(account: str, living: Iterable[str]) -> str:
    """The process among `living` that an account has; one that goes or comes moves only the people whose it was or will be.

    Highest random weight: Thaler and Ravishankar, "Using name-based mappings to increase hit rates", 1998.
    """
    return max(living, key=lambda name: (sha256(f"{name}\0{account}".encode()).digest(), name), default="")


def _under(path: str, names: tuple[str, ...]) -> bool:
    return any(path == name or path.startswith(name if name.endswith("/") else name + "/") for name in names)
