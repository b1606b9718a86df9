"""Sessions: a 256-bit id in a cookie, its SHA-256 in the database, 15 minutes idle, 8 hours at most (ASVS 5.0 V7)."""

from dataclasses import dataclass

from sqlalchemy import Engine, delete, insert, or_, select, update

from belvedere.foundation.clock import HOUR_US, MINUTE_US, SECOND_US, Clock
from belvedere.hub.access import credentials
from belvedere.hub.access.users import SignIn, User
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, session

IDLE_US = 15 * MINUTE_US
LONGEST_US = 8 * HOUR_US
_TOUCH_US = 30 * SECOND_US  # use is written down at most this often


@dataclass(frozen=True, slots=True)
class SignedIn:
    """An open session and its user."""

    user: User
    key: str  # SHA-256 of the session id, hex; safe to keep, opens nothing
    csrf: str
    by_code: bool
    expires_us: int  # absolute end; use does not move it


class SessionDesk:
    """Open sessions in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def open(self, sign_in: SignIn, address: str) -> tuple[str, SignedIn]:
        """Begin a session; returns the id for the cookie and the session. `address` is where the browser is."""
        token = credentials.new_session_id()
        now_us = self._clock.now_us()
        opened = SignedIn(
            sign_in.user, credentials.digest(token), credentials.csrf_of(token), sign_in.by_code, now_us + LONGEST_US
        )
        with writing(self._engine) as connection:
            connection.execute(
                delete(session).where(or_(session.c.expires_us <= now_us, session.c.used_us <= now_us - IDLE_US))
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
                )
            )
        return token, opened

    def find(self, token: str) -> SignedIn | None:
        """The live session of a cookie, extended by this use; None when there is none or it has ended."""
        return self._use(credentials.digest(token), credentials.csrf_of(token)) if token else None

    def alive(self, key: str) -> bool:
        """Whether a session still lives, counting as a use of it. Long connections (live pictures) ask every few seconds."""
        return self._use(key, "") is not None

    def _use(self, key: str, csrf: str) -> SignedIn | None:
        now_us = self._clock.now_us()
        query = (
            select(session.c.used_us, session.c.expires_us, session.c.by_code, account)
            .join(account, account.c.id == session.c.account_id)
            .where(
                session.c.id_hash == key,
                session.c.expires_us > now_us,
                session.c.used_us > now_us - IDLE_US,
                account.c.disabled.is_(False),
            )
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).mappings().one_or_none()
        if row is None:
            return None
        if now_us - row["used_us"] >= _TOUCH_US:
            with writing(self._engine) as connection:
                connection.execute(update(session).where(session.c.id_hash == key).values(used_us=now_us))
        user = User(
            id=row["id"],
            name=row["name"],
            display=row["display"],
            role=row["role"],
            has_password=row["password_hash"] != "",
            disabled=row["disabled"],
            created_us=row["created_us"],
        )
        return SignedIn(user, key, csrf, row["by_code"], row["expires_us"])

    def close(self, key: str) -> None:
        """End one session. Its grants stay the user's until they expire, but need a session to be used."""
        with writing(self._engine) as connection:
            connection.execute(delete(session).where(session.c.id_hash == key))

    def close_others(self, user_id: str, keep: str) -> int:
        """End every other session of a user (after a new password); returns how many there were. `keep` stops being by code."""
        with writing(self._engine) as connection:
            connection.execute(update(session).where(session.c.id_hash == keep).values(by_code=False))
            gone = connection.execute(delete(session).where(session.c.account_id == user_id, session.c.id_hash != keep))
            return gone.rowcount

    def count(self) -> int:
        """How many sessions are live."""
        now_us = self._clock.now_us()
        query = select(session.c.id_hash).where(session.c.expires_us > now_us, session.c.used_us > now_us - IDLE_US)
        with reading(self._engine) as connection:
            return len(connection.execute(query).all())
