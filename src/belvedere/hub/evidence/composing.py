"""Putting a pack together, file by file, behind those that an earlier attempt brought."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine

from belvedere.foundation.clock import Clock
from belvedere.hub.evidence.copy import Copier, Release
from belvedere.hub.evidence.describe import camera_words, manifest_of
from belvedere.hub.evidence.footage import CameraPlan, Stretch, write_clip
from belvedere.hub.evidence.manifest import ENTRY, PROOF, README, Camera, Clip, Sound, Source
from belvedere.hub.evidence.order import WORKING_COPY, Order
from belvedere.hub.evidence.pack import Kept, PackWriter, proof_file
from belvedere.hub.evidence.readme import readme
from belvedere.hub.evidence.sound import SoundPlan, write_sound
from belvedere.hub.evidence.store import ExportRow
from belvedere.hub.jobs.work import Work
from belvedere.link.client import SiteLink
from belvedere.tlog.proof import LogProof

_FILES = "files"


@dataclass(slots=True)
class Composer:
    """One pack. `wanted` are the bytes of footage in it."""

    engine: Engine
    clock: Clock
    key: Ed25519PrivateKey
    link: SiteLink
    release: Release | None
    order: Order
    row: ExportRow
    plans: list[CameraPlan]
    sounds: list[SoundPlan]
    clocks: dict[str, tuple[int, int]]
    wanted: int
    done: int = 0
    # What earlier attempts noted, in the order of the pack, as far as the site still has the same footage.
    noted: list[dict[str, Any]] = field(default_factory=list)

    def _stretches(self) -> Iterator[tuple[str, Stretch]]:
        for plan, heard in zip(self.plans, self.sounds, strict=True):
            yield from ((f"clips/{plan.camera}-", stretch) for stretch in plan.stretches)
            yield from ((f"sound/{heard.camera}-", stretch) for stretch in heard.stretches)

    def kept(self, noted: Sequence[dict[str, Any]]) -> list[Kept]:
        """Those of `noted` that are what this pack begins with."""
        for one, (path, stretch) in zip(noted, self._stretches(), strict=False):
            made = one["made"]
            if not made["path"].startswith(path) or _where(made["sources"]) != _where(_wanted(self.order, stretch)):
                break
            self.noted.append(one)
        return [Kept(**one["kept"]) for one in self.noted]

    async def write(self, work: Work, writer: PackWriter, proof: LogProof) -> tuple[int, str, str]:
        """The whole pack; its bytes, its SHA-256 and that of its manifest."""
        del self.noted[len(writer.kept) :]
        again = iter(list(self.noted))
        if work.notes.get(_FILES, []) != self.noted:
            await work.note(files=list(self.noted))
        words = await asyncio.to_thread(camera_words, self.engine, self.order.cameras)
        copier = Copier(
            self.link, self.release, self.order, self.row, self.clock, writer, partial(self._count, work), _said(work)
        )
        count = partial(self._count, work)
        cameras = []
        for plan, heard in zip(self.plans, self.sounds, strict=True):
            clips: list[Clip] = []
            sound: list[Sound] = []
            for number, stretch in enumerate(plan.stretches):
                if (one := next(again, None)) is not None:
                    clips.append(msgspec.convert(one["made"], Clip))
                    count(stretch.bytes)
                    continue
                if self.order.kind == WORKING_COPY:
                    clip = await copier.clip(plan, number)
                else:
                    clip = await write_clip(
                        self.link, self.order.wire, plan, number, self.order.start_us, writer, count
                    )
                clips.append(clip)
                await self._keep(work, writer, clip)
            for number, stretch in enumerate(heard.stretches):
                if (one := next(again, None)) is not None:
                    sound.append(msgspec.convert(one["made"], Sound))
                    count(stretch.bytes)
                    continue
                made = await write_sound(self.link, self.order.wire, heard, number, writer, count)
                sound.append(made)
                await self._keep(work, writer, made)
            name, place, site = words.get(plan.camera, (plan.camera, "", ""))
            error_us, measured_us = self.clocks.get(plan.camera, (None, None))
            cameras.append(
                Camera(
                    plan.camera,
                    name,
                    place,
                    site,
                    plan.stream,
                    error_us,
                    measured_us,
                    tuple(clips),
                    plan.gaps,
                    tuple(sound),
                )
            )
        manifest = manifest_of(self.row, self.order, proof, self.key.public_key().public_bytes_raw(), cameras)

        def finish() -> tuple[int, str, str]:
            writer.add(README, readme(manifest).encode())
            writer.add(ENTRY, proof.record)
            writer.add(PROOF, proof_file(proof))
            return writer.finish(msgspec.structs.replace(manifest, files=tuple(writer.files)), self.key)

        return await asyncio.to_thread(finish)

    def _count(self, work: Work, size: int) -> None:
        self.done += size
        work.share = min(0.99, self.done / self.wanted)

    async def _keep(self, work: Work, writer: PackWriter, made: Clip | Sound) -> None:
        kept = await asyncio.to_thread(writer.keep)
        await work.note(files=[*work.notes.get(_FILES, []), {"kept": asdict(kept), "made": msgspec.to_builtins(made)}])


def _said(work: Work) -> Any:
    def say(message: str) -> None:
        work.message = message

    return say


def _wanted(order: Order, stretch: Stretch) -> Sequence[Source]:
    """The sources that what is made of `stretch` names: a working copy names each piece, footage joins them."""
    if order.kind == WORKING_COPY:
        return [Source(piece.segment, piece.start, piece.end) for piece in stretch.pieces]
    return stretch.sources


def _where(sources: Sequence[Any]) -> list[tuple[int, int, int]]:
    return [tuple(msgspec.to_builtins(one)[name] for name in ("segment", "start", "end")) for one in sources]
