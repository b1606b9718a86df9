"""The manifest of an evidence pack, format 1 (reference: `docs/reference/pack-format.md`).

Times are microseconds UTC (`*_us`); paths are those inside the pack. Fields may be added at any time: readers ignore what
they do not know. `format` rises only when an old reader would be misled.
"""

import msgspec

FORMAT = 1
COPY_FORMAT = 2  # a reader of format 1 would take a working copy for evidence
KINDS = {"evidence": "evidence", "working_copy": "working copy (masked)"}
MANIFEST = "manifest.json"
SIGNATURE = "manifest.sig"
README = "README.txt"
ENTRY = "log/entry.json"
PROOF = "log/proof.json"
EXPORT_STARTED = "export.started"  # kind of the log entry that a pack carries


class Software(msgspec.Struct, frozen=True):
    name: str
    version: str


class Hub(msgspec.Struct, frozen=True):
    """Who signed: `public_key` is 32 bytes of Ed25519 in hex, `log` the name of its audit log."""

    public_key: str
    log: str


class Export(msgspec.Struct, frozen=True):
    """What was asked for, by whom. `start_us` and `end_us` are the exact marks, whatever the clips cover."""

    id: str
    name: str
    note: str
    cameras: tuple[str, ...]
    start_us: int
    end_us: int
    made_us: int
    made_by: str
    made_by_id: str


class UnderGrant(msgspec.Struct, frozen=True):
    """The access that allowed it."""

    id: str
    purpose: str
    purpose_text: str
    case: str
    issued_us: int
    expires_us: int
    approver: str
    policy_version: str


class Gap(msgspec.Struct, frozen=True):
    """Footage asked for that is not in the pack. `reason` is a code, `text` the same in words."""

    start_us: int
    end_us: int
    reason: str
    text: str


class Source(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a clip's bytes lay at the site: bytes [start, end) of a segment's plaintext.

    `sha256` is that of these bytes, in hex, for a working copy, which does not hold them.
    """

    segment: int
    start: int
    end: int
    sha256: str = ""


class Clip(msgspec.Struct, frozen=True):
    """One unbroken stretch. It starts at the keyframe before the mark: play from `mark_offset_us` to see the mark.

    `media_90k` is the stretch's first decode time at the site, in ticks since the start of run `run`; in the clip it is 0.
    `originals` is "jpeg" where the recorder made the H.264 of a camera's JPEG pictures, which lie inside it, byte for byte.
    `lost_packets` counts what the network lost during the runs touched, where the site knows it.
    """

    path: str
    camera: str
    stream: str
    start_us: int
    end_us: int
    mark_offset_us: int
    codec: str
    codec_string: str
    width: int
    height: int
    config_id: str
    run: int
    media_90k: int
    fragments: int
    imported: bool
    sources: tuple[Source, ...]
    lost_packets: int = 0
    originals: str = ""
    blocks: int = 0  # sources of a working copy of which all is hidden: the background was not known


class Sound(msgspec.Struct, frozen=True):
    """One unbroken stretch of a camera's sound: AAC in an MP4, or G.711 in a WAV. It is no part of any clip.

    `filled_bytes` of a WAV are silence where packets were lost; all others are the camera's own.
    """

    path: str
    camera: str
    start_us: int
    end_us: int
    codec: str
    codec_string: str
    config_id: str
    run: int
    media_90k: int
    fragments: int
    sources: tuple[Source, ...]
    filled_bytes: int = 0


class Camera(msgspec.Struct, frozen=True):
    """A camera of the export. `sound` is empty where none was recorded.

    `clock_error_us` is camera clock minus site clock, as the site knew it at `clock_measured_us`; None where not known.
    """

    id: str
    name: str
    place: str
    site: str
    stream: str
    clock_error_us: int | None
    clock_measured_us: int | None
    clips: tuple[Clip, ...]
    gaps: tuple[Gap, ...]
    sound: tuple[Sound, ...] = ()


class File(msgspec.Struct, frozen=True):
    path: str
    bytes: int
    sha256: str


class Log(msgspec.Struct, frozen=True):
    """Where the export stands in the hub's audit log; the proof is in `log/`."""

    index: int
    size: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`files` lists every other file of the pack but `manifest.sig`, which signs the bytes of this one."""

    format: int
    kind: str = "evidence"  # one of KINDS' words
    software: Software
    hub: Hub
    export: Export
    grant: UnderGrant
    log: Log
    cameras: tuple[Camera, ...]
    files: tuple[File, ...]


def manifest_bytes(manifest: Manifest) -> bytes:
    """The bytes that are signed and written: indented, so that a person can read them."""
    return msgspec.json.format(msgspec.json.encode(manifest), indent=2) + b"\n"
