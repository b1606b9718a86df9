"""The demo's people and cases: fit for duty on every start, opened once, in the log; and what `doctor` says people lack."""

from pathlib import Path

from typer.testing import CliRunner

from belvedere.cli.able import shortcomings
from belvedere.cli.estate_analysis import DPIA, order_analysis
from belvedere.cli.estate_cases import open_cases
from belvedere.cli.estate_people import codes_of_the_demo
from belvedere.cli.main import app
from belvedere.cli.users import list_users
from belvedere.demo.incidents import INCIDENTS
from belvedere.foundation.clock import DAY_US, SimulatedClock
from belvedere.foundation.settings import load_settings
from belvedere.hub.analysis.orders import SWITCHED_ON
from belvedere.policy.standing import decide_standing
from belvedere.policy.table import TABLES
from hub_stage import hub_stage


def test_the_demos_people_are_fit_for_duty_whenever_it_starts(tmp_path: Path) -> None:
    settings, clock = load_settings(tmp_path), SimulatedClock()
    settings.hub_folder.mkdir(parents=True)
    for _ in range(3):
        codes = codes_of_the_demo(settings, clock)
        assert list(codes) == ["operator", "investigator", "supervisor", "dpo"]
        people = {user.name: user for user in list_users(settings)}
        now_us = clock.now_us()
        assert len({user.team for user in people.values()}) == len(people)
        assert all(user.trained_us is not None and now_us - user.trained_us < 366 * DAY_US for user in people.values())
        for name in ("operator", "supervisor"):
            assert any(start <= now_us < end for start, end in people[name].shifts)
            assert people[name].spss_number and (people[name].spss_expires_us or 0) > now_us
        clock.advance(200 * DAY_US)
    same = {user.name: user for user in list_users(settings)}
    codes_of_the_demo(settings, clock)
    clock.advance(3600_000_000)
    before = {user.name: (user.shifts, user.trained_us) for user in list_users(settings)}
    codes_of_the_demo(settings, clock)
    assert {user.name: (user.shifts, user.trained_us) for user in list_users(settings)} == before
    assert set(same) == set(before)


async def test_last_nights_cases_are_opened_once_and_are_in_the_log(tmp_path: Path) -> None:
    settings, clock = load_settings(tmp_path), SimulatedClock()
    settings.hub_folder.mkdir(parents=True)
    codes_of_the_demo(settings, clock)
    assert open_cases(settings, clock) == len(INCIDENTS)
    assert open_cases(settings, clock) == 0
    async with hub_stage(tmp_path) as stage:
        opened = [entry for entry in stage.hub.audit.entries(limit=200) if entry.kind == "case.opened"]
        assert {entry.facts["title"] for entry in opened} == {incident.title for incident in INCIDENTS}
        assert {entry.actor for entry in opened} == {"command line"}
        operator = stage.hub.users.by_name("operator")
        book = stage.hub.cases.book
        facts = book.facts(str(opened[0].facts["case"]))
        assert facts is not None and facts.open and operator.id in facts.people and facts.windows
        history = book.acts(str(opened[0].facts["case_id"]), 10)
        assert [act.audit_index >= 0 for act in history] == [True, True]


async def test_analysis_is_switched_on_once_by_the_data_protection_officer(tmp_path: Path) -> None:
    settings, clock = load_settings(tmp_path), SimulatedClock()
    settings.hub_folder.mkdir(parents=True)
    codes_of_the_demo(settings, clock)
    assert order_analysis(settings, clock, ["main", "north"]) == 2
    assert order_analysis(settings, clock, ["main", "north"]) == 0
    async with hub_stage(tmp_path) as stage:
        orders = stage.hub.analysis.orders.orders()
        assert set(orders) == {"main", "north"} and {kept.order.dpia for kept in orders.values()} == {DPIA}
        kept = orders["main"]
        cameras = frozenset({"gate"})
        decision = decide_standing(kept.order, cameras, "grant", TABLES["four_eyes"], kept.order.made_us)
        assert decision.grant is not None and decision.grant.cameras == cameras
        logged = [entry for entry in stage.hub.audit.entries(limit=200) if entry.kind == SWITCHED_ON]
        assert {entry.facts["site"] for entry in logged} == {"main", "north"}


def test_what_people_lack_is_said_and_can_be_put_right(tmp_path: Path) -> None:
    settings, clock = load_settings(tmp_path), SimulatedClock()
    settings.hub_folder.mkdir(parents=True)

    def run(*words: str) -> None:
        done = CliRunner().invoke(app, [*words, "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output

    run("user", "add", "ann", "--role", "operator")
    run("user", "add", "sam", "--role", "supervisor")
    said = shortcomings(settings, clock.now_us())
    assert any("no training date" in text and "ann, sam" in text for text in said)
    assert any("agree to requests of sam" in text for text in said)
    assert any("without a passkey: sam" in text for text in said)
    day = "2026-05-20"  # shortly before the simulated clock
    for name, team in (("ann", "Control room"), ("sam", "Safety")):
        run("user", "set", name, "--trained", day, "--team", team)
    run("user", "add", "una", "--role", "supervisor")
    run(
        "user",
        "set",
        "una",
        "--trained",
        day,
        "--team",
        "Investigations",
        "--spss",
        "17",
        "--spss-expires",
        "2028-01-01",
    )
    said = shortcomings(settings, clock.now_us())
    assert len(said) == 1 and "sam, una" in said[0]
    una = next(user for user in list_users(settings) if user.name == "una")
    assert (una.team, una.spss_number, una.roles) == ("Investigations", "17", frozenset({"supervisor"}))
