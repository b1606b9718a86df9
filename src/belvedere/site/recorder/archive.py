"""The reading side: timelines, playlists and decrypted bytes, each behind a Grant. Thread-safe.

Only durable footage is seen here, because the index names nothing else. No key is touched before the grant has been held
against the wall time that the bytes really cover.
"""

import functools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import dropwhile
from typing import TYPE_CHECKING

from belvedere import __version__
from belvedere.foundation.clock import Clock
from belvedere.foundation.errors import BadInput, NotFound, Refused
from belvedere.link.messages import CameraStatus, DiskStatus, Init, Piece, Playlist, Run, SiteStatus, StreamStatus
from belvedere.media import seal
from belvedere.media.stream import StreamKind
from belvedere.policy.grant import Action, Grant
from belvedere.site.recorder.feed import idle_status
from belvedere.site.recorder.ingest_status import LiveCounters, TimeCounters, ingest_status
from belvedere.site.recorder.recorder import Recorder
from belvedere.site.recorder.sound import sound_status
from belvedere.site.recorder.timing import wall_us
from belvedere.site.storage import fragments
from belvedere.site.storage.cameras import Camera, Cameras
from belvedere.site.storage.index import Index, statements
from belvedere.site.storage.keys import Keyring

if TYPE_CHECKING:
    from belvedere.foundation.settings import SiteSettings

_CHUNK_BYTES = 1 << 20
_MOST_PIECES = 100_000  # a day of half-second GOPs is 172,800: ask for less at once


@dataclass(frozen=True, slots=True)
class _Segment:
    """Columns of the statements `segments_touching` and `segment_before`."""

    id: int
    run_id: int
    ordinal: int
    config_id: str
    start_us: int
    dur_us: int
    media_start_90k: int
    media_dur_90k: int
    rate_ppm: int
    plain_bytes: int
    fragments: bytes
    end_reason: str
    flags: int


@dataclass(frozen=True, slots=True)
class _Part:
    """A piece in the making: fragments of one segment up to the next keyframe."""

    piece: Piece
    keyframe: bool
    growing: bool

    @property
    def start_us(self) -> int:
        return self.piece.start_us

    @property
    def end_us(self) -> int:
        return self.piece.start_us + self.piece.duration_us


class Archive:
    """What the uplink may ask of the recorder."""

    def __init__(
        self,
        settings: "SiteSettings",
        index: Index,
        keyring: Keyring,
        cameras: Cameras,
        recorder: Recorder,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._index = index
        self._keyring = keyring
        self._cameras = cameras
        self._recorder = recorder
        self._clock = clock
        self._started_us = clock.now_us()
        self._disks = {writer.disk.id: writer.disk for writer in recorder.writers}
        self.live_counters: LiveCounters | None = None
        self.time_counters: TimeCounters | None = None
        # Permanent masks of a camera, as polygons; where there are any, no picture is played back without them.
        self.permanent: Callable[[str], Sequence[object]] = lambda camera: ()
        # Whether originals of a camera leave only where the data protection officer approved the grant.
        self.veiled: Callable[[str], bool] = lambda camera: False

    # Pictures.

    def timeline(self, camera: str, stream: str, from_us: int, to_us: int) -> tuple[Run, ...]:
        """Runs that touch [from_us, to_us), whole, in order. One that grows ends at its durable end. Carries no picture."""
        rows = self._index.read().execute(
            statements()["timeline"], {"camera": camera, "stream": stream, "from_us": from_us, "to_us": to_us}
        )
        return tuple(Run(start, end, reason, bool(imported), lost) for start, end, reason, imported, lost in rows)

    def playlist(self, grant: Grant, camera: str, stream: str, from_us: int, to_us: int) -> Playlist:
        """Pieces that cover [from_us, to_us), each beginning where decoding can; so the first may begin a little earlier.

        Pieces that reach out of the grant's span are left out. Raises Refused, NotFound.
        """
        # Sound leaves the store in exports only.
        seen = (Action.PLAYBACK, Action.ANALYSE) if stream != StreamKind.AUDIO else ()
        action = next((each for each in seen if each in grant.actions), Action.EXPORT)
        grant.require(action, camera, now_us=self._clock.now_us(), start_us=from_us, end_us=to_us)
        stream_id = self._stream_id(camera, stream)
        rows = self._index.read().execute(
            statements()["segments_touching"], {"stream_id": stream_id, "from_us": from_us, "to_us": to_us}
        )
        parts: list[_Part] = []
        before: _Segment | None = None
        for segment in (_Segment(*row) for row in rows.fetchall()):
            parts += self._decodable(segment, before, from_us)
            before = segment
        wanted = [n for n, part in enumerate(parts) if part.start_us < to_us and part.end_us > from_us]
        first = wanted[0] if wanted else 0
        while first and not parts[first].keyframe:
            first -= 1
        chosen = [
            part
            for part in (parts[first : wanted[-1] + 1] if wanted else [])
            if grant.from_us <= part.start_us and part.end_us <= grant.to_us
        ]
        chosen = list(dropwhile(lambda part: not part.keyframe, chosen))
        pieces = [part.piece for part in chosen]
        growing = bool(chosen) and chosen[-1].growing
        if len(pieces) > _MOST_PIECES:
            raise BadInput("This span holds too many pieces.", advice="Ask for a shorter one.")
        return Playlist(camera, stream, tuple(pieces), growing)

    def _decodable(self, segment: _Segment, before: _Segment | None, from_us: int) -> list[_Part]:
        """The pieces of a segment. One that begins without a keyframe goes on from the segment before it in its run, whose
        last piece is then needed too; where that is not there, its beginning can't be shown."""
        parts = _parts(segment)
        if not parts or parts[0].keyframe:
            return parts
        if before is not None and (before.run_id, before.ordinal) == (segment.run_id, segment.ordinal - 1):
            return parts
        row = (
            self._index.read()
            .execute(statements()["segment_before"], {"run_id": segment.run_id, "ordinal": segment.ordinal})
            .fetchone()
        )
        if row is None or parts[0].end_us <= from_us:
            return parts[1:]
        return self._decodable(_Segment(*row), None, from_us)[-1:] + parts

    def read(
        self,
        grant: Grant,
        action: Action,
        camera: str,
        stream: str,
        segment: int,
        start: int,
        end: int,
        *,
        stays: bool = False,
    ) -> Iterator[bytes]:
        """Plaintext bytes [start, end) of a segment in chunks of at most 1 MiB.

        A masked grant reads nothing, unless the bytes stay (`stays`) inside the site: numbers or masked pictures leave it.

        Raises Refused, NotFound and KeyAway before the first chunk; SealBroken or NotFound while reading, when the bytes were
        altered or the footage was deleted meanwhile.
        """
        if not stays:
            self._check_raw(grant, action, camera)
        if stream == StreamKind.AUDIO and action is not Action.EXPORT:
            raise Refused("Sound is given out in exports only.", advice="Export the span that you need.")
        row = (
            self._index.read()
            .execute(statements()["segment_to_read"], {"segment": segment, "camera": camera, "stream": stream})
            .fetchone()
        )
        if row is None:
            # Whether a segment exists is told only to those who may see the camera.
            grant.require(action, camera, now_us=self._clock.now_us(), start_us=grant.from_us, end_us=grant.from_us)
            raise _gone()
        _, camera_id, disk_id, day, path, start_us, media_start_90k, rate_ppm, blob = row
        records = fragments.unpack(blob)
        marks = fragments.marks(records)
        if not 0 <= start < end <= marks[-1].plain:
            raise BadInput("This range of bytes does not exist.", advice="Ask for the range that the playlist names.")
        covered = [
            record
            for record, mark in zip(records, marks, strict=False)
            if mark.plain < end and mark.plain + record.length > start
        ]
        grant.require(
            action,
            camera,
            now_us=self._clock.now_us(),
            start_us=wall_us(start_us, media_start_90k, rate_ppm, covered[0].start_90k),
            end_us=wall_us(start_us, media_start_90k, rate_ppm, max(r.end_90k for r in covered)),
        )
        key = functools.partial(self._keyring.get, camera_id, day, grant.id)
        return self._read(key, disk_id, path, seal.identity(camera, stream), marks, start, end)

    def _read(
        self,
        key: Callable[[], bytes],
        disk_id: int,
        path: str,
        bound_to: bytes,
        marks: list[seal.Mark],
        start: int,
        end: int,
    ) -> Iterator[bytes]:
        if disk_id not in self._disks:
            raise NotFound("The disk with this footage is not there.", advice="Mount it and restart the site.")
        files = self._disks[disk_id].files
        try:
            fd = files.open(path)
        except FileNotFoundError as error:
            raise _gone() from error
        try:
            reader = seal.SegmentReader(lambda offset, size: os.pread(fd, size, offset), key(), bound_to)
            held: list[bytes] = []
            size = 0
            for part in reader.read(marks, fragments.RECORD_BYTES, start, end):
                if size + len(part) > _CHUNK_BYTES:
                    yield b"".join(held)
                    held, size = [], 0
                held.append(part)
                size += len(part)
            if held:
                yield b"".join(held)
        finally:
            files.close(fd)

    def _check_raw(self, grant: Grant, action: Action, camera: str) -> None:
        """Raises Refused where only masked pictures may leave, or none."""
        if action is Action.ANALYSE:
            raise Refused("This access is for looking by machine; no picture leaves the site for it.")
        if grant.masked:
            export = action is Action.EXPORT
            raise Refused(
                "This access shows masked pictures only; an export holds the originals."
                if export
                else "This access shows masked pictures only.",
                advice="Ask for access to unmasked pictures, with a reason.",
            )
        if action is Action.EXPORT and self.veiled(camera) and not grant.originals:
            raise Refused(
                f"Camera {camera} has permanent masks, and its originals show what they hide.",
                advice="Ask for an access to export that the data protection officer approves.",
            )
        if action is Action.PLAYBACK and self.permanent(camera):
            raise Refused("This camera has permanent masks; its pictures are painted before they leave.")

    def init(self, grant: Grant, camera: str, config_id: str) -> Init:
        """The initialisation segment of a configuration of this camera. Raises Refused, NotFound."""
        action = next(iter(sorted(grant.actions)), Action.PLAYBACK)
        grant.require(action, camera, now_us=self._clock.now_us(), start_us=grant.from_us, end_us=grant.from_us)
        row = self._index.read().execute(statements()["config"], {"camera": camera, "config_id": config_id}).fetchone()
        if row is None:
            raise NotFound(f"{camera} has no configuration {config_id}.", advice="Ask for the playlist again.")
        return Init(*row)

    def _stream_id(self, camera: str, stream: str) -> int:
        row = (
            self._index.read()
            .execute(
                "SELECT s.id FROM stream s JOIN camera c ON c.id = s.camera_id WHERE c.slug = ? AND s.kind = ?",
                (camera, stream),
            )
            .fetchone()
        )
        if row is None:
            raise NotFound(f"{camera} has no {stream} stream.", advice="`belvedere camera list` names what there is.")
        return int(row[0])

    # Cameras.

    def put_camera(self, camera: str, name: str, main_url: str, sub_url: str, enabled: bool) -> None:
        """Add a camera or change all its fields. Raises BadInput, BadAddress."""
        self._cameras.put(camera, name, main_url, sub_url, enabled)
        self._recorder.cameras_changed()

    def remove_camera(self, camera: str) -> None:
        """Stop recording a camera and forget its addresses; its footage stays until it is old. Raises NotFound."""
        self._cameras.remove(camera)
        self._recorder.cameras_changed()

    def cameras(self) -> list[Camera]:
        """All cameras, by slug."""
        return self._cameras.all()

    # Health.

    def status(self) -> SiteStatus:
        """Health of the site, its cameras and its disks."""
        kept: dict[str, list[tuple[str, int, int | None]]] = {}
        for slug, kind, size, _, first_us in self._index.read().execute(statements()["kept"]).fetchall():
            kept.setdefault(slug, []).append((kind, size, first_us))
        sounds = self._recorder.sound_book.settings()
        cameras = tuple(
            CameraStatus(
                camera=camera.slug,
                name=camera.name,
                enabled=camera.enabled,
                streams=self._streams(camera, [kind for kind, _, _ in kept.get(camera.slug, [])]),
                first_us=min((f for _, _, f in kept.get(camera.slug, []) if f is not None), default=None),
                bytes_kept=sum(size for _, size, _ in kept.get(camera.slug, [])),
                sound=sound_status(camera, sounds.get(camera.slug), self._recorder.sounds.get(camera.slug)),
            )
            for camera in self._cameras.all()
        )
        return SiteStatus(
            version=__version__,
            site=self._settings.id,
            name=self._settings.name,
            now_us=self._clock.now_us(),
            started_us=self._started_us,
            cameras=cameras,
            disks=tuple(self._disk_states()),
            ingest=ingest_status(self._recorder.workers, self.live_counters, self.time_counters),
        )

    def _streams(self, camera: Camera, kinds: list[str]) -> tuple[StreamStatus, ...]:
        found = []
        for kind in (StreamKind.MAIN, StreamKind.SUB):
            feed = self._recorder.feeds.get((camera.slug, kind))
            if feed is not None:
                found.append(feed.status())
            elif kind in camera.addresses:
                found.append(idle_status(kind, "connecting" if camera.enabled else "off"))
            elif kind in kinds:
                found.append(idle_status(kind, "imported"))
        return tuple(found)

    def _disk_states(self) -> list[DiskStatus]:
        states = []
        for writer in self._recorder.writers:
            try:
                total, free = writer.disk.files.space()
            except OSError:
                total, free = 0, 0
            states.append(DiskStatus(writer.disk.name, total, free, writer.state, writer.message))
        return states


def _parts(segment: _Segment) -> list[_Part]:
    """A segment's fragments as pieces, one a keyframe."""
    parts = []
    for group in fragments.groups(segment.fragments):
        start_us = wall_us(segment.start_us, segment.media_start_90k, segment.rate_ppm, group.start_90k)
        end_us = wall_us(segment.start_us, segment.media_start_90k, segment.rate_ppm, group.end_90k)
        piece = Piece(
            segment=segment.id,
            config_id=segment.config_id,
            run=segment.run_id,
            start_us=start_us,
            duration_us=end_us - start_us,
            media_90k=group.start_90k,
            start=group.start,
            end=group.end,
        )
        parts.append(_Part(piece, group.keyframe, segment.end_reason == ""))
    return parts


def _gone() -> NotFound:
    return NotFound("This footage is not there any more.", advice="It was deleted; ask for the timeline again.")
