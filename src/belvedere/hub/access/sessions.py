"""Sessions: a 256-bit id in a cookie, its SHA-256 in the database, 15 minutes idle, 8 hours at most (ASVS 5.0 V7).

A session belongs to the browser that opened it, as far as browsers tell (`devices`); seen in another one, it ends.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, RowMapping, delete, insert, or_, select, update
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.hub.access import credentials
from belvedere.hub.access.devices import Device
from belvedere.hub.access.users import HAS_PASSKEY, SignIn, User, user_of_row
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, session

IDLE_US = 15 * MINUTE_US
LONGEST_US = 8 * HOUR_US
_OWN = tuple(
    session.c[name]
    for name in ("id_hash", "used_us", "expires_us", "by_code", "device_hash", "agent", "passkey_id", "by_council")
)
_TOUCH_US = 30 * SECOND_US  # use is written down at most this often


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An open session and its user."""

    user: User
    key: str  # SHA-256 of the session id, hex; safe to keep, opens nothing
    csrf: str
    by_code: bool
    expires_us: int  # absolute end; use does not move it
    passkey: str = ""  # id of the passkey that opened it, "" for a password or a code
    by_council: bool = False  # opened with the council's account


@dataclass(frozen=True, slots=True)
class Moved:
    """A session that was seen in another browser, and has ended for that."""

    key: str
    user_id: str
    opened_in: str
    seen_in: str


@dataclass(frozen=True, slots=True)
class OpenSession:
    """One of a person's sessions, as they see it listed."""

    key: str
    agent: str
    address: str
    by: str  # passkey, code, council, or password (also for a code after which a way in was chosen)
    created_us: int
    used_us: int
    expires_us: int


class SessionDesk:
    """Open sessions in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock, idle_us: int = IDLE_US) -> None:
        self._engine = engine
        self._clock = clock
        self._idle_us = idle_us

    def open(self, sign_in: SignIn, address: str, device: Device = Device()) -> tuple[str, SignedIn]:
        """Begin a session; returns the id for the cookie and the session. `address` is where the browser is."""
        token = credentials.new_session_id()
        now_us = self._clock.now_us()
        opened = SignedIn(
            sign_in.user,
            credentials.digest(token),
            credentials.csrf_of(token),
            sign_in.by_code,
            now_us + LONGEST_US,
            sign_in.passkey,
            sign_in.by_council,
        )
        with writing(self._engine) as connection:
            connection.execute(
                delete(session).where(or_(session.c.expires_us <= now_us, session.c.used_us <= now_us - self._idle_us))
            )
            connection.execute(
                insert(session).values(
                    id_hash=opened.key,
                    account_id=sign_in.user.id,
                    created_us=now_us,
                    used_us=now_us,
                    expires_us=opened.expires_us,
                    by_code=sign_in.by_code,
                    address=address[:64],
                    device_hash=device.hash,
                    agent=device.agent,
                    passkey_id=sign_in.passkey,
                    by_council=sign_in.by_council,
                )
            )
        return token, opened

    def find(self, token: str, device: Device = Device(), *, used: bool = True) -> SignedIn | Moved | None:
        """The live session of a cookie, extended when `used`; None when there is none or it has ended.

        `Moved` once, when it was opened in another browser: it has ended now.
        """
        if not token:
            return None
        row = self._row(credentials.digest(token))
        if row is None:
            return None
        if row["device_hash"] and (row["device_hash"], row["agent"]) != (device.hash, device.agent):
            self.close(row["id_hash"])
            return Moved(row["id_hash"], row["id"], row["agent"], device.agent)
        now_us = self._clock.now_us()
        if used and now_us - row["used_us"] >= _TOUCH_US:
            with writing(self._engine) as connection:
                connection.execute(update(session).where(session.c.id_hash == row["id_hash"]).values(used_us=now_us))
        return _signed_in(row, credentials.csrf_of(token))

    def alive(self, key: str) -> bool:
        """Whether a session still lives. Long connections (live pictures) ask every second; that is no use of it."""
        return self._row(key) is not None

    def by_key(self, user_id: str, key: str) -> SignedIn | None:
        """A live session of this person, None when there is none or it is somebody else's."""
        row = self._row(key)
        return None if row is None or row["id"] != user_id else _signed_in(row, "")

    def of(self, user_id: str) -> list[OpenSession]:
        """A person's live sessions, last used first."""
        query = select(session).where(session.c.account_id == user_id, *self._live()).order_by(session.c.used_us.desc())
        with reading(self._engine) as connection:
            return [
                OpenSession(
                    row.id_hash,
                    row.agent,
                    row.address,
                    _way(row.passkey_id, row.by_code, row.by_council),
                    row.created_us,
                    row.used_us,
                    row.expires_us,
                )
                for row in connection.execute(query)
            ]

    def _live(self) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        now_us = self._clock.now_us()
        return session.c.expires_us > now_us, session.c.used_us > now_us - self._idle_us

    def _row(self, key: str) -> RowMapping | None:
        query = (
            select(*_OWN, account, HAS_PASSKEY)
            .join(account, account.c.id == session.c.account_id)
            .where(session.c.id_hash == key, *self._live(), account.c.disabled.is_(False))
        )
        with reading(self._engine) as connection:
            return connection.execute(query).mappings().one_or_none()

    def close(self, key: str) -> None:
        """End one session. Its grants stay the user's until they expire, but need a session to be used."""
        with writing(self._engine) as connection:
            connection.execute(delete(session).where(session.c.id_hash == key))

    def settle(self, key: str) -> None:
        """A session by a one-time code counts as any other from now on: its person has a way in of their own."""
        with writing(self._engine) as connection:
            connection.execute(update(session).where(session.c.id_hash == key).values(by_code=False))

    def close_others(self, user_id: str, keep: str) -> int:
        """End every other session of a user (after a new password); returns how many there were. `keep` stops being by code."""
        with writing(self._engine) as connection:
            connection.execute(update(session).where(session.c.id_hash == keep).values(by_code=False))
            gone = connection.execute(delete(session).where(session.c.account_id == user_id, session.c.id_hash != keep))
            return gone.rowcount

    def count(self) -> int:
        """How many sessions are live."""
        query = select(session.c.id_hash).where(*self._live())
        with reading(self._engine) as connection:
            return len(connection.execute(query).all())


def _way(passkey: str, by_code: bool, by_council: bool) -> str:
    return "council" if by_council else "passkey" if passkey else "code" if by_code else "password"


def _signed_in(row: RowMapping, csrf: str) -> SignedIn:
    how = row["passkey_id"], row["by_council"]
    return SignedIn(user_of_row(row), row["id_hash"], csrf, row["by_code"], row["expires_us"], *how)
