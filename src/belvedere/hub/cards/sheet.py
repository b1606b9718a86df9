"""What stands on the sheet of a half: a line of letters with a check group, and the same as a QR code."""

from dataclasses import dataclass
from typing import Any

from belvedere.hub.custody.sheets import to_lines

QR = "BELVEDERE-CARD"


@dataclass(frozen=True, slots=True)
class Sheet:
    """`qr`: the dark modules as the path of an SVG whose sides are `size` long, without a quiet zone."""

    line: str
    qr: str
    size: int


def sheet_of(letter: str, half: bytes) -> Sheet:
    """The sheet of half A or B."""
    line = to_lines(half)[0]
    import cv2  # here: cards are made seldom, and it is large

    encoder: Any = vars(cv2)["QRCodeEncoder_create"]()  # the stubs of OpenCV leave it out
    found = encoder.encode(f"{QR}:{letter}:{'-'.join(line.split())}")
    rows = [[int(each) for each in row] for row in found]
    dark = [(x, y) for y, row in enumerate(rows) for x, each in enumerate(row) if not each]
    # The encoder's own margin goes: whoever draws it leaves one.
    least, most = min(min(at) for at in dark), max(max(at) for at in dark)
    path = "".join(f"M{x - least} {y - least}h1v1h-1z" for x, y in dark)
    return Sheet(line, path, most - least + 1)
