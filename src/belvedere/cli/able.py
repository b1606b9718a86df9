"""Whether the people of a hub are able to work by four eyes: what `belvedere doctor` says of them."""

from collections.abc import Iterable

from sqlalchemy import select

from belvedere.foundation.clock import DAY_US
from belvedere.foundation.settings import Settings
from belvedere.hub.access.users import HAS_PASSKEY, User, team_of, user_of_row
from belvedere.hub.storage import open_engine
from belvedere.hub.storage.engine import reading
from belvedere.hub.storage.metadata import account
from belvedere.policy.row import Need, Second
from belvedere.policy.table import FULL_TABLE

_NAMED = 5


def shortcomings(settings: Settings, now_us: int) -> list[str]:
    """What stands in people's way, in words; nothing where nobody has an account. Blocking; reads only."""
    engine = open_engine(settings.hub_database_url)
    try:
        with reading(engine) as connection:
            rows = connection.execute(select(account, HAS_PASSKEY).order_by(account.c.name)).mappings()
            people = [user for user in map(user_of_row, rows) if not user.disabled]
    finally:
        engine.dispose()
    return list(_found(people, now_us))


def _found(people: list[User], now_us: int) -> Iterable[str]:
    looks = frozenset(role for row in FULL_TABLE.rows if Need.TRAINING in row.needs for role in row.roles)
    seconds = frozenset(role for row in FULL_TABLE.rows if row.second is Second.BEFORE for role in row.approvers)
    lookers = [user for user in people if user.roles & looks]
    late = [user.name for user in lookers if (user.trained_us or 0) < now_us - FULL_TABLE.training_life_us]
    if late:
        days = FULL_TABLE.training_life_us // DAY_US
        yield f"no training date of the last {days} days: {_names(late)}. belvedere user set NAME --trained DAY."
    able = [user for user in people if user.roles & seconds]
    alone = [
        user.name for user in lookers if not any(team_of(each) != team_of(user) for each in able if each.id != user.id)
    ]
    if alone:
        yield f"nobody of another team can agree to requests of {_names(alone)}. docs/guide/four-eyes.md says what to do."
    bare = [user.name for user in able if not user.has_passkey]
    if bare:
        yield f"can't agree to anything without a passkey: {_names(bare)}. They add one under Settings."


def _names(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")
