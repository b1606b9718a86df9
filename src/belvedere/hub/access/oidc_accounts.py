"""Which account is whose at the council's provider. A name finds it the first time, from then on the subject does.

Names and e-mail addresses are given to other people one day; a subject never is (OpenID Connect Core 1.0, section 5.7).
"""

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import Conflict, Refused
from belvedere.hub.access.oidc import Proven
from belvedere.hub.access.users import User, UserDesk
from belvedere.hub.storage.acts import NoteAct
from belvedere.hub.storage.engine import reading, writing
from belvedere.hub.storage.metadata import council_account

UNBOUND = "council.unbound"


class CouncilAccounts:
    """Bindings in the hub's database. Blocking; call it in a thread from async code."""

    def __init__(self, engine: Engine, clock: Clock, users: UserDesk) -> None:
        self._engine = engine
        self._clock = clock
        self._users = users

    def find(self, proven: Proven) -> tuple[User, bool]:
        """The open account of a person, and whether it was bound to them before. Raises Refused with the reason."""
        query = select(council_account.c.account_id).where(
            council_account.c.issuer == proven.issuer, council_account.c.subject == proven.subject
        )
        with reading(self._engine) as connection:
            bound_to = connection.scalar(query)
        user = self._users.by_id(bound_to) if bound_to else self._by_name(proven.name)
        if user is None:
            raise Refused(
                "The council knows you, but you have no account here.",
                advice="Ask whoever looks after the accounts to add you.",
            )
        if user.disabled:
            raise Refused("This account is closed.", advice="Ask whoever looks after the accounts.")
        if not bound_to and self._subject_of(proven.issuer, user.id):
            raise Refused(
                "The account of that name belongs to somebody else at the council.",
                advice="Ask whoever looks after the accounts; they can undo the link if you are the same person.",
            )
        return user, bool(bound_to)

    def bind(self, proven: Proven, user: User) -> None:
        """From now on this subject is this account. Raises Conflict when either was bound meanwhile."""
        row = {"issuer": proven.issuer, "account_id": user.id, "subject": proven.subject}
        with writing(self._engine) as connection:
            try:
                connection.execute(insert(council_account).values(**row, bound_us=self._clock.now_us()))
            except IntegrityError as error:
                raise Conflict("Somebody signed in so at the same moment.", advice="Start again.") from error

    def _by_name(self, name: str) -> User | None:
        """An account is found by its name exactly, as `named` gives it."""
        found = self._users.find(name) if name else None
        return found if found is not None and found.name == name else None

    def account_of(self, issuer: str, subject: str) -> str:
        """The account of a person at the provider, "" for one who never signed in here."""
        query = select(council_account.c.account_id).where(
            council_account.c.issuer == issuer, council_account.c.subject == subject
        )
        with reading(self._engine) as connection:
            return connection.scalar(query) or ""

    def _subject_of(self, issuer: str, account_id: str) -> str:
        query = select(council_account.c.subject).where(
            council_account.c.issuer == issuer, council_account.c.account_id == account_id
        )
        with reading(self._engine) as connection:
            return connection.scalar(query) or ""


def unbind(engine: Engine, users: UserDesk, name: str, note: NoteAct) -> bool:
    """Forget who an account is at the council's provider; whether anything was known. Raises NotFound."""
    user = users.by_name(name)
    with writing(engine) as connection:
        gone = connection.execute(delete(council_account).where(council_account.c.account_id == user.id)).rowcount > 0
        if gone:
            note(connection, UNBOUND, {"account": user.id, "name": user.name})
    return gone
