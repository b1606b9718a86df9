"""Durable jobs on both databases: done once, whichever process takes them, whatever ends in the middle."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from belvedere.foundation.clock import SECOND_US, SimulatedClock, SystemClock
from belvedere.foundation.errors import NotFound
from belvedere.hub.jobs.desk import LEASE_US, MOST_DEATHS, JobDesk, enqueue
from belvedere.hub.jobs.owner import Owner
from belvedere.hub.jobs.store import CANCELLED, DONE, FAILED, RUNNING, WAITING, Job, JobStore
from belvedere.hub.jobs.work import Later, NotOurs, Work
from belvedere.hub.storage import open_engine
from belvedere.hub.storage.engine import writing
from hub_stage import empty_database
from jobs_stage import KIND, STEPS, Stepper
from postgres_stage import database_of

JOBS = Path(__file__).parents[1] / "jobs_stage.py"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgresql":
        return database_of(tmp_path)
    (tmp_path / "hub.db").write_bytes(empty_database())
    return f"sqlite:///{tmp_path / 'hub.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    opened = open_engine(url)
    yield opened
    opened.dispose()


def job_of(engine: Engine, name: str) -> Job:
    found = JobStore(engine, SystemClock()).get(name)
    assert found is not None
    return found


async def until_over(engine: Engine, name: str) -> Job:
    """Its row once it is final; a desk somewhere is at it."""
    async with asyncio.timeout(120):
        while (found := await asyncio.to_thread(job_of, engine, name)).state in (WAITING, RUNNING):
            await asyncio.sleep(0.02)
    return found


def steps(stepper: Stepper, name: str) -> list[int]:
    return [int(line.split()[1]) for line in stepper.lines() if line.split()[0] == name]


async def test_jobs_are_done_in_turn_and_enqueued_with_their_row_or_not_at_all(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    desk, stepper = JobDesk(engine, clock, tmp_path / "jobs"), Stepper(tmp_path / "out")
    await desk.serve(stepper)
    try:
        for name in ("one", "two"):
            await enqueue(desk, engine, clock, name, KIND, 1, {})
            clock.advance(1)
        await desk.idle(KIND)
        assert stepper.lines() == [f"{name} {step} a" for name in ("one", "two") for step in range(STEPS)]
        over = job_of(engine, "one")
        assert (over.state, over.progress, over.attempts, over.owner) == (DONE, 1.0, 1, "")
    finally:
        await desk.stop()
    assert not list((tmp_path / "jobs").iterdir())


async def test_killed_in_the_middle_it_goes_on_after_the_last_whole_step(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    out, folder, clock = tmp_path / "out", tmp_path / "jobs", SystemClock()
    waiting = JobDesk(engine, clock, folder)
    await enqueue(waiting, engine, clock, "one", KIND, 1, {})
    command = [sys.executable, str(JOBS), url, str(folder), str(out), "3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("held"):
                    break
        finally:
            process.kill()
    assert job_of(engine, "one").state == RUNNING, "nobody told the database"
    stepper = Stepper(out)
    desk = JobDesk(engine, clock, folder)
    await desk.serve(stepper)
    try:
        over = await until_over(engine, "one")
    finally:
        await desk.stop()
    assert (over.state, over.attempts) == (DONE, 2)
    assert stepper.lines() == [f"one {step} {'process' if step < 3 else 'a'}" for step in range(STEPS)]


async def test_a_process_that_ends_hands_its_job_on(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    first, second = (JobDesk(engine, clock, tmp_path / "jobs") for _ in range(2))
    holding, stepper = Stepper(tmp_path / "out", hold_at=2), Stepper(tmp_path / "out", name="b")
    await first.serve(holding)
    await enqueue(first, engine, clock, "one", KIND, 1, {})
    await holding.held.wait()
    await second.serve(stepper)
    try:
        await second.idle(KIND)
        assert steps(stepper, "one") == [0, 1], "it is in another's hands"
        await first.stop()
        await second.idle(KIND)
    finally:
        await second.stop()
    assert stepper.lines() == [f"one {step} {'a' if step < 2 else 'b'}" for step in range(STEPS)]


async def test_of_several_that_ask_at_once_one_gets_it(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    desks = [JobDesk(engine, clock, tmp_path / "jobs") for _ in range(4)]
    steppers = [Stepper(tmp_path / "out", name=name) for name in "abcd"]
    for number in range(6):
        await enqueue(desks[0], engine, clock, f"job-{number}", KIND, 1, {})
    await asyncio.gather(*(desk.serve(stepper) for desk, stepper in zip(desks, steppers, strict=True)))
    try:
        for number in range(6):
            over = await until_over(engine, f"job-{number}")
            assert (over.state, over.attempts) == (DONE, 1)
            assert steps(steppers[0], f"job-{number}") == list(range(STEPS))
    finally:
        await asyncio.gather(*(desk.stop() for desk in desks))


async def test_a_job_just_taken_is_not_taken_again_by_the_same_process(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    desk, stepper = JobDesk(engine, clock, tmp_path / "jobs"), Stepper(tmp_path / "out")
    await desk.serve(Stepper(tmp_path / "out", formats=()))  # it takes nothing by itself: it knows no format
    try:
        await enqueue(JobDesk(engine, clock, tmp_path / "x"), engine, clock, "one", KIND, 1, {})
        assert await desk._take(stepper, only_cancelled=False) is not None
        assert await desk._take(stepper, only_cancelled=False) is None
    finally:
        await desk.stop()
    again = JobDesk(engine, clock, tmp_path / "jobs")
    await again.serve(Stepper(tmp_path / "out"))
    try:
        assert (await until_over(engine, "one")).state == DONE, (
            "taken, never begun, and free the moment the process ended"
        )
    finally:
        await again.stop()


async def test_a_lease_that_stands_still_is_taken_and_its_late_owner_can_write_nothing(
    engine: Engine, tmp_path: Path
) -> None:
    clock = SimulatedClock()
    store = JobStore(engine, clock)
    ours, theirs = (Owner(tmp_path / name, clock, LEASE_US) for name in ("here", "there"))  # two machines
    with_desk = JobDesk(engine, clock, tmp_path / "x")
    await enqueue(with_desk, engine, clock, "one", KIND, 1, {})

    def take(owner: Owner) -> "tuple[Job, bool] | None":
        return store.take(
            KIND, (1,), owner.id, LEASE_US, lambda job: owner.is_dead(job.owner) or owner.lease_is_over(job)
        )

    taken = take(ours)
    assert taken is not None and take(theirs) is None
    late, _ = taken
    for _ in range(5):
        clock.advance(LEASE_US - SECOND_US)
        assert store.beat(late, LEASE_US, 0.5, "") is False and take(theirs) is None, "a lease that moves is kept"
    clock.step(30 * 86_400 * SECOND_US)
    assert take(theirs) is None, "a clock that is set says nothing"
    clock.advance(LEASE_US)
    stolen = take(theirs)
    assert stolen is not None and stolen[1] is False
    assert store.beat(late, LEASE_US, 0.9, "") is None
    assert not store.note(late, {"step": 9}) and not store.end(late, DONE, "") and not store.let_go(late, 0, "")
    with pytest.raises(NotOurs):
        await Work(late, store, clean=True).note(step=9)
    assert store.end(stolen[0], DONE, "")
    ours.close()
    theirs.close()


async def test_a_job_of_an_older_version_is_done_and_one_of_a_newer_waits_for_it(
    engine: Engine, tmp_path: Path
) -> None:
    clock = SimulatedClock()
    old = JobDesk(engine, clock, tmp_path / "jobs")
    holding = Stepper(tmp_path / "out", hold_at=1)
    await old.serve(holding)
    await enqueue(old, engine, clock, "begun", KIND, 1, {})
    await enqueue(old, engine, clock, "queued", KIND, 1, {})
    await enqueue(old, engine, clock, "newer", KIND, 2, {})
    await holding.held.wait()
    await old.stop()  # the upgrade
    new = JobDesk(engine, clock, tmp_path / "jobs")
    await new.serve(Stepper(tmp_path / "out", formats=(1, 2)))
    try:
        for name in ("begun", "queued", "newer"):
            assert (await until_over(engine, name)).state == DONE
    finally:
        await new.stop()
    assert steps(holding, "begun") == list(range(STEPS))
    again = JobDesk(engine, clock, tmp_path / "jobs")
    await again.serve(Stepper(tmp_path / "out"))
    await enqueue(again, engine, clock, "newest", KIND, 3, {})
    try:
        await again.idle(KIND)
        assert job_of(engine, "newest").state == WAITING, "left alone by software that can't read it"
    finally:
        await again.stop()


async def test_cancelled_while_it_waits_and_while_it_runs(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    desk, stepper = JobDesk(engine, clock, tmp_path / "jobs"), Stepper(tmp_path / "out", hold_at=2)
    await desk.serve(stepper)
    try:
        await enqueue(desk, engine, clock, "one", KIND, 1, {})
        await stepper.held.wait()
        await enqueue(desk, engine, clock, "two", KIND, 1, {})
        assert await desk.cancel("two")
        assert (await until_over(engine, "two")).state == CANCELLED, "it need not wait for the one that runs"
        assert await desk.cancel("one")
        assert (await until_over(engine, "one")).state == CANCELLED
        assert stepper.given_up == ["two", "one"] and steps(stepper, "two") == []
        assert not await desk.cancel("one") and not await desk.cancel("unknown")
    finally:
        await desk.stop()


async def test_one_that_has_to_wait_lets_others_pass(engine: Engine, tmp_path: Path) -> None:
    clock = SimulatedClock()
    desk, stepper = JobDesk(engine, clock, tmp_path / "jobs"), Stepper(tmp_path / "out")
    stepper.error = Later("The store is away.", 5.0)
    await desk.serve(stepper)
    try:
        await enqueue(desk, engine, clock, "one", KIND, 1, {})
        await desk.idle(KIND)
        waiting = job_of(engine, "one")
        assert (waiting.state, waiting.message) == (WAITING, "The store is away.")
        stepper.error = None
        await enqueue(desk, engine, clock, "two", KIND, 1, {})
        await desk.idle(KIND)
        assert steps(stepper, "two") and not steps(stepper, "one")
        clock.advance(5 * SECOND_US)
        await desk.idle(KIND)
        assert job_of(engine, "one").state == DONE
    finally:
        await desk.stop()


async def test_what_can_not_be_done_is_failed_in_words_and_a_killer_of_processes_too(
    engine: Engine, tmp_path: Path
) -> None:
    clock = SimulatedClock()
    desk, stepper = JobDesk(engine, clock, tmp_path / "jobs"), Stepper(tmp_path / "out")
    stepper.error = NotFound("No footage.", advice="Look again.")
    await desk.serve(stepper)
    try:
        await enqueue(desk, engine, clock, "one", KIND, 1, {})
        await desk.idle(KIND)
        failed = job_of(engine, "one")
        assert (failed.state, failed.message) == (FAILED, "No footage. Look again.")
        stepper.error = None
        await enqueue(desk, engine, clock, "two", KIND, 2, {})  # not taken yet
        with writing(engine) as connection:
            connection.exec_driver_sql(
                f"UPDATE job SET format = 1, state = 'running', owner = 'hub_dead', notes = '{{\"deaths\": {MOST_DEATHS}}}'"
                " WHERE id = 'two'"
            )
        dead = tmp_path / "jobs/hub_dead.lock"
        dead.touch()
        await desk.idle(KIND)
        failed = job_of(engine, "two")
        assert failed.state == FAILED and "ended 6 times" in failed.message and steps(stepper, "two") == []
    finally:
        await desk.stop()
