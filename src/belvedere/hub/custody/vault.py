"""The hub's wrapping keys: public halves in the database, the hub's private halves in files beside its signing key."""

import os
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import Connection, Engine, func, insert, select, update

from belvedere.foundation.clock import SECOND_US, Clock
from belvedere.foundation.errors import KeyAway, StorageFault
from belvedere.hub.custody.tables import camera_day_copy, site_box, wrapping_key
from belvedere.hub.storage.acts import NoteAct, nowhere
from belvedere.hub.storage.engine import reading, writing
from belvedere.link.custody import BREAK_GLASS, HUB, Recipient
from belvedere.media.keybox import KEY_BYTES, new_private_key, open_box, public_key_of, recipient_name, recipient_of
from belvedere.tlog.folder import sync_folder

_SUFFIX = ".key"


@dataclass(frozen=True, slots=True)
class WrappingKey:
    """A key that camera-day keys are sealed for. `at_hand`: its private half is in this hub's folder."""

    name: str
    role: str
    title: str
    public_key: bytes
    made_us: int
    retired_us: int | None
    destroyed_us: int | None
    at_hand: bool


class Vault:
    """Blocking: call it in a thread. One folder a hub; the command line and the hub may both use it."""

    def __init__(self, engine: Engine, folder: Path, clock: Clock, note: NoteAct = nowhere) -> None:
        self._engine = engine
        self._folder = folder
        self._clock = clock
        self._note = note

    def keys(self) -> list[WrappingKey]:
        """All keys, oldest first, destroyed ones too."""
        with reading(self._engine) as connection:
            rows = connection.execute(select(wrapping_key).order_by(wrapping_key.c.made_us, wrapping_key.c.id)).all()
        return [
            WrappingKey(
                row.id,
                row.role,
                row.title,
                row.public_key,
                row.made_us,
                row.retired_us,
                row.destroyed_us,
                self._file(row.id).exists(),
            )
            for row in rows
        ]

    def current(self, role: str) -> WrappingKey | None:
        """The key of a role that new keys are sealed for."""
        return next((key for key in reversed(self.keys()) if key.role == role and key.retired_us is None), None)

    def recipients(self) -> tuple[Recipient, ...]:
        """Whom camera-day keys are sealed for now. Makes the hub's key at the first call, or when its file was lost."""
        hub = self.current(HUB)
        if hub is None or not hub.at_hand:
            hub = self.renew()
        glass = self.current(BREAK_GLASS)
        return tuple(Recipient(key.role, key.title, key.public_key) for key in (hub, glass) if key is not None)

    def renew(self) -> WrappingKey:
        """A new wrapping key of the hub; the one before is retired. Order: file, then row. What a crash leaves is a file
        that no row names; `sweep` removes it."""
        private = new_private_key()
        public = public_key_of(private)
        now_us = self._clock.now_us()
        title = f"hub, from {datetime.fromtimestamp(now_us // SECOND_US, UTC):%Y-%m-%d}"
        self._write(recipient_name(public), private)
        with writing(self._engine) as connection:
            self._replace(connection, HUB, title, public, now_us)
            self._note(connection, "key.wrapping_made", {"key": recipient_name(public), "title": title})
        found = self.current(HUB)
        assert found is not None
        return found

    def put_break_glass(self, public: bytes, title: str, facts: dict[str, object]) -> None:
        """The officers' key, from now on; the one before is retired."""
        with writing(self._engine) as connection:
            self._replace(connection, BREAK_GLASS, title, public, self._clock.now_us())
            self._note(connection, "key.ceremony", facts)

    def _replace(self, connection: Connection, role: str, title: str, public: bytes, now_us: int) -> None:
        connection.execute(
            update(wrapping_key)
            .where(wrapping_key.c.role == role, wrapping_key.c.retired_us.is_(None))
            .values(retired_us=now_us)
        )
        connection.execute(
            insert(wrapping_key).values(
                id=recipient_name(public), role=role, title=title, public_key=public, made_us=now_us
            )
        )

    def open(self, box: bytes, info: bytes) -> bytes:
        """What was sealed for one of the hub's keys. Raises KeyAway when its private half is not here, SealBroken."""
        try:
            private = self._file(recipient_of(box)).read_bytes()
        except OSError as error:
            raise KeyAway(
                "The hub's wrapping key for this footage is not here.",
                advice="Recover it with the officers' shares: `belvedere keys recover`.",
            ) from error
        if len(private) != KEY_BYTES:
            raise StorageFault("A wrapping key of the hub is damaged.", advice="Run `belvedere keys recover`.")
        return open_box(box, private, info)

    def has(self, name: str) -> bool:
        """Whether the private half of a key is here."""
        return self._file(name).exists()

    def retire_done(self) -> list[str]:
        """Destroy the private halves of retired keys for which nothing is sealed any more, here or at a site that is in
        use; returns their names. Order: file, then row: a crash in between repeats the row."""
        with reading(self._engine) as connection:
            unsettled = connection.scalar(
                select(func.count())
                .select_from(site_box)
                .where(site_box.c.other_copies > 0, site_box.c.lost_us.is_(None), site_box.c.disposed_us.is_(None))
            )
            in_use = set(connection.scalars(select(camera_day_copy.c.recipient).distinct()))
        if unsettled:
            return []
        done = []
        for key in self.keys():
            if key.retired_us is not None and key.destroyed_us is None and key.name not in in_use:
                self._erase(self._file(key.name))
                with writing(self._engine) as connection:
                    connection.execute(
                        update(wrapping_key)
                        .where(wrapping_key.c.id == key.name)
                        .values(destroyed_us=self._clock.now_us())
                    )
                done.append(key.name)
        return done

    def sweep(self) -> int:
        """Remove private halves that no row names: a crash came between file and row. Returns how many."""
        known = {key.name for key in self.keys()}
        strangers = [path for path in self._folder.glob(f"*{_SUFFIX}") if path.stem not in known]
        for path in strangers:
            self._erase(path)
        return len(strangers)

    def _file(self, name: str) -> Path:
        return self._folder / f"{name}{_SUFFIX}"

    def _write(self, name: str, private: bytes) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            part = self._folder / f".{name}.part"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            try:
                os.write(handle, private)
                os.fsync(handle)
            finally:
                os.close(handle)
            part.replace(self._file(name))
            sync_folder(self._folder)
        except OSError as error:
            raise StorageFault(f"A wrapping key can't be written: {error}.", advice="Check the hub's disk.") from error

    def _erase(self, path: Path) -> None:
        """Overwrite and unlink. On flash the old cells may survive: see docs/design/keys.md."""
        try:
            with path.open("r+b") as file:
                file.write(os.urandom(KEY_BYTES))
                file.flush()
                os.fsync(file.fileno())
            path.unlink()
            sync_folder(path.parent)
        except FileNotFoundError:
            pass


def forget_deleted(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, so that nothing deleted can be read from it. Nothing to do for PostgreSQL."""
    if engine.dialect.name == "sqlite":
        raw = engine.raw_connection()
        try:
            raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            raw.close()
