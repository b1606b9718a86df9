"""How the keys stand, for the people who answer for them; proofs of camera-days. No key, and no picture, leaves here."""

from typing import Any

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel

from belvedere.hub.access.doors import roles, signed_in
from belvedere.hub.custody.local import read_drill
from belvedere.hub.reach import hub_of
from belvedere.hub.room import Room
from belvedere.link.custody import BREAK_GLASS, HUB, ProveSegment, SegmentProof
from belvedere.policy.table import Role

router = Room("custody")

DRILL_DUE_US = 366 * 86_400_000_000


class KeysOut(BaseModel):
    """`ceremony_due`: nobody but the hub could open footage if the hub were lost, so sites keep keys of their own."""

    hub_key: str
    hub_key_made_us: int | None
    ceremony_due: bool
    break_glass_key: str
    drilled_us: int | None
    drill_due: bool
    boxes: list[dict[str, Any]]
    notes: list[str]


@router.get("/api/custody")
@roles(Role.MANAGER, Role.DPO, Role.AUDITOR, Role.ADMINISTRATOR, Role.INSTALLER, Role.SUPERVISOR)
async def custody(request: Request) -> KeysOut:
    """The state of keys: what is due, and which boxes can open what by themselves."""
    return await run_in_threadpool(_state, request)


def _state(request: Request) -> KeysOut:
    hub = hub_of(request)
    vault, ledger = hub.custody.vault, hub.custody.ledger
    own, glass = vault.current(HUB), vault.current(BREAK_GLASS)
    drill = read_drill(hub.settings.hub_folder / "keys" / "drill.json")
    drilled_us = drill.at_us if drill is not None and glass is not None and drill.key == glass.name else None
    drill_due = glass is not None and (drilled_us is None or hub.clock.now_us() - drilled_us > DRILL_DUE_US)
    notes = []
    if glass is None:
        notes.append(
            "The key ceremony is due: belvedere keys ceremony. Until then sites keep their own copies of all keys."
        )
    if drill_due:
        notes.append("A recovery drill is due: belvedere keys drill.")
    if hub.custody.last_fault:
        notes.append(hub.custody.last_fault)
    boxes = [
        {
            "box": box.id,
            "site": box.site,
            "seen_us": box.seen_us,
            "local_days": box.local_days,
            "held_keys": box.held_keys,
            "lost_us": box.lost_us,
            "disposed_us": box.disposed_us,
        }
        for box in ledger.boxes()
    ]
    return KeysOut(
        hub_key=own.name if own is not None else "",
        hub_key_made_us=own.made_us if own is not None else None,
        ceremony_due=glass is None,
        break_glass_key=glass.name if glass is not None else "",
        drilled_us=drilled_us,
        drill_due=drill_due,
        boxes=boxes,
        notes=notes,
    )


@router.get("/api/footage/proof")
@signed_in
async def footage_proof(request: Request, camera: str, stream: str, at_us: int) -> dict[str, Any]:
    """Proof that a segment is in its camera-day's root, and that this root is in the log. For `belvedere verify`."""
    hub = hub_of(request)
    found = await hub.link.ask(ProveSegment(camera, stream, at_us), SegmentProof)
    index = await run_in_threadpool(hub.custody.ledger.root_entry, found.box, found.camera, found.day, found.version)
    proof = await run_in_threadpool(hub.audit.proof, index)
    return {
        "format": 1,
        "kind": "belvedere segment proof",
        "box": found.box,
        "camera": found.camera,
        "day": found.day,
        "version": found.version,
        "index": found.index,
        "leaves": found.leaves,
        "root": found.root.hex(),
        "leaf": found.leaf.decode(),
        "path": [part.hex() for part in found.path],
        "log_record": proof.record.decode(),
        "log_proof": proof.text(),
        "public_key": hub.key.public_key().public_bytes_raw().hex(),
    }
