"""The simulated device's privacy masks: the mask part of its Media 2 service, as the specification has it."""

from dataclasses import dataclass, field
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape

from belvedere.demo.onvif.subscriptions import Fault


@dataclass(frozen=True, slots=True)
class Mask:
    """One mask: corners in ONVIF's coordinates, -1 to 1, upwards."""

    points: tuple[tuple[float, float], ...]
    kind: str = "Color"
    on: bool = True


@dataclass(slots=True)
class MaskShelf:
    """What the device can, and has. `forgets`: it says yes and keeps nothing. `unknown`: it has no masks at all."""

    most: int = 8
    points: int = 16
    rectangles: bool = False
    kinds: tuple[str, ...] = ("Color", "Blurred")
    sources: tuple[str, ...] = ("source-1",)
    forgets: bool = False
    unknown: bool = False
    held: dict[str, Mask] = field(default_factory=dict)
    made: int = 0


class MaskService:
    """Mixed into the device: answers what is asked of masks."""

    masks: MaskShelf

    async def _do_get_video_source_configurations(self, _r: Element, _e: Element) -> str:
        entries = "".join(
            f'<m2:Configurations token="{token}"><t:Name>{token}</t:Name><t:UseCount>1</t:UseCount>'
            f"<t:SourceToken>lens-1</t:SourceToken></m2:Configurations>"
            for token in self.masks.sources
        )
        return f"<m2:GetVideoSourceConfigurationsResponse>{entries}</m2:GetVideoSourceConfigurationsResponse>"

    async def _do_get_mask_options(self, _r: Element, _e: Element) -> str:
        shelf = self._shelf()
        kinds = "".join(f"<m2:Types>{kind}</m2:Types>" for kind in shelf.kinds)
        return (
            f'<m2:GetMaskOptionsResponse><m2:Options RectangleOnly="{str(shelf.rectangles).lower()}" SingleColorOnly="true">'
            f"<m2:MaxMasks>{shelf.most}</m2:MaxMasks><m2:MaxPoints>{shelf.points}</m2:MaxPoints>{kinds}"
            "</m2:Options></m2:GetMaskOptionsResponse>"
        )

    async def _do_get_masks(self, _r: Element, _e: Element) -> str:
        entries = ""
        for token, mask in self._shelf().held.items():
            points = "".join(f'<t:Point x="{x}" y="{y}"/>' for x, y in mask.points)
            entries += (
                f'<m2:Masks token="{escape(token)}"><m2:ConfigurationToken>source-1</m2:ConfigurationToken>'
                f"<m2:Polygon>{points}</m2:Polygon><m2:Type>{mask.kind}</m2:Type>"
                f"<m2:Enabled>{str(mask.on).lower()}</m2:Enabled></m2:Masks>"
            )
        return f"<m2:GetMasksResponse>{entries}</m2:GetMasksResponse>"

    async def _do_create_mask(self, request: Element, _e: Element) -> str:
        shelf = self._shelf()
        points = tuple(
            (float(each.attrib["x"]), float(each.attrib["y"]))
            for each in request.iter()
            if each.tag.rpartition("}")[2] == "Point"
        )
        if len(shelf.held) >= shelf.most:
            raise Fault("MaxMasks", "The maximum number of masks is reached")
        if not 3 <= len(points) <= shelf.points or any(abs(one) > 1 for point in points for one in point):
            raise Fault("InvalidPolygon", "The provided polygon is not supported")
        kind = text_of(request, "Type")
        if kind not in shelf.kinds or text_of(request, "ConfigurationToken") not in shelf.sources:
            raise Fault("ConfigModify", "The configuration can not be set")
        shelf.made += 1
        token = f"mask-{shelf.made}"
        if not shelf.forgets:
            grid = tuple((round(x * 250) / 250, round(y * 250) / 250) for x, y in points)  # its own steps
            shelf.held[token] = Mask(grid, kind, text_of(request, "Enabled") == "true")
        return f"<m2:CreateMaskResponse><m2:Token>{token}</m2:Token></m2:CreateMaskResponse>"

    async def _do_delete_mask(self, request: Element, _e: Element) -> str:
        token = text_of(request, "Token")
        if self._shelf().held.pop(token, None) is None:
            raise Fault("NoConfig", "The requested mask does not exist")
        return "<m2:DeleteMaskResponse/>"

    def _shelf(self) -> MaskShelf:
        if self.masks.unknown:
            raise Fault("ActionNotSupported", "Masks are not supported")
        return self.masks


def text_of(request: Element, name: str) -> str:
    """The text of the first element of that name, "" without one."""
    return next((each.text or "" for each in request.iter() if each.tag.rpartition("}")[2] == name), "")
