"""The viewer's mark, burned in: who sees this picture under which access, painted into it before it is encoded.

It wanders over the picture, so that nobody crops it away without cropping away what there is to see.
"""

import unicodedata
from collections.abc import Sequence

import cv2

from belvedere.foundation.clock import SECOND_US, iso
from belvedere.vision.masking.picture import Picture

MOST_LINES = 3
MOST_LETTERS = 72  # of a line
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_LINE = 14  # pixels from one line to the next, in a picture 640 wide
_SCALE = 0.42
_ACROSS_S, _DOWN_S = 47, 61  # to wander from one side to the other; primes, so that a path repeats late
_DARK, _LIGHT = 16, 225


def plain(text: str) -> str:
    """`text` in the letters that the font has: accents go, any other letter becomes a question mark."""
    parts = unicodedata.normalize("NFKD", text)
    letters = "".join(each for each in parts if not unicodedata.combining(each))
    return "".join(each if " " <= each <= "~" else "?" for each in " ".join(letters.split()))[:MOST_LETTERS]


def place_at(at_us: int, room_x: int, room_y: int) -> tuple[int, int]:
    """Where the mark's corner is, from 0 to `room_x` and `room_y` pixels."""
    return _between(at_us, _ACROSS_S, room_x), _between(at_us, _DOWN_S, room_y)


def paint_mark(picture: Picture, at_us: int, lines: Sequence[str]) -> None:
    """Burn `lines` and the time of the picture in, luma only. Changes the picture; does nothing without lines."""
    if not lines:
        return
    rows, columns = picture.y.shape
    shown = [*(plain(line) for line in lines[:MOST_LINES]), iso(at_us)[:19].replace("T", " ") + " UTC"]
    widest = max(cv2.getTextSize(line, _FONT, _SCALE, 1)[0][0] for line in shown)
    scale = _SCALE * min(1.0, (columns - 8) / widest)
    step = max(8, int(_LINE * scale / _SCALE))
    wide = int(widest * scale / _SCALE)
    x, y = place_at(at_us, max(0, columns - wide - 8), max(0, rows - step * len(shown) - 8))
    for ink, thick in ((_DARK, 3), (_LIGHT, 1)):
        for number, line in enumerate(shown):
            at = (x + 4, y + step * (number + 1))
            cv2.putText(picture.y, line, at, _FONT, scale, (ink,), thick, cv2.LINE_8)


def _between(at_us: int, side_s: int, room: int) -> int:
    """There and back again in twice `side_s`, a triangle wave."""
    period = 2 * side_s * SECOND_US
    gone = at_us % period
    return room * min(gone, period - gone) // (side_s * SECOND_US)
