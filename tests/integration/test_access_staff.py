"""Roles and attributes: lists of joiners, movers and leavers, and what a change of roles ends."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from authenticator import Authenticator
from belvedere.cli.main import app
from belvedere.foundation.errors import BadInput
from belvedere.hub.access.staff import require_fit, seeing
from belvedere.hub.access.staff_sheet import read_sheet
from hub_stage import hub_stage
from passkey_stage import add, confirm, stage_of

HEAD = "name,display,roles,sites,shifts,trained,spss_number,spss_expires,leaves\n"
SHIFT = "2026-11-21T22:00+00:00/2026-11-22T06:00+00:00"


def test_who_gives_access_sees_no_pictures() -> None:
    assert seeing() >= {"operator", "supervisor"} and "administrator" not in seeing()
    for role in seeing():
        with pytest.raises(BadInput, match="sees none"):
            require_fit(("administrator", role))
    require_fit(("administrator", "installer"))
    require_fit(("operator", "investigator"))
    for wrong in ((), ("operator", "operator"), ("king",)):
        with pytest.raises(BadInput):
            require_fit(wrong)


async def test_joiners_movers_and_leavers(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("bob") as bob:
        for browser in (ann, bob):
            assert (await browser.post("/api/grants", json={"purpose": "duty"})).status_code == 200
        sheet = tmp_path / "staff.csv"
        sheet.write_text(
            f"{HEAD}ann,Ann,investigator;supervisor,main,{SHIFT},2026-01-31,SIA-1,2027-01-31,\n"
            "bob,Bob,,,,,,,yes\ncarol,Carol,dpo,,,,,,\nnobody,,,,,,,,yes\n"
        )
        run = CliRunner()
        tried = run.invoke(app, ["user", "import", str(sheet), "--dry-run", "--data", str(tmp_path)])
        assert tried.exit_code == 0 and "leaves   bob" in tried.output and "Nothing was changed" in tried.output
        assert (await bob.get("/api/session")).status_code == 200 and stage.hub.users.find("carol") is None
        done = run.invoke(app, ["user", "import", str(sheet), "--data", str(tmp_path)])
        assert done.exit_code == 0, done.output
        assert (await bob.get("/api/session")).status_code == 401
        bobs = stage.hub.users.by_name("bob")
        assert bobs.disabled and await stage.hub.grants.live(bobs) == []
        moved = stage.hub.users.by_name("ann")
        assert moved.role == "investigator" and moved.roles == {"investigator", "supervisor"}
        assert moved.sites == ("main",) and moved.spss_number == "SIA-1" and len(moved.shifts) == 1
        assert (await ann.get("/api/grants")).json() == {"grants": []}, "what the old role was given has ended"
        assert (await ann.post("/api/grants", json={"purpose": "duty"})).status_code == 200, "as a supervisor"
        code = next(line for line in done.output.splitlines() if "carol" in line).rsplit(" ", 1)[1]
        async with stage.browser() as carol:
            assert (await carol.post("/api/session", json={"username": "carol", "password": code})).status_code == 200
        again = run.invoke(app, ["user", "import", str(sheet), "--data", str(tmp_path)])
        assert again.exit_code == 0 and again.output.count("stays") == 4
        sheet.write_text("name,roles\nann,operator\n")
        assert run.invoke(app, ["user", "import", str(sheet), "--data", str(tmp_path)]).exit_code == 0
        kept = stage.hub.users.by_name("ann")
        assert kept.roles == {"operator"} and kept.spss_number == "SIA-1" and kept.sites == ("main",)
        sheet.write_text("name,roles\nbob,operator\n")
        assert run.invoke(app, ["user", "import", str(sheet), "--data", str(tmp_path)]).exit_code == 1
    async with hub_stage(tmp_path) as stage:
        logged = [entry for entry in stage.hub.audit.entries(limit=100) if entry.actor == "command line"]
        assert sorted(entry.kind for entry in logged) == [
            "account.changed",
            "account.changed",
            "account.created",
            "account.disabled",
        ]
        assert all("SIA-1" not in str(entry.facts) for entry in logged)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("ann,Ann,administrator;operator,,,,,,", "sees none"),
        ("ann,Ann,operator,,2026-11-21T22:00/2026-11-22T06:00,,,,", "no shift"),
        (f"ann,Ann,operator,,{SHIFT};{SHIFT},,,,", "overlap"),
        ("ann,Ann,operator,,,31/01/2026,,,", "no date"),
        ("ann,Ann,operator,,,,,,perhaps", "write yes"),
        ("ann,Ann,operator", "number of fields"),
        (",Ann,operator,,,,,,", "name is missing"),
    ],
)
def test_wrong_rows_are_named_and_nothing_is_done(row: str, said: str) -> None:
    with pytest.raises(BadInput, match=r"line 3") as error:
        read_sheet(f"{HEAD}bob,Bob,dpo,,,,,,\n{row}\n")
    assert said in error.value.message


@given(st.text(max_size=300))
def test_any_text_is_a_list_or_refused(text: str) -> None:
    for whole in (text, HEAD + text):
        try:
            assert read_sheet(whole).people is not None
        except BadInput:
            pass


async def test_nobody_changes_their_own_roles_and_others_only_with_a_passkey(tmp_path: Path) -> None:
    async with stage_of(tmp_path) as stage, stage.signed_in() as ann, stage.signed_in("root", "administrator") as admin:
        await ann.post("/api/grants", json={"purpose": "duty"})
        key = Authenticator()
        await add(admin, key)
        own = await admin.put("/api/people/root/roles", json={"roles": ["operator"]})
        assert own.status_code == 403 and "their own roles" in own.json()["error"]["message"]
        both = await admin.put("/api/people/ann/roles", json={"roles": ["administrator", "operator"]})
        assert both.status_code == 400 and "sees none" in both.json()["error"]["message"]
        assert (await ann.put("/api/people/root/roles", json={"roles": ["operator"]})).status_code == 403
        needed = await admin.put("/api/people/ann/roles", json={"roles": ["dpo"]})
        act = needed.json()["error"]["act"]
        assert act == {"do": "roles.change", "account": "ann", "roles": ["dpo"]}
        assert (await confirm(admin, key, act)).status_code == 200
        assert (await admin.put("/api/people/ann/roles", json={"roles": ["dpo"]})).status_code == 204
        assert stage.kinds()[-1] == "account.changed"
        assert (await ann.get("/api/grants")).json() == {"grants": []}
        assert (await ann.post("/api/grants", json={"purpose": "duty"})).status_code == 403
        listed = (await ann.get("/api/people")).json()["people"]
        assert [(each["name"], each["roles"]) for each in listed] == [("ann", ["dpo"]), ("root", ["administrator"])]
