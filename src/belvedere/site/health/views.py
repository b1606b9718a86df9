"""What figures of a picture hint at: black or covered, frozen, blurred, moved. Pure; hints, never certainties.

A camera has one reference for colour and one for infrared, for its view changes with the light. What does not fit the
reference is a hint only after several looks in a row. Without numpy, of which the site's process is free.
"""

import math
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

CELLS = (32, 18)  # of the edge map, across and down

DARK_MEAN = 26.0  # of 255, limited range: 16 is black
FLAT_STD = 7.0
BLURRED_SHARE = 0.8  # of the reference's sharpness
SAME_VIEW = 0.62  # correlation of edge maps above which the view is the same
OTHER_VIEW = 0.5  # below which it is another
FROZEN_CHANGE = 0.35  # mean change of sampled pixels between two looks, in grey levels
STILL_BYTES = 120.0  # of a frame between keyframes; one that changes nothing takes fewer
SURE = {"": 3, "black": 3, "frozen": 4, "blurred": 8, "moved": 8}  # looks in a row; a lorry that stops is no fault
_BLENDED = 4  # looks whose edges are taken together, so that rain and passers-by average out
_LEARN = 0.1


class Figures(msgspec.Struct, frozen=True):
    """What a decoder process says of one picture. Luma 0 to 255. `edges`: CELLS bytes, row by row.

    `sharp`: how much of a strong edge's height lies in its steepest pixel, 0 to 1: it tells focus, not contrast or noise (look.py).

    `change`: mean absolute change of sampled pixels since the last picture of the camera, None at the first.
    """

    mean: float
    std: float
    sharp: float
    colour: bool
    change: float | None
    edges: bytes


class Reference(msgspec.Struct, frozen=True):
    """What a view usually looks like: `edges` and `steep` (`sharp`) as in Figures, learnt slowly.

    References of an older measure of focus lack `steep`: they are not read, and those views are learnt anew.
    """

    steep: float
    edges: bytes


References = Mapping[str, Reference]
"""By light: `colour` or `grey`."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[dict[str, Reference]] = msgspec.msgpack.Decoder(dict[str, Reference])


def pack_references(references: References) -> bytes:
    return _encoder.encode(dict(references))


def unpack_references(blob: bytes) -> dict[str, Reference]:
    """Raises msgspec.MsgspecError."""
    return _decoder.decode(blob)


def _blend(maps: Sequence[bytes]) -> bytes:
    """The mean of edge maps."""
    return bytes(round(sum(cells) / len(maps)) for cells in zip(*maps, strict=True))


def likeness(a: bytes, b: bytes) -> float:
    """Correlation of two edge maps, -1 to 1; 0 where one of them is flat."""
    # In whole numbers, n times as large as the differences from the mean.
    n, sum_a, sum_b = len(a), sum(a), sum(b)
    size = math.sqrt((n * _product(a, a) - sum_a * sum_a) * (n * _product(b, b) - sum_b * sum_b))
    return (n * _product(a, b) - sum_a * sum_b) / size if size else 0.0


def _product(a: bytes, b: bytes) -> int:
    if len(a) != len(b):
        raise ValueError("edge maps of two sizes")
    return sum(map(operator.mul, a, b))


@dataclass(frozen=True, slots=True)
class Sign:
    """What one look says. `kind` is "" for a picture as usual."""

    kind: str
    rests_on: str = ""


@dataclass(slots=True)
class View:
    """One camera's picture over time."""

    references: dict[str, Reference] = field(default_factory=dict)
    learnt: bool = False  # the references changed since they were stored
    hints: dict[str, tuple[int, str]] = field(default_factory=dict)  # kind: since when, what it rests on
    looked: bool = False
    _row: list[str] = field(default_factory=list)  # kinds that the newest looks said, the newest last
    _edges: list[bytes] = field(default_factory=list)  # of the newest looks in this light
    _light: str = ""
    _doubt: bool = False  # the newest look alone does not fit the reference

    def look(self, figures: Figures, still: bool, between_bytes: float | None, now_us: int) -> None:
        """Take in one look. `still` and `between_bytes`: what packet sizes say (`sizes.Sizes`)."""
        self.looked = True
        self._doubt = False
        sign = self._sign(figures, still, between_bytes)
        self._row = [*self._row[-max(SURE.values()) :], sign.kind]
        need = SURE[sign.kind]
        if len(self._row) < need or any(kind != sign.kind for kind in self._row[-need:]):
            return
        if not sign.kind:
            self.hints.clear()
        elif sign.kind not in self.hints:
            self.hints = {sign.kind: (now_us, sign.rests_on)}

    @property
    def unsure(self) -> bool:
        """Whether the newest looks disagree with what is held true: look again soon."""
        held = next(iter(self.hints), "")
        return self._doubt or (bool(self._row) and self._row[-1] != held)

    def accept(self) -> None:
        """A person says that the view is as it should be: learn it anew."""
        self.references.clear()
        self.hints.clear()
        self._row.clear()
        self._edges.clear()
        self.learnt = True

    def _sign(self, figures: Figures, still: bool, between_bytes: float | None) -> Sign:
        if figures.std < FLAT_STD:
            what = "dark" if figures.mean < DARK_MEAN else "of one shade"
            return Sign(
                "black", f"The picture is {what}: brightness {figures.mean:.0f}, contrast {figures.std:.1f} of 255."
            )
        quiet = still or (between_bytes is not None and between_bytes < STILL_BYTES)
        if figures.change is not None and figures.change < FROZEN_CHANGE and quiet:
            return Sign(
                "frozen",
                f"Pictures differ by {figures.change:.2f} of 255, less than noise, and hold {between_bytes or 0:.0f} bytes each.",
            )
        light = "colour" if figures.colour else "grey"
        if light != self._light:
            self._light = light
            self._edges.clear()
        self._edges = [*self._edges[1 - _BLENDED :], figures.edges]
        known = self.references.get(light)
        if known is None:
            self._learn(light, Reference(figures.sharp, figures.edges))
            return Sign("")
        alike = likeness(_blend(self._edges), known.edges)
        alone = likeness(figures.edges, known.edges)
        self._doubt = alone < SAME_VIEW
        if 0 < figures.sharp < BLURRED_SHARE * known.steep:
            return Sign("blurred", f"Edges have {figures.sharp / known.steep:.0%} of their usual steepness.")
        if alike < OTHER_VIEW:
            return Sign("moved", f"Edges lie elsewhere: {max(0.0, alike):.0%} alike with the usual view.")
        if alone >= SAME_VIEW:
            edges = bytes(
                round(old * (1 - _LEARN) + new * _LEARN) for old, new in zip(known.edges, figures.edges, strict=True)
            )
            self._learn(light, Reference(known.steep * (1 - _LEARN) + figures.sharp * _LEARN, edges))
        return Sign("")

    def _learn(self, light: str, reference: Reference) -> None:
        self.references[light] = reference
        self.learnt = True
