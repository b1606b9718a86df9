"""Permanent masks set in the camera itself: ONVIF Media 2 (ver20/media, version 19.06 and later), with a look at what it kept.

A mask in the camera is painted before the picture is encoded: the recording does not hold what is below. Belvedere paints
its masks all the same; this is one wall more, and nothing relies on it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from belvedere.site.onvif import soap
from belvedere.site.onvif.device import Device
from belvedere.site.onvif.markup import Node, quoted, shown
from belvedere.site.onvif.media import whole

Corners = tuple[tuple[float, float], ...]
"""Shares of the picture's width and height, 0 to 1, from the top left."""
APART = 0.02  # by which a corner that the camera kept may differ: they round to their own grid


@dataclass(frozen=True, slots=True)
class InCamera:
    """What became of it. `why`: in words where the camera does not have them; `tokens`: those that it made for us."""

    held: bool
    why: str
    tokens: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Can:
    """GetMaskOptions."""

    most: int
    points: int
    rectangles: bool
    kind: str


async def put_masks(device: Device, masks: Sequence[Corners], before: Sequence[str]) -> InCamera:
    """Have the camera paint these masks, and no longer those of `before` (tokens). Other people's masks stay.

    The new ones are there before the old ones go. Raises CameraUnreachable and CameraDenied; what else the camera says
    becomes words.
    """
    if soap.MEDIA2 not in device.services:
        return InCamera(False, "The camera does not know ONVIF Media 2.")
    try:
        source = await _source(device)
        if isinstance(source, InCamera):
            return source
        found = await _masks(device, source)
        ours = [token for token in before if token in found]
        can = await _options(device, source)
        if masks and (not can.kind or can.most < 1):
            return InCamera(False, "The camera offers no masks.", tuple(ours))
        if len(masks) > can.most - (len(found) - len(ours)):
            return InCamera(False, f"The camera holds {can.most} masks, and has others.", tuple(ours))
        if len(found) + len(masks) > can.most:  # no room for both for a moment
            await _delete(device, ours)
            ours = []
        shapes = [_shape(corners, can) for corners in masks]
        made = [await _create(device, source, shape, can.kind) for shape in shapes]
        kept = await _masks(device, source)
        wrong = [token for token, shape in zip(made, shapes, strict=True) if not _is(kept.get(token), shape)]
        if wrong:
            await _delete(device, [token for token in made if token in kept])
            return InCamera(False, "The camera said yes, and did not keep the masks as they were sent.", tuple(ours))
        await _delete(device, ours)
        return InCamera(bool(made), "" if made else "There are no masks.", tuple(made))
    except soap.SoapFault as fault:
        return InCamera(False, f"The camera refused: {fault.message}", tuple(before))


async def check_masks(device: Device, tokens: Sequence[str]) -> bool:
    """Whether the camera still has and paints all of these. Raises CameraFault."""
    source = await _source(device)
    if isinstance(source, InCamera):
        return False
    found = await _masks(device, source)
    return all(token in found and found[token].on for token in tokens)


@dataclass(frozen=True, slots=True)
class _Kept:
    on: bool
    corners: Corners


async def _source(device: Device) -> str | InCamera:
    """The token of the only video source configuration."""
    reply = await device.ask(soap.MEDIA2, "GetVideoSourceConfigurations")
    tokens = [node.attributes.get("token", "") for node in reply.children if node.name == "Configurations"]
    tokens = [token for token in dict.fromkeys(tokens) if token]
    if len(tokens) != 1:
        return InCamera(False, "The device has several lenses; which of them this camera is it does not tell.")
    return tokens[0]


async def _options(device: Device, source: str) -> _Can:
    reply = await device.ask(
        soap.MEDIA2, "GetMaskOptions", f"<r:ConfigurationToken>{quoted(source)}</r:ConfigurationToken>"
    )
    options = reply.find("Options")
    if options is None:
        return _Can(0, 0, False, "")
    kinds = [shown(node.text, 32) for node in options.children if node.name == "Types"]
    # Flat colour alone: mosaic and blur of a fixed place can be undone in part.
    return _Can(
        whole(options.value("MaxMasks")),
        whole(options.value("MaxPoints")) or 4,
        options.attributes.get("RectangleOnly", "") in ("true", "1"),
        "Color" if "Color" in kinds else "",
    )


async def _masks(device: Device, source: str) -> dict[str, _Kept]:
    """The masks of a source, by token."""
    reply = await device.ask(soap.MEDIA2, "GetMasks", f"<r:ConfigurationToken>{quoted(source)}</r:ConfigurationToken>")
    found: dict[str, _Kept] = {}
    for node in reply.children:
        token = node.attributes.get("token", "")
        if node.name == "Masks" and token:
            found[token[:64]] = _Kept(node.value("Enabled") in ("true", "1"), _corners(node))
    return found


def _corners(mask: Node) -> Corners:
    corners: list[tuple[float, float]] = []
    for point in mask.all("Point")[:64]:
        try:
            x, y = float(point.attributes.get("x", "")), float(point.attributes.get("y", ""))
        except ValueError:
            return ()
        corners.append(((x + 1) / 2, (1 - y) / 2))
    return tuple(corners)


async def _create(device: Device, source: str, corners: Corners, kind: str) -> str:
    points = "".join(f'<t:Point x="{2 * x - 1:.5f}" y="{1 - 2 * y:.5f}"/>' for x, y in corners)
    inner = (
        f"<r:Mask><r:ConfigurationToken>{quoted(source)}</r:ConfigurationToken><r:Polygon>{points}</r:Polygon>"
        f'<r:Type>{quoted(kind)}</r:Type><r:Color X="40" Y="128" Z="128" '
        'Colorspace="http://www.onvif.org/ver10/colorspace/YCbCr"/><r:Enabled>true</r:Enabled></r:Mask>'
    )
    reply = await device.ask(soap.MEDIA2, "CreateMask", inner)
    return reply.value("Token")[:64]


async def _delete(device: Device, tokens: Sequence[str]) -> None:
    for token in tokens:
        await device.ask(soap.MEDIA2, "DeleteMask", f"<r:Token>{quoted(token)}</r:Token>")


def _shape(corners: Corners, can: _Can) -> Corners:
    """The polygon, or the rectangle around it where the camera knows nothing else: that hides more, never less."""
    if not can.rectangles and len(corners) <= can.points:
        return corners
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs), min(ys)), (max(xs), min(ys)), (max(xs), max(ys)), (min(xs), max(ys))


def _is(kept: _Kept | None, sent: Corners) -> bool:
    """Whether the camera paints what was sent: each corner within APART, in the same order from any first one."""
    if kept is None or not kept.on or len(kept.corners) != len(sent):
        return False
    for first in range(len(sent)):
        turned = kept.corners[first:] + kept.corners[:first]
        if all(abs(a - c) <= APART and abs(b - d) <= APART for (a, b), (c, d) in zip(turned, sent, strict=True)):
            return True
    return False
