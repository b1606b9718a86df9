"""What a request would open: footage hours, an estimate of people, and narrower asks that would do.

The site is asked how busy the cameras were. That tells presence, so it goes by a grant too: a service grant of the desk's own,
issued by the policy under the purpose below, in the log like every other, kept for one question and given to nobody.
"""

import asyncio
import math
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from belvedere.foundation.clock import DAY_US, MINUTE_US, Clock
from belvedere.foundation.errors import BelvedereError
from belvedere.foundation.ids import new_id
from belvedere.hub.approvals.ask import AccessRequest, Wanted
from belvedere.hub.approvals.exposure import Exposure, exposure
from belvedere.hub.approvals.narrow import Busy, Suggestion, movement_of, suggest
from belvedere.hub.approvals.of_case import place_of
from belvedere.hub.approvals.sight import sees
from belvedere.hub.audit.log import AuditLog
from belvedere.hub.fleet.routing import FleetLink
from belvedere.hub.register.cameras import CameraRegister
from belvedere.link.activity import Activity, GetActivity
from belvedere.policy.ask import Ask, Asker
from belvedere.policy.decision import decide
from belvedere.policy.grant import Action
from belvedere.policy.row import DecisionTable, Purpose, PurposeKind, Role, Row, Second, StepUp
from belvedere.policy.signed import GRANT_ISSUED, grant_facts, sign_grant

WEIGHED = "access.weighed"
_AT_ONCE = 32  # cameras in one question to the site
_MOST_BUCKETS = 2000
_LOG = structlog.get_logger(__name__)

# Invariant: the hub alone asks under this table, for one question; no person can be given what it gives.
SERVICE_TABLE = DecisionTable(
    version="2026-11-weighing-1",
    purposes={
        "weighing": Purpose(
            code="weighing",
            text="Weighing a request",
            needs_case=False,
            ends_with_shift=False,
            longest_us=2 * MINUTE_US,
            usual_reach_us=DAY_US,
            longest_reach_us=None,
            masked=True,
            kind=PurposeKind.TICKET,
        )
    },
    rows=(
        Row(
            act="weigh",
            text="Ask how busy cameras were",
            kinds=frozenset({PurposeKind.TICKET}),
            roles=frozenset({Role.CASE_APPROVER}),
            actions=frozenset({Action.PLAYBACK}),
            second=Second.NONE,
            step_up=StepUp.NONE,
            longest_us=2 * MINUTE_US,
        ),
    ),
)


def basis_of(wanted: Wanted, now_us: int) -> tuple[int, int, str]:
    """The recorded time that an estimate rests on, and what has to be said about it."""
    if wanted.to_us <= now_us:
        return wanted.from_us, wanted.to_us, ""
    if wanted.from_us < now_us - MINUTE_US:
        return wanted.from_us, now_us, "What is still to come is not in it."
    back = DAY_US * math.ceil((wanted.to_us - now_us) / DAY_US)
    return (
        wanted.from_us - back,
        wanted.to_us - back,
        "It is still to come: figures are those of the same hours before.",
    )


class Weigher:
    """For the event loop."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        key: Ed25519PrivateKey,
        audit: AuditLog,
        link: FleetLink,
        register: CameraRegister,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._key = key
        self._audit = audit
        self._link = link
        self._register = register

    async def weigh(self, request: AccessRequest) -> dict[str, Any]:
        """The weighing of a request, as `shapes.WeighingOut`. A site that is away leaves the figures unknown."""
        wanted, now_us = request.wanted, self._clock.now_us()
        cameras = {each.id: each for each in await asyncio.to_thread(self._register.list_cameras)}
        place = await asyncio.to_thread(place_of, self._engine, request)
        from_us, to_us, blind = basis_of(wanted, now_us)
        try:
            busy = await self._busy(request, from_us, to_us)
        except BelvedereError as error:  # the site is away, or does not know one of the cameras any more
            _LOG.info("request_not_weighed", request=request.id, reason=error.message)
            busy = {}
        measured = busy if not blind else {}  # only what was seen at the very time narrows an ask

        def estimate(narrower: Wanted) -> Exposure:
            seconds = {camera: _within(busy.get(camera), narrower, wanted) for camera in narrower.cameras}
            ranges = {camera: cameras[camera].range_m for camera in narrower.cameras if camera in cameras}
            return exposure(seconds, ranges, blind)

        def looks(camera: str) -> bool | None:
            return sees(cameras[camera], place) if camera in cameras else None

        return {
            "camera_hours": round(wanted.camera_hours, 2),
            "exposure": estimate(wanted).words(),
            "cameras": [_camera_words(camera, measured.get(camera)) for camera in wanted.cameras],
            "suggestions": [
                _suggestion_words(each, estimate(each.wanted)) for each in suggest(wanted, measured, looks, now_us)
            ],
        }

    async def _busy(self, request: AccessRequest, from_us: int, to_us: int) -> dict[str, Busy]:
        wire = await self._service_grant(request, from_us, to_us)
        buckets = max(1, min(_MOST_BUCKETS, math.ceil((to_us - from_us) / MINUTE_US)))
        names, found = request.wanted.cameras, dict[str, Busy]()
        for at in range(0, len(names), _AT_ONCE):
            question = GetActivity(wire, names[at : at + _AT_ONCE], from_us, to_us, buckets)
            told = (await self._link.ask_those_here(question, Activity)).reply
            for one in told.cameras:
                found[one.camera] = movement_of(one.values, one.checked, one.ordered, told.from_us, told.to_us)
        return found

    async def _service_grant(self, request: AccessRequest, from_us: int, to_us: int) -> bytes:
        """Signed words that answer one question. Raises Refused when the policy says no."""
        asker = Asker("hub", "Belvedere", frozenset({Role.CASE_APPROVER}), frozenset(request.wanted.cameras), None)
        ask = Ask(
            grant_id=new_id("grant", self._clock),
            purpose="weighing",
            cameras=frozenset(request.wanted.cameras),
            actions=frozenset({Action.PLAYBACK}),
            from_us=from_us,
            to_us=to_us,
        )
        grant = decide(asker, ask, SERVICE_TABLE, self._clock.now_us()).granted()
        facts = {"request": request.id, "cameras": list(request.wanted.cameras), "start_us": from_us, "end_us": to_us}
        await self._audit.append(WEIGHED, "hub", facts)
        entry = await self._audit.append(GRANT_ISSUED, "hub", {**grant_facts(grant), "words": f"request {request.id}"})
        return sign_grant(grant, self._key, self._audit.proof(entry.index))


def _within(busy: Busy | None, narrower: Wanted, whole: Wanted) -> int | None:
    """Seconds with movement within the narrower span; all of them where the span is the whole one."""
    if busy is None or busy.moved is None:
        return None
    if (narrower.from_us, narrower.to_us) == (whole.from_us, whole.to_us):
        return busy.moved_s
    parts = (max(0, min(end, narrower.to_us) - max(start, narrower.from_us)) for start, end in busy.moved)
    return round(sum(parts) / 1_000_000)


def _camera_words(camera: str, busy: Busy | None) -> dict[str, object]:
    if busy is None or busy.moved is None:
        return {"id": camera, "moved": "unknown", "moved_s": 0}
    return {"id": camera, "moved": "yes" if busy.moved else "no", "moved_s": busy.moved_s or 0}


def _suggestion_words(suggestion: Suggestion, estimate: Exposure) -> dict[str, object]:
    wanted = suggestion.wanted
    return {
        "id": suggestion.id,
        "text": suggestion.text,
        "cameras": list(wanted.cameras),
        "from_us": wanted.from_us,
        "to_us": wanted.to_us,
        "actions": [str(action) for action in wanted.actions],
        "lasts_us": wanted.lasts_us,
        "camera_hours": round(wanted.camera_hours, 2),
        "exposure": estimate.words(),
    }
