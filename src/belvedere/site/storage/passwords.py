"""Changing a camera's password: the old connection details are kept, sealed, until the new ones were seen to work."""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

import msgspec
import structlog

from belvedere.foundation.clock import HOUR_US, SECOND_US, Clock
from belvedere.foundation.errors import BadInput, NotFound, StorageFault
from belvedere.link.cameras import PasswordChange
from belvedere.link.messages import CameraStatus, SiteStatus
from belvedere.site.ingest.address import host_and_port, split_address
from belvedere.site.onvif.store import seal_name
from belvedere.site.storage.cameras import Connection
from belvedere.site.storage.index import Index
from belvedere.site.storage.keys import ConnectionSafe

log = structlog.get_logger()

_SETTLED_KEPT = 1000
_LOOK_S = 0.5
# What the streams are said to be may be from before the change for a moment; and a refusal has to last.
_FRESH_US = 3 * SECOND_US
_REFUSED_US = 10 * SECOND_US


def on_one_device(main_url: str, sub_url: str) -> bool:
    """Whether both addresses are served by one device, which then has one password."""
    return bool(sub_url) and host_and_port(main_url)[0] == host_and_port(sub_url)[0]


def with_credentials(url: str, username: str, password: str) -> str:
    """`url` with other credentials; one that has no place for them is returned as it is."""
    clean, _, _ = split_address(url)
    scheme, _, rest = clean.partition("://")
    if scheme == "udp" or not username:
        return clean
    return f"{scheme}://{quote(username, safe='')}:{quote(password, safe='')}@{rest}"


@dataclass(frozen=True, slots=True)
class _Trial:
    camera: str
    since_us: int


class Passwords:
    """Changes passwords in the index. Thread-safe."""

    def __init__(self, index: Index, safe: ConnectionSafe, clock: Clock) -> None:
        self._index = index
        self._safe = safe
        self._clock = clock

    def change(self, camera: str, username: str, password: str) -> None:
        """Use other credentials for the streams of the camera's main device. Raises NotFound, BadInput."""
        if not username or len(username) + len(password) > 400:
            raise BadInput("A password needs a user name, and 400 letters are the most.", advice="Give both.")
        with self._index.write() as db:
            row = db.execute("SELECT id, connection FROM camera WHERE slug = ? AND NOT removed", (camera,)).fetchone()
            if row is None:
                raise NotFound(f"There is no camera {camera}.", advice="`belvedere camera list` names them.")
            before = msgspec.json.decode(self._safe.open(camera, row[1]), type=Connection)
            if not before.main_url:
                raise BadInput(f"{camera} only holds recordings; it has no password.", advice="Choose another camera.")
            sub = before.sub_url
            if on_one_device(before.main_url, sub):
                sub = with_credentials(sub, username, password)
            after = Connection(with_credentials(before.main_url, username, password), sub)
            if after == before:
                return
            # Of two changes in a row the connection that was last seen to work is the one to go back to.
            db.execute(
                "INSERT INTO camera_before (camera_id, connection, since_us) VALUES (?, ?, ?) "
                "ON CONFLICT (camera_id) DO UPDATE SET since_us = excluded.since_us",
                (row[0], row[1], self._clock.now_us()),
            )
            sealed = self._safe.shut(camera, msgspec.json.encode(after))
            db.execute("UPDATE camera SET connection = ? WHERE id = ?", (sealed, row[0]))
            self._device(db, row[0], camera, username, password)

    def _device(self, db: sqlite3.Connection, camera_id: int, camera: str, username: str, password: str) -> None:
        """Where the camera's ONVIF device is kept with the same account, it gets the same password: no second wrong try."""
        row = db.execute("SELECT connection FROM device WHERE camera_id = ?", (camera_id,)).fetchone()
        if row is None:
            return
        name = seal_name(camera)
        stored = msgspec.json.decode(self._safe.open(name, row[0]), type=dict[str, str])
        if stored.get("username") == username:
            sealed = self._safe.shut(name, msgspec.json.encode({**stored, "password": password}))
            db.execute("UPDATE device SET connection = ? WHERE camera_id = ?", (sealed, camera_id))

    def trials(self) -> list[_Trial]:
        """Changes that are not settled."""
        sql = "SELECT c.slug, b.since_us FROM camera_before b JOIN camera c ON c.id = b.camera_id ORDER BY c.slug"
        return [_Trial(*row) for row in self._index.read().execute(sql).fetchall()]

    def settle(self, trial: _Trial, *, worked: bool) -> bool:
        """Forget the old details, or put them back. False when the trial ended otherwise meanwhile."""
        with self._index.write() as db:
            row = db.execute(
                "SELECT b.camera_id, b.connection FROM camera_before b JOIN camera c ON c.id = b.camera_id "
                "WHERE c.slug = ? AND b.since_us = ?",
                (trial.camera, trial.since_us),
            ).fetchone()
            if row is None:
                return False
            if not worked:
                db.execute("UPDATE camera SET connection = ? WHERE id = ?", (row[1], row[0]))
                before = msgspec.json.decode(self._safe.open(trial.camera, row[1]), type=Connection)
                _, username, password = split_address(before.main_url)
                self._device(db, row[0], trial.camera, username, password)
            db.execute("DELETE FROM camera_before WHERE camera_id = ?", (row[0],))
        self._index.forget()
        return True


def verdict(camera: CameraStatus | None, since_us: int, now_us: int) -> bool | None:
    """Whether the new password works (True), is refused (False), or can't be told yet (None)."""
    streams = [stream for stream in camera.streams if stream.state != "imported"] if camera else []
    if not streams:
        return None
    age_us = now_us - since_us
    if any(stream.state == "denied" for stream in streams) and _REFUSED_US <= age_us < HOUR_US:
        return False
    fresh = all(s.state == "recording" and s.last_frame_us >= since_us + _FRESH_US for s in streams)
    return True if fresh else None


class PasswordWatch:
    """Looks after changes that are on trial, in a thread of its own that sleeps while there are none."""

    def __init__(
        self,
        passwords: Passwords,
        status: Callable[[], SiteStatus],
        changed: Callable[[], None],
        clock: Clock,
    ) -> None:
        """`changed` tells the recorder that addresses changed."""
        self._passwords = passwords
        self._status = status
        self._changed = changed
        self._clock = clock
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._settled: dict[str, PasswordChange] = {}
        self._thread = threading.Thread(target=self._run, name="passwords", daemon=True)

    def start(self) -> None:
        self._wake.set()
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join()

    def change(self, camera: str, username: str, password: str) -> None:
        """Use other credentials from now on; what comes of it is in `changes`."""
        self._passwords.change(camera, username, password)
        self._settled.pop(camera, None)
        self._changed()
        self._wake.set()

    def changes(self) -> tuple[PasswordChange, ...]:
        """What is on trial, and what was settled since the start."""
        waiting = [PasswordChange(trial.camera, "waiting", trial.since_us) for trial in self._passwords.trials()]
        cameras = {change.camera for change in waiting}
        return (*waiting, *(change for change in list(self._settled.values()) if change.camera not in cameras))

    def look(self) -> int:
        """Settle what can be settled; how many are left."""
        trials = self._passwords.trials()
        if not trials:
            return 0
        status = {camera.camera: camera for camera in self._status().cameras}
        left = 0
        for trial in trials:
            works = verdict(status.get(trial.camera), trial.since_us, self._clock.now_us())
            if works is None:
                left += 1
                continue
            # Said before it is done: while the trial stands it hides this, and there is no moment without an answer.
            state = "worked" if works else "put_back"
            self._settled[trial.camera] = PasswordChange(trial.camera, state, trial.since_us)
            if not self._passwords.settle(trial, worked=works):
                self._settled.pop(trial.camera, None)
            else:
                while len(self._settled) > _SETTLED_KEPT:
                    self._settled.pop(next(iter(self._settled)))
                if not works:
                    self._changed()
        return left

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if self._stopping.is_set():
                return
            self._wake.clear()
            try:
                left = self.look()
            except StorageFault as fault:  # the index can't be written just now: the trial goes on
                log.warning("password_trial_waits", reason=str(fault))
                left = 1
            if left:
                self._stopping.wait(_LOOK_S)
                self._wake.set()
