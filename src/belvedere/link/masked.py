"""Messages about masked pictures: a recorded piece masked on its way out, permanent masks, what masking costs.

Polygons are corners as shares of the picture's width and height, 0 to 1, of the camera's fixed view.
"""

from typing import Annotated

import msgspec

from belvedere.link.messages import Mark, Reply, Request

MOST_MASKS = 32
_Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Polygon = Annotated[tuple[tuple[_Share, _Share], ...], msgspec.Meta(min_length=3, max_length=64)]
Polygons = Annotated[tuple[Polygon, ...], msgspec.Meta(max_length=MOST_MASKS)]


class ReadMasked(Request, frozen=True, tag="read_masked"):
    """One piece of a playlist, masked; answered with `MaskedPiece`. Needs PLAYBACK. Offsets as in `messages.Piece`."""

    grant: bytes
    camera: str
    stream: str
    segment: int
    start: int
    end: int
    mark: Mark = ()


class ReadCopy(Request, frozen=True, tag="read_copy"):
    """One piece for a masked working copy; answered with `MaskedPiece`. Needs EXPORT. People are hidden whatever the grant shows.

    Pieces of one `copy` (an export's id) are asked for one after another; nobody waits for them, so the site makes them last.
    """

    grant: bytes
    copy: str
    camera: str
    stream: str
    segment: int
    start: int
    end: int
    mark: Mark


class PutMasks(Request, frozen=True, tag="put_masks"):
    """The permanent masks of a camera, all of them; answered with `Answer`. `version` counts up; an older one is refused."""

    camera: str
    version: int
    polygons: Polygons


class GetMasking(Request, frozen=True, tag="get_masking"):
    """What is masked now and what it costs; answered with `Masking`. Carries no picture, needs no grant.

    `camera` names a site by one of its cameras; "" is the hub's own.
    """

    camera: str = ""


class MaskedPiece(Reply, frozen=True, tag="masked_piece"):
    """fMP4 of the piece, its media times those of the original. `whole`: the background was not known, all is blocks.

    `source_sha256`: of the piece's bytes as they lie at the site, opened; 32 bytes, of a working copy only.
    """

    codec_string: str
    width: int
    height: int
    init: bytes
    data: bytes
    whole: bool
    source_sha256: bytes = b""


class RenditionStatus(msgspec.Struct, frozen=True):
    """One masked picture. `kind`: masked, or painted (permanent masks only). `cpu_ms_per_s`: CPU for a second of it."""

    camera: str
    kind: str
    viewers: int
    cpu_ms_per_s: float
    frames: int
    share: float  # of the picture that is covered now
    whole: bool  # the background is not known yet
    restarts: int
    sees: str = ""  # the model that looks for people; "" none does
    look_ms_per_s: float = 0.0  # the model's part of cpu_ms_per_s


class MasksHeld(msgspec.Struct, frozen=True):
    """Which version of a camera's permanent masks the site has.

    `in_camera`: the camera itself paints them too, and was seen to. `why`: in words where it does not, "" while that is open.
    """

    camera: str
    version: int
    polygons: Polygons
    in_camera: bool = False
    why: str = ""


class Masking(Reply, frozen=True, tag="masking"):
    """`most` masked pictures are made at a time. `pieces`: recorded pieces that were masked since the start, and their cost.

    `finds`: in words, how people are found and what that means for those who do not move.
    """

    most: int
    refused: int
    renditions: tuple[RenditionStatus, ...]
    pieces: int
    pieces_cpu_ms_per_s: float
    masks: tuple[MasksHeld, ...]
    finds: str = ""


class CameraMasks(Reply, frozen=True, tag="camera_masks"):
    """What became of masks that were sent to a camera, inside a site. `tokens`: the camera's names of those it made."""

    held: bool
    why: str
    tokens: tuple[str, ...]


REQUESTS = (ReadMasked, ReadCopy, PutMasks, GetMasking)
REPLIES = (MaskedPiece, Masking, CameraMasks)
