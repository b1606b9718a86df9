"""Tickets and planned work at the hub: what the site says, what people decide, what the log keeps of it."""

from pathlib import Path

from belvedere.foundation.clock import HOUR_US, MINUTE_US
from belvedere.hub.health.tickets import TicketFilter
from belvedere.link.health import CloseFault, EndOutage, Fault, Faults, GetFaults, Outage, OutageDeclared, PutOutage
from belvedere.link.messages import Answer, Failure, Reply, Request
from hub_stage import HubStage, hub_stage, status_of


def fault(
    number: int,
    first_us: int,
    kind: str = "no_picture",
    subject: str = "camera:gate",
    closed_us: int | None = None,
    closed_why: str = "",
) -> Fault:
    return Fault(f"fault_{number}", subject, kind, "=cmd()", first_us, first_us, 1, closed_us, closed_why, first_us)


class Site:
    """What a site would say of faults and planned work."""

    def __init__(self, stage: HubStage) -> None:
        self.stage = stage
        self.faults: list[Fault] = []
        self.closed: list[str] = []
        self.outages: list[Outage] = []
        stage.site.status = status_of()
        stage.site.answer = self.answer

    def answer(self, request: Request) -> Reply | None:
        now_us = self.stage.clock.now_us()
        if isinstance(request, GetFaults):
            return Faults(now_us, tuple(self.faults))
        if isinstance(request, CloseFault):
            self.closed.append(request.fault)
            return (
                Answer() if any(each.id == request.fault for each in self.faults) else Failure("not_found", "Gone.", "")
            )
        if isinstance(request, PutOutage):
            made = Outage(
                "o1", request.camera, request.start_us, request.end_us, request.reason, request.declared_by, now_us
            )
            self.outages.append(made)
            return OutageDeclared(made)
        if isinstance(request, EndOutage):
            self.outages.clear()
            return Answer()
        return None


async def test_a_ticket_from_the_site_to_its_end(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        site = Site(stage)
        now_us = stage.clock.now_us()
        site.faults = [fault(1, now_us - HOUR_US), fault(2, now_us - 2 * HOUR_US, "disk_fault", "disk:=a")]
        page = (await browser.get("/api/tickets")).json()
        assert [(each["id"], each["name"], each["title"]) for each in page["tickets"]] == [
            ("fault_1", "Gate", "No picture"),
            ("fault_2", "=a", "Disk does not work as it should"),
        ]
        assert page["open_by_kind"] == {"no_picture": 1, "disk_fault": 1} and page["next"] is None
        paged = (await browser.get("/api/tickets?limit=1")).json()
        assert paged["next"] == "fault_1"
        assert [e["id"] for e in (await browser.get("/api/tickets?after=fault_1")).json()["tickets"]] == ["fault_2"]

        answer = await browser.put("/api/tickets/fault_1", json={"owner": "Acme", "visit_us": now_us + HOUR_US})
        assert answer.status_code == 200 and answer.json()["owner"] == "Acme"
        answer = await browser.post("/api/tickets/fault_1/notes", json={"text": "Ladder is on its way."})
        assert [note["by"] for note in answer.json()["notes"]] == ["Ann Operator"]
        assert (await browser.get("/api/tickets?owner=")).json()["tickets"][0]["id"] == "fault_2"

        table = (await browser.get("/api/tickets.csv")).text.splitlines()
        assert table[0].startswith("site,subject,name,fault") and "'=a" in table[2] and "'=cmd()" in table[1]

        answer = await browser.post("/api/tickets/fault_1/close", json={"reason": "Wrong alarm"})
        assert answer.status_code == 200, answer.text
        closed = answer.json()
        assert (closed["closed_why"], closed["closed_by"], closed["reason"]) == (
            "by_hand",
            "Ann Operator",
            "Wrong alarm",
        )
        assert site.closed == ["fault_1"] and closed["owner"] == "Acme"
        answer = await browser.post("/api/tickets/fault_1/close", json={"reason": "Once more"})
        assert answer.status_code == 409
        assert [kind for kind in stage.kinds() if kind.startswith("ticket.")] == [
            "ticket.assigned",
            "ticket.noted",
            "ticket.closed",
        ]
        summaries = [e["summary"] for e in (await browser.get("/api/audit/mine")).json()["entries"]]
        assert "Ticket of camera gate (no picture) closed: Wrong alarm" in summaries

        # what the site says later changes the fault and leaves what people wrote
        stage.clock.advance(MINUTE_US)
        site.faults = [fault(2, now_us - 2 * HOUR_US, "disk_fault", "disk:=a", closed_us=now_us, closed_why="healthy")]
        assert (await browser.get("/api/tickets")).json()["tickets"] == []
        assert (await browser.get("/api/tickets/fault_1")).json()["owner"] == "Acme"
        assert len((await browser.get("/api/tickets?state=closed")).json()["tickets"]) == 2


async def test_tickets_stay_readable_while_the_site_is_away_and_that_is_one_itself(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        site = Site(stage)
        site.faults = [fault(1, stage.clock.now_us() - HOUR_US)]
        assert len((await browser.get("/api/tickets")).json()["tickets"]) == 1
        stage.site.status = None
        page = {}
        for _ in range(5):
            stage.clock.advance(MINUTE_US)
            page = (await browser.get("/api/tickets")).json()
        assert sorted(page["open_by_kind"].items()) == [("no_picture", 1), ("site_away", 1)]
        away = next(each for each in page["tickets"] if each["kind"] == "site_away")
        answer = await browser.post(f"/api/tickets/{away['id']}/close", json={"reason": "I do not care"})
        assert answer.status_code == 409
        answer = await browser.post("/api/tickets/fault_1/close", json={"reason": "Seen to"})
        assert answer.status_code == 502, "the site must hear of it"
        assert (await browser.get("/api/health/day")).json()["answered"] is False
        stage.site.status = status_of()
        stage.clock.advance(MINUTE_US)
        assert (await browser.get("/api/tickets")).json()["open_by_kind"] == {"no_picture": 1}


async def test_planned_work_is_for_those_who_plan(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        site = Site(stage)
        now_us = stage.clock.now_us()
        ask = {"camera": "gate", "start_us": now_us, "end_us": now_us + HOUR_US, "reason": "New lamp post"}
        async with stage.signed_in() as operator:
            assert (await operator.post("/api/outages", json=ask)).status_code == 403
        async with stage.signed_in("ivy", "installer") as ivy:
            made = await ivy.post("/api/outages", json=ask)
            assert made.status_code == 201 and made.json()["declared_by"] == "ivy"
            too_long = ask | {"end_us": now_us + 40 * 24 * HOUR_US}
            assert (await ivy.post("/api/outages", json=too_long)).status_code == 400
            assert (await ivy.delete(f"/api/outages/{made.json()['id']}")).status_code == 204
        assert site.outages == [] and [k for k in stage.kinds() if k.startswith("outage.")] == [
            "outage.declared",
            "outage.ended",
        ]
        async with stage.signed_in("odd", "auditor") as auditor:
            assert (await auditor.put("/api/tickets/x", json={"owner": "me"})).status_code == 403


async def test_old_tickets_go_after_thirteen_months(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        book = stage.hub.health.tickets
        now_us = stage.clock.now_us()
        book.take_in("main", [fault(1, now_us, closed_us=now_us, closed_why="healthy"), fault(2, now_us)])
        book.note("fault_1", "user_1", "Ann", "Done.")
        stage.clock.advance(400 * 24 * HOUR_US)
        assert book.forget() == 1 and [each.id for each in book.find(TicketFilter(state=""), 10)] == ["fault_2"]
        assert book.notes("fault_1") == []
