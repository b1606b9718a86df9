"""An evidence pack made at the site with a break-glass card: the same format, signed by the box, proven by the site's own log."""

from dataclasses import dataclass
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import belvedere
from belvedere.foundation.errors import NotFound
from belvedere.hub.evidence.footage import clock_errors, plan_camera, write_clip
from belvedere.hub.evidence.manifest import (
    ENTRY,
    FORMAT,
    PROOF,
    README,
    Camera,
    Export,
    Hub,
    Log,
    Manifest,
    Software,
    UnderGrant,
)
from belvedere.hub.evidence.pack import PackWriter, proof_file
from belvedere.hub.evidence.readme import readme
from belvedere.hub.evidence.sound import plan_sound, write_sound
from belvedere.link.card import CardOpened
from belvedere.link.client import SiteLink
from belvedere.tlog.checkpoint import log_origin
from belvedere.tlog.proof import LogProof


@dataclass(frozen=True, slots=True)
class SiteOrder:
    """What two people export at the site."""

    names: tuple[str, str]
    reason: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int


async def write_site_pack(
    link: SiteLink, opened: CardOpened, order: SiteOrder, box_key: Ed25519PrivateKey, path: Path
) -> tuple[int, str]:
    """Make the pack at `path`; returns its size and SHA-256. Raises LinkFault, Refused, KeyAway, NotFound, OSError.

    The manifest names the box's public key where a pack of the hub names the hub's: `belvedere verify --key` takes it.
    """
    status = await link.status()
    names = {camera.camera: camera.name for camera in status.cameras}
    clocks = await clock_errors(link, status.now_us)
    wire = opened.token
    plans = [await plan_camera(link, wire, camera, order.start_us, order.end_us) for camera in order.cameras]
    if not any(plan.bytes for plan in plans):
        reasons = sorted({gap.text for plan in plans for gap in plan.gaps})
        raise NotFound(f"There is no footage of this time. {' '.join(reasons)}", advice="Name another time or camera.")
    entry = opened.entry
    public = box_key.public_key().public_bytes_raw()
    proof = LogProof(entry.number, entry.salt, entry.record, opened.path, entry.checkpoint)
    size = proof.verify(public).size
    writer = PackWriter(path, entry.time_us)
    try:
        cameras = []
        for plan in plans:
            clips = [
                await write_clip(link, wire, plan, number, order.start_us, writer, _nobody)
                for number in range(len(plan.stretches))
            ]
            heard = await plan_sound(link, wire, plan.camera, order.start_us, order.end_us, status.cameras)
            sound = [
                await write_sound(link, wire, heard, number, writer, _nobody) for number in range(len(heard.stretches))
            ]
            error_us, measured_us = clocks.get(plan.camera, (None, None))
            name = names.get(plan.camera, plan.camera)
            cameras.append(
                Camera(
                    plan.camera,
                    name,
                    "",
                    status.name,
                    plan.stream,
                    error_us,
                    measured_us,
                    tuple(clips),
                    plan.gaps,
                    tuple(sound),
                )
            )
        manifest = Manifest(
            format=FORMAT,
            software=Software("Belvedere", belvedere.__version__),
            hub=Hub(public.hex(), log_origin(public)),
            export=Export(
                id=opened.export,
                name="Break-glass card",
                note=f"Made at the site {opened.site} with a break-glass card, while the hub was away. "
                f"Opened by {order.names[0]} and {order.names[1]}. Reason: {order.reason}",
                cameras=order.cameras,
                start_us=order.start_us,
                end_us=order.end_us,
                made_us=entry.time_us,
                made_by=opened.title,
                made_by_id=opened.card,
            ),
            grant=UnderGrant(
                id=_grant_of(entry.record),
                purpose=opened.purpose,
                purpose_text=opened.purpose_text,
                case="",
                issued_us=opened.issued_us,
                expires_us=opened.expires_us,
                approver=opened.approver,
                policy_version=opened.policy_version,
            ),
            log=Log(entry.number, size),
            cameras=tuple(cameras),
            files=(),
        )
        writer.add(README, readme(manifest).encode())
        writer.add(ENTRY, proof.record)
        writer.add(PROOF, proof_file(proof))
        size, sha256, _ = writer.finish(msgspec.structs.replace(manifest, files=tuple(writer.files)), box_key)
    except BaseException:  # whatever it was, nothing half-made stays
        writer.abandon()
        raise
    return size, sha256


def _grant_of(record: bytes) -> str:
    return str(msgspec.json.decode(record)["facts"]["grant"])


def _nobody(_bytes: int) -> None:
    """Nobody waits for the progress."""
