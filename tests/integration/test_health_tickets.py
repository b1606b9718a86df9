"""Tickets and planned work at the hub: what the site says, what people decide, what the log keeps of it."""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from belvedere.foundation.clock import DAY_US, HOUR_US, MINUTE_US, SimulatedClock
from belvedere.hub.custody.due import KeysDue, keys_due
from belvedere.hub.health.standing import StandingFaults
from belvedere.hub.health.tickets import TicketFilter
from belvedere.link.cameras import CameraMake, CameraMakes, GetCameraMakes, KnownFault
from belvedere.link.health import CloseFault, EndOutage, Fault, Faults, GetFaults, Outage, OutageDeclared, PutOutage
from belvedere.link.messages import Answer, Failure, IngestStatus, Reply, Request
from belvedere.media.keybox import new_private_key, public_key_of
from custody_stage import custody_stage
from hub_stage import HubStage, hub_stage, status_of

INGEST = IngestStatus("limits", "decoders have limits only", ("bwrap is missing",), 1, 0, 0, 0, 0, 0, 0, 0, 0)


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
        self.makes = CameraMakes((), None)
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
        if isinstance(request, GetCameraMakes):
            return self.makes
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


@dataclass
class Said:
    fault: str = ""


async def test_what_only_the_hub_sees_becomes_tickets_and_closes_by_itself(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage, stage.signed_in() as browser:
        site, witness, stamps = Site(stage), Said("Another log."), Said("No answer.")
        due: list[KeysDue | None] = [None]
        desk = stage.hub.health.desks()[0]
        desk.standing = StandingFaults("main", stage.hub.link, lambda: due[0], witness, stamps)

        async def open_kinds() -> dict[str, str]:
            stage.clock.advance(MINUTE_US)
            await desk.look_around()
            tickets = (await browser.get("/api/tickets")).json()["tickets"]
            return {each["kind"]: f"{each['subject']} {each['name']}" for each in tickets}

        kept = open_kinds
        assert await kept() == {"witness": "site main", "timestamp": "hub hub"}
        due[0] = KeysDue(ceremony=True, drill=False, drilled_us=None)
        witness.fault = ""
        weak = KnownFault("CVE-1", "Door open", "high", True, "affected", "5.6", "Update it.", "x")
        worse = KnownFault("CVE-2", "Door wide open", "critical", False, "affected", "", "Update it.", "x")
        camera = CameraMake("gate", "Gate", "Acme", "D1", "5.5", "csv", 1, (worse, weak), "2026-01-31", "ended", "x")
        site.makes = CameraMakes((camera,), None)
        stage.site.status = msgspec.structs.replace(status_of(), ingest=INGEST)
        assert await kept() == {
            "timestamp": "hub hub",
            "ceremony_due": "hub hub",
            "sandbox": "site main",
            "firmware": "camera Gate",
            "support": "camera Gate",
        }
        tickets = (await browser.get("/api/tickets")).json()["tickets"]
        told = {each["kind"]: each for each in tickets}
        assert "CVE-1 (high), CVE-2 (critical). Attackers are known to use it. Mended" in told["firmware"]["detail"]
        assert "bwrap is missing" in told["sandbox"]["detail"] and "2026-01-31" in told["support"]["detail"]
        assert all(each["advice"] != "See the site's log." for each in tickets)
        answer = await browser.post(f"/api/tickets/{told['firmware']['id']}/close", json={"reason": "I do not care"})
        assert answer.status_code == 409

        stage.site.status, before = None, stage.site.status  # what the site would say stays as it was
        due[0], stamps.fault = KeysDue(ceremony=False, drill=True, drilled_us=None), ""
        assert set(await kept()) == {"drill_due", "sandbox", "firmware", "support"}
        stage.site.status, site.makes = before, CameraMakes((), None)
        assert set(await kept()) == {"drill_due", "sandbox"}
        shown = (await browser.get("/api/health")).json()["sites"][0]
        assert shown["confinement"] == "limits" and "limits only" in shown["confinement_words"]


async def test_keys_are_due_from_the_first_site_on(tmp_path: Path) -> None:
    clock = SimulatedClock()
    async with custody_stage(tmp_path / "data", clock) as stage:
        folder, vault = stage.site.settings.hub_folder, stage.hub.custody.vault
        assert keys_due(vault, folder, clock) is None
        await stage.exchange()
        assert keys_due(vault, folder, clock) == KeysDue(ceremony=True, drill=False, drilled_us=None)
        vault.put_break_glass(public_key_of(new_private_key()), "two of three officers", {})
        assert keys_due(vault, folder, clock) == KeysDue(ceremony=False, drill=False, drilled_us=None)
        clock.advance(367 * DAY_US)
        assert keys_due(vault, folder, clock) == KeysDue(ceremony=False, drill=True, drilled_us=None)


async def test_old_tickets_go_after_thirteen_months(tmp_path: Path) -> None:
    async with hub_stage(tmp_path) as stage:
        book = stage.hub.health.tickets
        now_us = stage.clock.now_us()
        book.take_in("main", [fault(1, now_us, closed_us=now_us, closed_why="healthy"), fault(2, now_us)])
        book.note("fault_1", "user_1", "Ann", "Done.")
        stage.clock.advance(400 * 24 * HOUR_US)
        assert book.forget() == 1 and [each.id for each in book.find(TicketFilter(state=""), 10)] == ["fault_2"]
        assert book.notes("fault_1") == []
