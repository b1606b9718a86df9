"""Pages over real mail, webhook and SMS servers; answered by link over a restart of the hub; climbing; what fails; storms."""

import asyncio
import hashlib
import hmac
import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from belvedere.cli.main import app
from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.ids import new_id
from belvedere.hub.health.tickets import TicketFilter
from belvedere.hub.paging.book import WAITING
from paging_stage import ANN, BOB, DESK, HOOK_KEY, PASSWORD, SMS_KEY, night, outside, plan_of


async def test_a_page_goes_out_is_answered_by_its_link_after_a_restart_and_is_over_when_mended(tmp_path: Path) -> None:
    plan = plan_of((ANN, DESK), (BOB,))
    async with outside(tmp_path) as got:
        async with night(tmp_path, plan) as first:
            fault = first.fault()
            await first.after(9)
            assert not got.mails
            await first.after(2)
            assert [mail["To"] for mail in got.mails] == ["ann@council.example"] and got.logins
            assert [json.loads(body)["what"] for _, body in got.hooks] == ["call"]
            later_us = first.stage.clock.now_us()

        text = got.mails[0].get_content()
        assert got.mails[0]["Subject"] == "1 recording fault at This site"
        assert "No picture: Gate, since 28 May 21:26" in text and got.mails[0].get_content_type() == "text/plain"
        found = re.search(r"http://localhost(/page/\S+)", text)
        assert found is not None
        headers, body = got.hooks[0]
        stamp, _, signature = headers["x-belvedere-signature"].removeprefix("t=").partition(",v1=")
        assert signature == hmac.new(HOOK_KEY.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert json.loads(body)["faults"][0]["name"] == "Gate"

        async with night(tmp_path) as second:
            second.stage.clock.step(later_us - second.stage.clock.now_us() + 5 * MINUTE_US)
            await second.after(0)
            assert len(got.mails) == 1, "a restart sends nothing again"
            async with second.stage.browser() as phone:
                shown = await phone.get(found[1])
                assert shown.status_code == 200 and "I look after it" in shown.text
                assert second.desk.book.live()[0].answered_us is None, "opening the link answers nothing"
                other = found[1][:-1] + ("a" if found[1][-1] != "a" else "b")
                assert (await phone.post(other)).status_code == 404
                assert "Thank you" in (await phone.post(found[1])).text
                assert "Ann looks after it." in (await phone.post(found[1])).text, "it is good once"
            await second.after(0)
            assert [json.loads(body)["what"] for _, body in got.hooks] == ["call", "taken"]
            await second.after(60)
            assert not got.texts, "nobody else is called"
            second.mend(fault)
            await second.after(1)
            assert json.loads(got.hooks[-1][1])["what"] == "over"
            assert got.mails[-1]["Subject"] == "Over: recording fault at This site"
            kinds = [kind for kind in second.stage.kinds() if kind.startswith("page.")]
            sent = ["page.sent"] * 2
            assert kinds == ["page.opened", "page.called", *sent, "page.answered", "page.sent", "page.over", *sent]


async def test_nobody_answers_so_the_next_are_called_and_at_last_it_is_a_ticket(tmp_path: Path) -> None:
    async with outside(tmp_path) as got, night(tmp_path, plan_of((ANN,), (BOB,), rounds=2)) as now:
        now.fault()
        await now.after(11)
        assert len(got.mails) == 1 and not got.texts
        await now.after(10)
        assert json.loads(got.texts[0][1])["to"] == "+447700900123"
        assert "No picture: Gate" in json.loads(got.texts[0][1])["text"]
        assert got.texts[0][0]["authorization"].startswith("Basic ")
        for _ in range(2):
            await now.after(10)
        assert (len(got.mails), len(got.texts)) == (2, 2)
        assert "page_unanswered" not in now.open_kinds()
        await now.after(10)
        assert "page_unanswered" in now.open_kinds()
        await now.after(240)
        assert (len(got.mails), len(got.texts)) == (2, 2), "it is bounded"
        page_id = now.desk.book.live()[0].id
        async with now.stage.signed_in() as ann:
            answer = await ann.post(f"/api/pages/{page_id}/answer")
            assert answer.status_code == 200 and answer.json()["answered_by"] == "Ann Operator"
            assert (await ann.post(f"/api/pages/{page_id}/answer")).status_code == 409
        await now.after(0)
        assert "page_unanswered" not in now.open_kinds()
        now.fault(kind="disk_fault", subject="disk:footage")
        await now.after(29)
        assert len(got.mails) == 3, "only the word that somebody took it"
        await now.after(2)
        assert got.mails[-1]["Subject"] == "2 recording faults at This site", "more went wrong since: called again"


async def test_what_cannot_be_sent_is_tried_again_then_the_next_step_is_called_at_once(tmp_path: Path) -> None:
    async with outside(tmp_path) as got, night(tmp_path, plan_of((ANN,), (BOB,))) as now:
        got.mail_answer = "451 busy"
        fault = now.fault()
        await now.after(11)
        page = now.desk.book.live()[0]
        assert [(m.state, m.tries) for m in now.desk.book.messages(page.id)] == [(WAITING, 1)]
        await now.until(lambda: bool(got.texts))
        states = {m.name: (m.state, m.tries, m.fault) for m in now.desk.book.messages(page.id)}
        assert states["Ann"] == ("failed", 4, "The mail server answered 451.") and states["Bob"][0] == "sent"
        assert now.stage.clock.now_us() - page.opened_us < 6 * MINUTE_US, "without waiting for an answer"
        assert "page_failed" in now.open_kinds()
        got.mail_answer, got.sms_status = "", 500
        now.mend(fault)
        await now.after(31)
        now.fault(subject="camera:yard")
        await now.after(11)
        assert "page_failed" not in now.open_kinds(), "mail goes out again"
        await now.after(10)
        await now.until(lambda: "page_failed" in now.open_kinds())
        said = json.dumps([entry.facts for entry in now.stage.hub.audit.entries(limit=100)], default=str)
        said += json.dumps([t.detail for t in now.stage.hub.health.tickets.find(TicketFilter(state=""), 100)])
        said += json.dumps([m.fault for p in now.desk.book.newest(9) for m in now.desk.book.messages(p.id)])
        for secret in (PASSWORD, HOOK_KEY, SMS_KEY, "900123", "ann@council"):
            assert secret not in said


async def test_a_storm_is_one_page_and_one_mail(tmp_path: Path) -> None:
    async with outside(tmp_path) as got, night(tmp_path, plan_of((ANN,))) as now:
        for number in range(120):
            now.fault(subject=f"camera:c{number}")
        await now.after(11)
        assert [mail["Subject"] for mail in got.mails] == ["120 recording faults at This site"]
        assert "and 112 more" in got.mails[0].get_content()
        for site in ("elm", "oak", "ash", "fir", "yew"):
            now.fault(kind="site_away", subject=f"site:{site}", site=site)
        await now.after(9)
        assert len(got.mails) == 1
        await now.after(1)
        subjects = [mail["Subject"] for mail in got.mails]
        assert "5 recording faults at 5 sites" in subjects, "many sites at once are one page"
        assert len([each for each in subjects if "at 5 sites" in each]) == 1


async def test_the_office_is_left_in_peace_and_so_is_what_somebody_looks_after(tmp_path: Path) -> None:
    plan = plan_of((ANN,))
    async with outside(tmp_path) as got, night(tmp_path, plan, later_us=12 * HOUR_US) as now:
        first, taken = now.fault(), now.fault(subject="camera:yard")
        now.stage.hub.health.tickets.assign(taken.id, "Ivy", None)
        await now.after(60)
        assert not got.mails, "half past ten on Friday morning"
        await now.after(9 * 60)
        assert [mail["Subject"] for mail in got.mails] == ["1 recording fault at This site"]
        now.stage.hub.health.tickets.assign(first.id, "Ivy", None)
        await now.after(1)
        assert not now.desk.book.live()


async def test_a_hub_that_ends_while_it_sends_tries_again_and_the_mail_can_be_told_from_another(tmp_path: Path) -> None:
    async with outside(tmp_path) as got:
        async with night(tmp_path, plan_of((ANN,))) as first:
            fault, page_id = first.fault(), new_id("page", first.stage.clock)
            first.desk.book.open_page(page_id, "main", [fault.id], 1)
            page = first.desk.book.page(page_id)
            assert first.desk.book.call(page, 0, 0, [(0, ANN)])
            assert not first.desk.book.call(page, 0, 0, [(0, ANN)]), "a step is called once"
            message = first.desk.book.due()[0]
            assert first.desk.book.claim(message, first.stage.clock.now_us() + MINUTE_US)
            assert not first.desk.book.claim(message, 0), "only one sends it"
        async with night(tmp_path) as second:
            await second.after(0)
            assert not got.mails
            await second.after(2)
            assert [mail["Message-ID"] for mail in got.mails] == [f"<{message.id}@council.example>"]


async def test_who_is_called_is_set_by_the_manager_or_administrator_and_a_test_reaches_everybody(
    tmp_path: Path,
) -> None:
    async with outside(tmp_path) as got, night(tmp_path) as now:
        async with now.stage.signed_in() as operator:
            assert (await operator.get("/api/paging")).status_code == 403
            assert (await operator.post("/api/paging/test")).status_code == 403
        async with now.stage.signed_in("mia", "manager") as mia:
            assert (await mia.post("/api/paging/test")).status_code == 409
            shown = (await mia.get("/api/paging")).json()
            assert shown["version"] == 0 and shown["channels"] == ["email", "webhook", "sms"]
            wanted = plan_of((ANN, DESK), (BOB,)).model_dump(mode="json")
            answer = await mia.put("/api/paging", json={"version": 0, "plan": wanted})
            assert answer.status_code == 200 and answer.json()["plan"]["steps"][1]["contacts"][0]["name"] == "Bob"
            assert (await mia.put("/api/paging", json={"version": 0, "plan": wanted})).status_code == 409
            wrong = wanted | {"steps": [{"contacts": [{"name": "X", "channel": "sms", "address": "1"}]}]}
            assert (await mia.put("/api/paging", json={"version": 1, "plan": wrong})).status_code == 400
            assert (await mia.post("/api/paging/test")).status_code == 202
            await now.after(0)
            assert (len(got.mails), len(got.hooks), len(got.texts)) == (1, 1, 1)
            assert "Nothing is wrong" in got.mails[0].get_content()
            history = (await mia.get("/api/pages")).json()["pages"]
            assert history[0]["test"] and {each["state"] for each in history[0]["messages"]} == {"sent"}
            assert "address" not in history[0]["messages"][0]
        kinds = now.stage.kinds()
        assert kinds.index("page.planned") < kinds.index("page.tested")
        await now.after(61)
        assert now.desk.book.newest(1)[0].state == "over" and len(got.mails) == 1


async def test_a_test_from_the_command_line_is_sent_by_the_running_hub(tmp_path: Path) -> None:
    async with outside(tmp_path) as got, night(tmp_path) as now:
        for words, said in (((), "Nobody is named yet"), (("--wait", "1"), "did not take it up")):
            with pytest.raises(BelvedereError, match=said):
                await asyncio.to_thread(CliRunner().invoke, app, _words(tmp_path, *words), catch_exceptions=False)
            now.desk.book.put_plan(plan_of((ANN,), (BOB,)), now.desk.book.plan().version, "user_1", "Mia Manager")
        await now.desk.start()  # as the hub has it: it looks every few seconds by itself
        done = await asyncio.to_thread(CliRunner().invoke, app, _words(tmp_path, "--wait", "120"))
        assert done.exit_code == 0 and "Ann, e-mail: sent" in done.output and "Bob, SMS: sent" in done.output
        assert (len(got.mails), len(got.texts)) == (1, 1)
        await now.desk.stop()


def _words(data: Path, *more: str) -> list[str]:
    return ["page", "test", "--data", str(data), *more]
