"""Accounts and sessions against a real SQLite file."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from belvedere.foundation.clock import SimulatedClock
from belvedere.foundation.errors import BadInput, Conflict, NotFound
from belvedere.hub.access import sessions
from belvedere.hub.access.credentials import Passwords
from belvedere.hub.access.sessions import SessionDesk, SignedIn
from belvedere.hub.access.users import CODE_LIFE_US, SignIn, UserDesk
from belvedere.hub.storage import open_engine, reading, upgrade, writing
from belvedere.hub.storage.acts import forget_act, noting, waiting_acts
from belvedere.hub.storage.metadata import access_grant, account, session
from hub_stage import FAST

ROLES = frozenset({"operator", "dpo"})
GOOD = "correct horse battery"


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_engine(f"sqlite:///{tmp_path / 'hub.db'}")
    upgrade(opened)
    yield opened
    opened.dispose()


@pytest.fixture
def users(engine: Engine, clock: SimulatedClock) -> UserDesk:
    return UserDesk(engine, clock, ROLES, Passwords(FAST), noting(clock))


@pytest.fixture
def desk(engine: Engine, clock: SimulatedClock) -> SessionDesk:
    return SessionDesk(engine, clock)


def test_a_code_opens_once(users: UserDesk) -> None:
    user, code = users.create("Ann@Example.org", "operator", "Ann")
    assert user.name == "ann@example.org" and not user.has_password
    first = users.check("ann@example.ORG", code.lower())
    assert first is not None and first.by_code and first.user == user
    assert users.check("ann@example.org", code) is None


def test_a_code_ends_with_its_life(users: UserDesk, clock: SimulatedClock) -> None:
    _, code = users.create("ann", "operator")
    clock.advance(CODE_LIFE_US)
    assert users.check("ann", code) is None


def test_a_password_ends_an_open_code(users: UserDesk) -> None:
    user, code = users.create("ann", "operator")
    users.set_password(user, GOOD)
    assert users.check("ann", code) is None
    signed = users.check("ann", GOOD)
    assert signed is not None and not signed.by_code and signed.user.has_password


def test_secrets_are_not_in_the_file(users: UserDesk, engine: Engine) -> None:
    user, code = users.create("ann", "operator")
    with reading(engine) as connection:
        row = connection.execute(select(account)).one()
    assert code not in str(row) and code.replace("-", "") not in str(row)
    users.set_password(user, GOOD)
    with reading(engine) as connection:
        assert GOOD not in str(connection.execute(select(account)).one())


def test_wrong_and_unknown_look_alike(users: UserDesk) -> None:
    user, _ = users.create("ann", "operator")
    users.set_password(user, GOOD)
    assert users.check("ann", "wrong") is None
    assert users.check("nobody", "wrong") is None
    assert users.check("ann", "") is None


def test_weak_old_hash_is_made_anew(users: UserDesk, engine: Engine, clock: SimulatedClock) -> None:
    user, _ = users.create("ann", "operator")
    users.set_password(user, GOOD)
    stronger = UserDesk(engine, clock, ROLES, Passwords(type(FAST)(time_cost=2, memory_cost=16, parallelism=1)))
    assert stronger.check("ann", GOOD) is not None
    with reading(engine) as connection:
        assert "m=16,t=2" in str(connection.scalar(select(account.c.password_hash)))


@pytest.mark.parametrize(
    ("name", "role"), [("", "operator"), ("a b", "operator"), ("ann", "superuser"), ("-ann", "dpo")]
)
def test_bad_accounts_are_refused(users: UserDesk, name: str, role: str) -> None:
    with pytest.raises(BadInput):
        users.create(name, role)


def test_one_name_is_one_person(users: UserDesk) -> None:
    users.create("ann", "operator")
    with pytest.raises(Conflict):
        users.create("ANN", "dpo")
    with pytest.raises(NotFound):
        users.by_name("bob")


def test_a_new_code_ends_password_and_sessions(users: UserDesk, desk: SessionDesk) -> None:
    user, _ = users.create("ann", "operator")
    users.set_password(user, GOOD)
    token, _ = desk.open(SignIn(user, by_code=False), "10.0.0.1")
    _, code = users.renew_code("ann")
    assert desk.find(token) is None
    assert users.check("ann", GOOD) is None
    assert users.check("ann", code) is not None


def test_a_disabled_account_is_shut(users: UserDesk, desk: SessionDesk) -> None:
    user, code = users.create("ann", "operator")
    token, _ = desk.open(SignIn(user, by_code=True), "")
    users.disable("ann")
    assert desk.find(token) is None
    assert users.check("ann", code) is None
    found = users.by_id(user.id)
    assert found is not None and found.disabled
    assert users.by_id("user_x") is None and [each.name for each in users.all()] == ["ann"]


def test_a_disabled_account_has_no_open_grant(users: UserDesk, engine: Engine, clock: SimulatedClock) -> None:
    ann, _ = users.create("ann", "operator")
    bob, _ = users.create("bob", "operator")
    now_us = clock.now_us()
    with writing(engine) as connection:
        for number, user in enumerate((ann, ann, bob)):
            row = {"id": f"grant_{number}", "account_id": user.id, "issued_us": now_us, "expires_us": now_us + 1}
            row |= {"purpose": "duty", "case_ref": "", "wire": b"{}", "audit_index": number, "session_key": ""}
            connection.execute(insert(access_grant).values(**row))
    users.disable("ann")
    with reading(engine) as connection:
        ended = connection.execute(select(access_grant.c.id).where(access_grant.c.ended_us.is_not(None))).scalars()
        assert sorted(ended) == ["grant_0", "grant_1"]
    assert sorted(waiting_acts(engine)[-1].facts["grants_ended"]) == ["grant_0", "grant_1"]


def test_acts_are_noted_with_the_act(users: UserDesk, engine: Engine) -> None:
    users.create("ann", "operator")
    users.renew_code("ann")
    users.disable("ann")
    with pytest.raises(Conflict):
        users.create("ann", "operator")
    acts = waiting_acts(engine)
    assert [act.kind for act in acts] == ["account.created", "account.code_renewed", "account.disabled"]
    forget_act(engine, acts[0].id)
    assert len(waiting_acts(engine)) == 2


def test_a_session_lives_while_used(users: UserDesk, desk: SessionDesk, clock: SimulatedClock) -> None:
    user, _ = users.create("ann", "operator")
    token, opened = desk.open(SignIn(user, by_code=True), "10.0.0.1")
    for _ in range(10):
        clock.advance(sessions.IDLE_US - 1_000_000)
        found = desk.find(token)
        assert isinstance(found, SignedIn) and found.csrf == opened.csrf and found.by_code
    assert desk.alive(opened.key) and desk.count() == 1
    clock.advance(sessions.IDLE_US)
    assert desk.find(token) is None and not desk.alive(opened.key) and desk.count() == 0


def test_a_session_ends_after_eight_hours_however_much_used(
    users: UserDesk, desk: SessionDesk, clock: SimulatedClock
) -> None:
    user, _ = users.create("ann", "operator")
    token, _ = desk.open(SignIn(user, by_code=False), "")
    passed = 0
    while desk.find(token) is not None:
        clock.advance(sessions.IDLE_US // 3)
        passed += sessions.IDLE_US // 3
    assert passed == sessions.LONGEST_US


def test_session_ids_are_not_in_the_file(users: UserDesk, desk: SessionDesk, engine: Engine) -> None:
    user, _ = users.create("ann", "operator")
    token, opened = desk.open(SignIn(user, by_code=False), "x" * 200)
    with reading(engine) as connection:
        row = str(connection.execute(select(session)).one())
    assert token not in row and opened.csrf not in row
    assert desk.find("") is None and desk.find("guess") is None


def test_closing_sessions(users: UserDesk, desk: SessionDesk, clock: SimulatedClock) -> None:
    user, _ = users.create("ann", "operator")
    one, kept = desk.open(SignIn(user, by_code=True), "")
    other, _ = desk.open(SignIn(user, by_code=True), "")
    assert desk.close_others(user.id, kept.key) == 1
    still = desk.find(one)
    assert isinstance(still, SignedIn) and not still.by_code
    assert desk.find(other) is None
    desk.close(kept.key)
    assert desk.find(one) is None
    desk.open(SignIn(user, by_code=True), "")
    clock.advance(sessions.IDLE_US)
    desk.open(SignIn(user, by_code=True), "")  # sweeps what has ended
    assert desk.count() == 1
