"""Local accounts. A new account has no password: it is opened with a one-time code, shown once."""

import re
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.sql.elements import ColumnElement

from belvedere.foundation.clock import HOUR_US, Clock
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.foundation.ids import new_id
from belvedere.hub.access import credentials
from belvedere.hub.access.ending import end_all_of
from belvedere.hub.storage.acts import NoteAct, nowhere
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import account, passkey, session

CODE_LIFE_US = 72 * HOUR_US
NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
HAS_PASSKEY = select(passkey.c.id).where(passkey.c.account_id == account.c.id).exists().label("has_passkey")


@dataclass(frozen=True, slots=True)
class User:
    """A person who may sign in. Holds no secret."""

    id: str
    name: str
    display: str
    role: str
    has_password: bool
    disabled: bool
    created_us: int
    has_passkey: bool = False
    roles: frozenset[str] = frozenset()  # all of them, `role` among them
    sites: tuple[str, ...] = ()  # empty: all
    shifts: tuple[tuple[int, int], ...] = ()  # [from_us, until_us), in order
    trained_us: int | None = None
    spss_number: str = ""
    spss_expires_us: int | None = None
    team: str = ""  # as kept; `team_of` is what counts


def team_of(user: User) -> str:
    """The team that counts for a second person: the one kept, else that of the main role. Lower case, for comparing."""
    return (user.team.strip() or user.role).casefold()


@dataclass(frozen=True, slots=True)
class SignIn:
    """A successful check of name and secret."""

    user: User
    by_code: bool
    passkey: str = ""  # id of the passkey that signed in, "" for a password or a code
    by_council: bool = False  # with the council's account; a passkey beside it was the second factor


class UserDesk:
    """Accounts in the hub's database. Every method is blocking; call it in a thread from async code."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        roles: frozenset[str],
        passwords: credentials.Passwords,
        note: NoteAct = nowhere,
    ) -> None:
        """`note` is called inside each transaction that changes an account (see `storage.acts`)."""
        self._engine = engine
        self._clock = clock
        self._roles = roles
        self._passwords = passwords
        self._note = note

    def create(self, name: str, role: str, display: str = "") -> tuple[User, str]:
        """Make an account; returns it and its one-time code, which is shown once. Raises BadInput, Conflict."""
        name = name.strip().lower()
        if not NAME.fullmatch(name):
            raise BadInput(
                f"{name!r} can't be a user name.",
                advice="Use letters, digits, dots, hyphens or an e-mail address, 64 characters at most.",
            )
        if role not in self._roles:
            raise BadInput(f"There is no role {role!r}.", advice=f"Choose one of: {', '.join(sorted(self._roles))}.")
        code = credentials.new_code()
        user = User(
            new_id("user", self._clock),
            name,
            display.strip() or name,
            role,
            False,
            False,
            self._clock.now_us(),
            roles=frozenset({role}),
        )
        with writing(self._engine) as connection:
            try:
                connection.execute(
                    insert(account).values(
                        id=user.id,
                        name=name,
                        display=user.display,
                        role=role,
                        password_hash="",
                        code_hash=credentials.digest(credentials.code_digits(code)),
                        code_expires_us=user.created_us + CODE_LIFE_US,
                        created_us=user.created_us,
                        disabled=False,
                    )
                )
            except IntegrityError as error:
                raise Conflict(f"There is an account {name} already.", advice="Choose another name.") from error
            self._note(connection, "account.created", {"account": user.id, "name": name, "role": role})
        return user, code

    def renew_code(self, name: str) -> tuple[User, str]:
        """A fresh one-time code for someone who lost the password. The old password and all sessions end. Raises NotFound."""
        user = self.by_name(name)
        code = credentials.new_code()
        with writing(self._engine) as connection:
            connection.execute(
                update(account)
                .where(account.c.id == user.id)
                .values(
                    password_hash="",
                    code_hash=credentials.digest(credentials.code_digits(code)),
                    code_expires_us=self._clock.now_us() + CODE_LIFE_US,
                )
            )
            connection.execute(session.delete().where(session.c.account_id == user.id))
            self._note(connection, "account.code_renewed", {"account": user.id, "name": user.name})
        return user, code

    def disable(self, name: str) -> User:
        """Close an account, end its sessions and its grants. The row stays, because log entries name it."""
        user = self.by_name(name)
        with writing(self._engine) as connection:
            connection.execute(
                update(account).where(account.c.id == user.id).values(disabled=True, password_hash="", code_hash="")
            )
            connection.execute(session.delete().where(session.c.account_id == user.id))
            ended = end_all_of(connection, user.id, self._clock.now_us())
            facts = {"account": user.id, "name": user.name, "grants_ended": ended}
            self._note(connection, "account.disabled", facts)
        return user

    def all(self) -> list[User]:
        """Every account, by name."""
        with reading(self._engine) as connection:
            query = select(account, HAS_PASSKEY).order_by(account.c.name)
            return [user_of_row(row) for row in connection.execute(query).mappings()]

    def find(self, name: str) -> User | None:
        """The account of that name, None when there is none."""
        with reading(self._engine) as connection:
            return _find(connection, account.c.name == name.strip().lower())

    def by_name(self, name: str) -> User:
        """The account of that name. Raises NotFound."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"There is no account {name}.", advice="`belvedere users list` shows them all.")
        return found

    def by_id(self, user_id: str) -> User | None:
        """The account of that id, None when there is none."""
        with reading(self._engine) as connection:
            return _find(connection, account.c.id == user_id)

    def check(self, name: str, secret: str) -> SignIn | None:
        """Whether `secret` opens the account `name`: its password, or its one-time code, which is used up by this.

        None for an unknown name, a wrong secret, a used or old code and a disabled account alike, after the same work.
        """
        with reading(self._engine) as connection:
            query = select(account, HAS_PASSKEY).where(account.c.name == name.strip().lower())
            row = connection.execute(query).mappings().one_or_none()
        stored = row["password_hash"] if row is not None and not row["disabled"] else ""
        matches = self._passwords.matches(stored, secret[: credentials.LONGEST_PASSWORD])
        if row is None or row["disabled"]:
            return None
        user = user_of_row(row)
        if matches:
            if self._passwords.outdated(stored):
                self._store_password(user.id, secret)
            return SignIn(user, by_code=False)
        return SignIn(user, by_code=True) if self._use_code(user.id, credentials.code_digits(secret)) else None

    def set_password(self, user: User, password: str) -> None:
        """Set one's password. An open one-time code ends. Raises BadInput when it is too weak."""
        credentials.require_good_password(password, name=user.name)
        self._store_password(user.id, password)

    def _store_password(self, user_id: str, password: str) -> None:
        hashed = self._passwords.hash(password)
        with writing(self._engine) as connection:
            connection.execute(
                update(account)
                .where(account.c.id == user_id, account.c.disabled.is_(False))
                .values(password_hash=hashed, code_hash="", code_expires_us=0)
            )

    def _use_code(self, user_id: str, digits: str) -> bool:
        if not digits:
            return False
        with writing(self._engine) as connection:  # one statement finds and spends it, so that two can't both succeed
            spent = connection.execute(
                update(account)
                .where(
                    account.c.id == user_id,
                    account.c.code_hash == credentials.digest(digits),
                    account.c.code_expires_us > self._clock.now_us(),
                    account.c.disabled.is_(False),
                )
                .values(code_hash="", code_expires_us=0)
            )
            return spent.rowcount == 1


def _find(connection: Connection, which: ColumnElement[bool]) -> User | None:
    row = connection.execute(select(account, HAS_PASSKEY).where(which)).mappings().one_or_none()
    return None if row is None else user_of_row(row)


def user_of_row(values: RowMapping) -> User:
    """The user of a row of `account` with `HAS_PASSKEY`."""
    return User(
        id=values["id"],
        name=values["name"],
        display=values["display"],
        role=values["role"],
        has_password=values["password_hash"] != "",
        disabled=values["disabled"],
        created_us=values["created_us"],
        has_passkey=bool(values["has_passkey"]),
        roles=frozenset({values["role"], *values["more_roles"]}),
        sites=tuple(values["sites"]),
        shifts=tuple((start, end) for start, end in values["shifts"]),
        trained_us=values["trained_us"],
        spss_number=values["spss_number"],
        spss_expires_us=values["spss_expires_us"],
        team=values["team"],
    )
