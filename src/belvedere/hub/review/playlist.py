"""HLS playlists of sealed footage (RFC 8216 bis): byte ranges of segments, one a GOP, in fMP4. Pure text."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from belvedere.foundation.clock import SECOND_US, iso
from belvedere.link.messages import Piece, Playlist

MEDIA_TYPE = "application/vnd.apple.mpegurl"
# A player loads a growing playlist again after one target duration; a longer GOP raises it.
GROWING_TARGET_S = 4
# Pieces of one run that lie further apart do not follow each other: footage between them is gone.
TOUCHING_US = 100_000


def is_growing(playlist: Playlist, to_us: int) -> bool:
    """Whether more of what was asked for may still be recorded."""
    if not playlist.growing:
        return False
    return not playlist.pieces or _end_us(playlist.pieces[-1]) < to_us


def pieces_to_play(playlist: Playlist, to_us: int) -> tuple[Piece, ...]:
    """The pieces for a player. While more may come, without the last: its GOP grows yet, and what was listed may not change."""
    return playlist.pieces[:-1] if is_growing(playlist, to_us) else playlist.pieces


def write_playlist(playlist: Playlist, grant_id: str, to_us: int, *, masked: bool = False) -> str:
    """The playlist as text. Addresses are relative to `/api/play/CAMERA/`, and each carries the grant.

    `masked`: every piece is masked on its way out, so that it has an address of its own instead of a range of bytes.

    Raises ValueError when there is nothing to play.
    """
    pieces = pieces_to_play(playlist, to_us)
    if not pieces:
        raise ValueError("a playlist needs a piece")
    growing = is_growing(playlist, to_us)
    target_s = max(1, *(math.ceil(piece.duration_us / SECOND_US) for piece in pieces))
    if growing:
        target_s = max(target_s, GROWING_TARGET_S)
    grant = urlencode({"grant": grant_id})
    lines = [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{'EVENT' if growing else 'VOD'}",
    ]
    stream = quote(playlist.stream, safe="")
    before: Piece | None = None
    for piece in pieces:
        lines += _piece(piece, before, stream, grant, masked)
        before = piece
    if not growing:
        lines.append("#EXT-X-ENDLIST")
    return "\n".join(lines) + "\n"


def _end_us(piece: Piece) -> int:
    return piece.start_us + piece.duration_us


def _piece(piece: Piece, before: Piece | None, stream: str, grant: str, masked: bool) -> Iterator[str]:
    if before is not None and _broken(before, piece):
        yield "#EXT-X-DISCONTINUITY"
    own = f"masked/{stream}/{piece.segment}/{piece.start}-{piece.end}"
    if masked and (before is None or before.config_id != piece.config_id):
        yield f'#EXT-X-MAP:URI="{own}/init.mp4?{grant}"'
    elif before is None or before.config_id != piece.config_id:
        yield f'#EXT-X-MAP:URI="{stream}/init/{quote(piece.config_id, safe="")}.mp4?{grant}"'
    yield f"#EXT-X-PROGRAM-DATE-TIME:{iso(piece.start_us)}"
    yield f"#EXTINF:{piece.duration_us / SECOND_US:.6f},"
    if masked:
        yield f"{own}.m4s?{grant}"
        return
    yield f"#EXT-X-BYTERANGE:{piece.end - piece.start}@{piece.start}"
    yield f"{stream}/{piece.segment}.m4s?{grant}"


def _broken(before: Piece, piece: Piece) -> bool:
    """Whether media time does not go on from `before` to `piece`."""
    if (before.run, before.config_id) != (piece.run, piece.config_id):
        return True
    return abs(piece.start_us - _end_us(before)) > TOUCHING_US


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes [start, end) of one segment."""

    segment: int
    start: int
    end: int


def stretches(pieces: Iterable[Piece]) -> tuple[Stretch, ...]:
    """What a playlist lets a player read: the bytes of its pieces, neighbours joined."""
    joined: list[Stretch] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and last.segment == piece.segment and last.end == piece.start:
            joined[-1] = Stretch(last.segment, last.start, piece.end)
        else:
            joined.append(Stretch(piece.segment, piece.start, piece.end))
    return tuple(joined)
