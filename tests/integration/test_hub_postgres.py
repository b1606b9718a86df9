"""The same schema and the same desks on a real PostgreSQL, started from the test dependencies."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

import postgres_stage
from aging_stage import Noted, fill, here, place_hold
from authenticator import Authenticator
from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.errors import Conflict
from belvedere.hub.access.credentials import Passwords
from belvedere.hub.access.devices import Device
from belvedere.hub.access.origin import RelyingParty
from belvedere.hub.access.passkeys import PasskeyDesk
from belvedere.hub.access.sessions import Moved, SessionDesk, SignedIn
from belvedere.hub.access.staff import Staff, StaffDesk
from belvedere.hub.access.users import SignIn, UserDesk
from belvedere.hub.approvals.ask import AccessRequest, Wanted
from belvedere.hub.approvals.glass import Glass
from belvedere.hub.approvals.glass_store import GlassStore
from belvedere.hub.approvals.roster import Roster, Turn
from belvedere.hub.approvals.store import RequestStore
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.aging import DROPPED, RecordAging
from belvedere.hub.fleet.records import RecordBook
from belvedere.hub.fleet.tables import site_record
from belvedere.hub.register.cameras import CameraRegister
from belvedere.hub.storage import NEWEST, open_engine, reading, revision_of, upgrade, writing
from belvedere.hub.storage.acts import forget_act, noting, waiting_acts
from belvedere.hub.storage.days import AHEAD_DAYS, add_days, day_name, is_part, keep_ahead, rest_of
from belvedere.hub.storage.metadata import METADATA, hold
from belvedere.hub.storage.rows import count_rows, put_rows
from belvedere.link.records import ALERTS, Batch, Record
from belvedere.policy.grant import Action
from hub_stage import FAST, gate, hub_stage


@pytest.fixture(scope="module")
def url() -> str:
    return postgres_stage.empty("hub_postgres")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    with opened.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    yield opened
    opened.dispose()


def _described(name: str | None, kind: str, _parents: object) -> bool:
    """Days and the index of cards are PostgreSQL's own: docs/design/postgres.md."""
    return not (kind == "table" and is_part(name or "")) and name != "ix_site_record_site_card"


def test_the_schema_is_the_same(engine: Engine) -> None:
    upgrade(engine, "0001")
    assert revision_of(engine) == "0001"
    upgrade(engine)
    assert revision_of(engine) == NEWEST
    with reading(engine) as connection:
        opts = {"compare_type": True, "include_name": _described}
        context = MigrationContext.configure(connection, opts=opts)
        assert compare_metadata(context, METADATA) == []


def test_accounts_sessions_and_cameras_work(engine: Engine) -> None:
    upgrade(engine)
    clock = SimulatedClock()
    users = UserDesk(engine, clock, frozenset({"operator"}), Passwords(FAST), noting(clock))
    sessions = SessionDesk(engine, clock)
    user, code = users.create("ann", "operator")
    with pytest.raises(Conflict):
        users.create("ann", "operator")
    sign_in = users.check("ann", code)
    assert sign_in is not None and users.check("ann", code) is None
    token, opened = sessions.open(sign_in, "10.0.0.1")
    clock.advance(60_000_000)
    assert sessions.find(token) is not None and sessions.count() == 1
    users.set_password(user, "correct horse battery")
    assert sessions.close_others(user.id, opened.key) == 0
    register = CameraRegister(engine, clock, noting(clock))
    register.put_site("main", "Alder Grove")
    register.put_camera(gate())
    assert register.put_camera(gate(name="Main gate")).name == "Main gate"
    acts = waiting_acts(engine)
    assert [act.kind for act in acts] == ["account.created", "camera.added", "camera.changed"]
    assert acts[0].facts["name"] == "ann"
    forget_act(engine, acts[0].id)
    assert len(waiting_acts(engine)) == 2


def test_passkeys_roles_and_bound_sessions_work(engine: Engine) -> None:
    upgrade(engine)
    clock = SimulatedClock()
    staff, keys, sessions = (
        StaffDesk(engine, clock, noting(clock)),
        PasskeyDesk(engine, clock),
        SessionDesk(engine, clock),
    )
    users = UserDesk(engine, clock, frozenset({"operator"}), Passwords(FAST))
    person = Staff("ann", "Ann", ("operator", "investigator"), ("main",), ((1, 2),), 3, "SIA-1", 4)
    codes = staff.carry_out(staff.plan([person]))
    assert staff.of("ann") == person and users.check("ann", codes["ann"]) is not None
    party, key, user = RelyingParty("hub.test", "https://hub.test"), Authenticator(), users.by_name("ann")
    pending, options = keys.begin_adding(user, "s", party)
    known = keys.add(user, "s", pending.id, key.create(options), "Blue key")
    for _ in range(2):
        pending, options = keys.begin_sign_in(party)
        assert keys.sign_in(pending.id, key.get(options)).id == known.id
    assert users.by_name("ann").has_passkey
    device = Device("a" * 64, "Firefox on Windows")
    token, opened = sessions.open(SignIn(users.by_name("ann"), False, known.id), "10.0.0.1", device)
    found = sessions.find(token, device)
    assert (
        isinstance(found, SignedIn) and found.passkey == known.id and found.user.roles == {"operator", "investigator"}
    )
    assert [each.by for each in sessions.of(user.id)] == ["passkey"]
    assert isinstance(sessions.find(token, Device("b" * 64, device.agent)), Moved) and not sessions.alive(opened.key)
    staff.carry_out(staff.plan([person], frozenset({"ann"})))
    assert users.by_name("ann").disabled


def test_requests_rosters_and_break_glass_work(engine: Engine) -> None:
    upgrade(engine)
    requests, glasses, clock = RequestStore(engine), GlassStore(engine), SimulatedClock()
    wanted = Wanted("investigation", "C-1", ("gate",), 1, 2, (Action.PLAYBACK,), 3, "the door")
    request = AccessRequest(
        id="request_1",
        account_id="ivy",
        user_name="Ivy",
        team="one",
        roles=("investigator",),
        purpose_text="Work",
        wanted=wanted,
        place=None,
        ask_sha256="a" * 64,
        rule="approval.needed",
        approvers=("supervisor",),
        audit_index=4,
        asked_us=5,
        lapses_us=6,
    )
    requests.add(request)
    assert requests.get("request_1") == request and requests.waiting() == [request] and requests.due(6) == [request]
    requests.weigh("request_1", {"camera_hours": 1.5})
    given = request.wanted.words()
    assert requests.leave_waiting("request_1", state="approved", decided_us=7, given=given)
    assert not requests.leave_waiting("request_1", state="refused", decided_us=8)
    assert requests.put_grant("request_1", "grant_1") and not requests.put_grant("request_1", "grant_2")
    after = requests.get("request_1")
    assert after.given == request.wanted and after.weighing == {"camera_hours": 1.5} and after.grant_id == "grant_1"
    assert requests.decided() == requests.of("ivy") == [after] and requests.decided(before="request_1") == []
    glass = Glass("glass_1", "oli", "Oli", "two", "life", "words", "", ("gate",), 1, 2, "grant_3", "proof", 1, 2, 3)
    with writing(engine) as connection:
        glasses.add(connection, glass)
    assert glasses.overdue(3) == [glass] and glasses.overdue(2) == []
    with writing(engine) as connection:
        glasses.review(
            connection, "glass_1", reviewed_us=4, reviewed_by="sam", reviewer="Sam", justified=False, review="no"
        )
    glasses.lift("glass_1", lifted_us=5, lifted="spoken to")
    assert glasses.of("oli")[0].state(6) == "lifted" and glasses.overdue(9) == []
    roster = Roster(engine, clock)
    roster.put([Turn("sam", clock.now_us(), clock.now_us() + 9)], "max")
    assert roster.on_call() == {"sam"} and len(roster.turns()) == 1


def test_a_failed_block_is_undone(engine: Engine) -> None:
    upgrade(engine)
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(text("INSERT INTO site (id, name, created_us) VALUES ('a', 'A', 1)"))
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.scalar(text("SELECT count(*) FROM site")) == 0


async def test_the_whole_hub_runs_on_it(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BELVEDERE_HUB__DATABASE_URL", url)
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        assert stage.hub.engine.dialect.name == "postgresql"
        grant = (await browser.post("/api/grants", json={"purpose": "duty"})).json()
        assert grant["cameras"] == ["gate"]
        assert (await browser.get("/api/grants")).json()["grants"] == [grant]
        assert (await browser.delete(f"/api/grants/{grant['id']}")).status_code == 204
        assert stage.kinds() == ["session.opened", "grant.issued", "grant.ended"]
    assert not (tmp_path / "hub" / "hub.db").exists()


def test_records_lie_in_partitions_a_day_that_are_made_ahead(engine: Engine) -> None:
    upgrade(engine)
    clock = SimulatedClock()
    book = RecordBook(engine, clock)

    def rows(table: str) -> int:
        with reading(engine) as connection:
            return int(connection.scalar(text(f"SELECT count(*) FROM {table}")) or 0)

    today = clock.now_us() // DAY_US
    for day in range(AHEAD_DAYS + 3):
        assert book.take("rowan", Batch(bytes(16), 1, day + 1, 0, (Record("seen", day, "{}"),))) == day + 2
        assert rows(day_name("site_record", today + day)) == 1
        clock.advance(DAY_US)
    assert rows(rest_of("site_record")) == 0 and rows("site_record") == AHEAD_DAYS + 3
    assert keep_ahead(engine, clock) and keep_ahead(engine, clock) == []  # today's, then nothing
    with reading(engine) as connection:
        plan = "\n".join(
            connection.scalars(text(f"EXPLAIN SELECT * FROM site_record WHERE received_us >= {clock.now_us()}"))
        )
    assert day_name("site_record", today) not in plan  # days that can't hold the answer are not read


def test_a_record_without_a_day_of_its_own_is_kept_all_the_same(engine: Engine) -> None:
    upgrade(engine)
    far_us = 4_000_000_000 * 1_000_000
    with writing(engine) as connection:
        put_rows(connection, site_record, [("rowan", "00", 1, 1, "seen", 1, far_us, "{}")])
        assert count_rows(connection, site_record) == 1
        assert add_days(connection, "site_record", far_us, far_us) == []  # it stays where it is
        assert add_days(connection, "site_record", far_us + DAY_US, far_us + DAY_US) != []


def test_days_are_made_for_records_that_are_there_before(engine: Engine) -> None:
    upgrade(engine, "0028")
    then_us = 1_780_000_000 * 1_000_000
    with writing(engine) as connection:
        for seq, received_us in enumerate((then_us, then_us + 1, then_us + DAY_US)):
            words = "INSERT INTO site_record VALUES ('rowan', '00', 1, :seq, 'seen', 1, :received_us, '{}')"
            connection.execute(text(words), {"seq": seq, "received_us": received_us})
    upgrade(engine)
    with reading(engine) as connection:
        day = day_name("site_record", then_us // DAY_US)
        assert connection.scalar(text(f"SELECT count(*) FROM {day}")) == 2
        assert connection.scalar(text("SELECT count(*) FROM site_record")) == 3
        assert connection.scalar(text("SELECT count(*) FROM site_record_rest")) == 0


def test_two_processes_that_are_sent_one_batch_take_it_once(engine: Engine) -> None:
    upgrade(engine)
    clock, batch = SimulatedClock(), Batch(bytes(16), 1, 1, 0, tuple(Record("seen", at, "{}") for at in range(50)))
    books = [RecordBook(engine, clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(lambda book: book.take("rowan", batch), books)) == {51}
    assert books[0].count("rowan") == 50 == sum(book.taken for book in books)


def test_records_go_by_whole_days_and_what_a_hold_needs_stays(engine: Engine) -> None:
    upgrade(engine)
    clock, log = SimulatedClock(), Noted()
    book, begun_us = RecordBook(engine, clock), clock.now_us()
    fill(book, clock, 6)
    place_hold(engine, "gate", begun_us, begun_us + DAY_US)
    clock.advance(2 * DAY_US)
    keeper = RecordAging(engine, clock, cast(AuditLog, log), days=3)
    first = day_name("site_record", begun_us // DAY_US)
    gone = asyncio.run(keeper.look())
    with reading(engine) as connection:
        assert first not in inspect(connection).get_table_names()
        assert connection.scalar(text(f"SELECT count(*) FROM {rest_of('site_record')}")) == 3
    young = [seq for seq in here(engine) if seq > 3]
    assert here(engine) == [1, 3, *young] and young == list(range(young[0], 25)) and young[0] > 4
    assert here(engine, ALERTS)[0] == 1 and gone.held == 3 and keeper.missing() == []
    assert sum(gone.records.values()) == 30 - len(here(engine)) - len(here(engine, ALERTS))
    with writing(engine) as connection:
        connection.execute(hold.update().values(ended_us=clock.now_us()))
    assert asyncio.run(keeper.look()).records == {"rowan": 3}
    assert here(engine) == young and [kind for kind, _ in log.facts] == [DROPPED] * 2 and keeper.missing() == []
