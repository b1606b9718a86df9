"""How an encoder holds its bitrate, recognised from sizes, keyframes and QP. Constant bitrate hides what moves."""

from dataclasses import dataclass
from enum import StrEnum

LEAST_SECONDS = 600  # of footage, below which nothing is recognised


class RateKind(StrEnum):
    """Kinds of rate control, as far as it matters for what sizes tell."""

    VBR = "vbr"  # sizes follow the picture
    CAPPED = "capped"  # likewise, up to a ceiling
    CBR = "cbr"  # sizes are held, QP follows the picture
    SMART = "smart"  # long GOPs of changing length
    UNCLEAR = "unclear"


WORDS = {
    RateKind.VBR: "variable bitrate: sizes follow the picture",
    RateKind.CAPPED: "variable bitrate with a ceiling: sizes follow the picture below it",
    RateKind.CBR: "constant bitrate: sizes tell little, keyframes are compared instead",
    RateKind.SMART: "smart codec with keyframes far apart: sizes follow the picture, keyframes are few",
    RateKind.UNCLEAR: "not clear yet how its bitrate is held",
}


@dataclass(frozen=True, slots=True)
class RateControl:
    """What was recognised. `confidence` is 0 to 1; `seconds` were looked at."""

    kind: RateKind
    confidence: float
    seconds: int

    @property
    def by_qp(self) -> bool:
        """Whether sizes must be corrected by QP to tell anything."""
        return self.kind is RateKind.CBR

    @property
    def text(self) -> str:
        return WORDS[self.kind]


UNKNOWN = RateControl(RateKind.UNCLEAR, 0.0, 0)
