"""Do the names of colours agree with what the demo's people wear and what its vehicles are painted with? By day and by night.

What the demo's palettes may be called is a list made with the first measurements (one name was added after them); two names where a
colour lies between them. Thresholds were chosen on these pictures: the figures are not held out.
"""

from collections import Counter

import cv2
import numpy as np
from masking_truth import demo_picture, people_of
from table import Claim

from belvedere.demo.cameras import CAMERAS, camera_by_id
from belvedere.demo.incidents import INCIDENTS
from belvedere.demo.picture.light import Light
from belvedere.demo.town import build_town
from belvedere.demo.truth import Sighting, sightings
from belvedere.media.objects import ObjectColour as Colour
from belvedere.media.objects import ObjectKind
from belvedere.vision.masking.picture import HEIGHT
from belvedere.vision.objects.colour import Light as Seen
from belvedere.vision.objects.colour import colours_of
from belvedere.vision.objects.found import Box

Rgb = tuple[int, int, int]
NAMES: dict[Rgb, tuple[Colour, ...]] = {
    (44, 58, 92): (Colour.BLUE,), (150, 44, 46): (Colour.RED,), (36, 36, 40): (Colour.BLACK,),
    (92, 96, 100): (Colour.GREY,), (204, 204, 200): (Colour.WHITE,), (70, 104, 74): (Colour.GREEN,),
    (196, 154, 60): (Colour.YELLOW, Colour.ORANGE), (98, 70, 118): (Colour.PURPLE,), (56, 116, 132): (Colour.BLUE,),
    (172, 120, 96): (Colour.BROWN, Colour.ORANGE), (30, 44, 40): (Colour.BLACK, Colour.GREEN),
    (188, 92, 58): (Colour.ORANGE, Colour.RED), (40, 44, 58): (Colour.BLACK, Colour.BLUE),
    (30, 30, 34): (Colour.BLACK,), (64, 74, 102): (Colour.BLUE,), (104, 94, 80): (Colour.BROWN, Colour.GREY),
    (78, 78, 80): (Colour.GREY,), (52, 44, 40): (Colour.BLACK, Colour.BROWN), (140, 130, 112): (Colour.BROWN, Colour.GREY),
    (34, 36, 40): (Colour.BLACK,), (176, 180, 184): (Colour.GREY, Colour.WHITE), (228, 230, 230): (Colour.WHITE,),
    (112, 116, 122): (Colour.GREY,), (40, 58, 104): (Colour.BLUE,), (140, 34, 32): (Colour.RED,),
    (66, 80, 68): (Colour.GREEN, Colour.GREY), (88, 40, 48): (Colour.RED, Colour.BROWN), (206, 206, 196): (Colour.WHITE,),
    (30, 32, 36): (Colour.BLACK,), (44, 46, 52): (Colour.BLACK, Colour.GREY), (34, 40, 58): (Colour.BLACK, Colour.BLUE),
    (28, 28, 32): (Colour.BLACK,), (232, 232, 230): (Colour.WHITE,), (196, 200, 204): (Colour.WHITE, Colour.GREY),
    (48, 66, 110): (Colour.BLUE,), (228, 228, 224): (Colour.WHITE,),
}  # fmt: skip
KINDS = {"person": ObjectKind.PERSON, "car": ObjectKind.CAR, "van": ObjectKind.VAN}
Told = Counter[tuple[Light, str, str, str]]  # hour, part, size, what became of it


def _clear(one: Sighting, all_of_them: list[Sighting]) -> bool:
    """Whether nothing of somebody else's is in the box."""
    return one.visible >= 0.9 and not any(
        other is not one
        and other.box[2] > one.box[0]
        and other.box[0] < one.box[2]
        and other.box[3] > one.box[1]
        and other.box[1] < one.box[3]
        for other in all_of_them
    )


def look(camera: str, hour: Light, second: float, told: Told) -> None:
    """One small picture."""
    plan, actors = camera_by_id(camera), people_of(camera, hour)(second)
    seen = sightings(plan, second, actors, build_town())
    wanted = [one for one in seen if one.kind in KINDS and _clear(one, seen) and one.height_px > 0.05 * plan.height]
    if not wanted:
        return
    planar = demo_picture(camera, hour, actors, round(second * 5))
    picture = np.asarray(cv2.cvtColor(planar, cv2.COLOR_YUV2BGR_I420), np.uint8)
    light = Seen.of(picture)
    looks = {actor.id: actor.look for actor in actors}
    for one in wanted:
        x0, y0, x1, y1 = one.box
        box = Box(
            max(0.0, x0 / plan.width), max(0.0, y0 / plan.height), min(1.0, x1 / plan.width), min(1.0, y1 / plan.height)
        )
        upper, lower = colours_of(picture, KINDS[one.kind], box, light)
        size = "under 40 px" if one.height_px * HEIGHT / plan.height < 40 else "40 px and more"
        parts = [("clothing, upper", upper, looks[one.actor].upper), ("clothing, lower", lower, looks[one.actor].lower)]
        if one.kind != "person":
            parts = [("vehicle", upper, looks[one.actor].upper)]
        for part, named, rgb in parts:
            if rgb not in NAMES:
                continue
            became = "unnamed" if named is Colour.UNKNOWN else "right" if named in NAMES[rgb] else "wrong"
            told[hour, part, size, became] += 1


def bench(*, quick: bool) -> list[Claim]:
    cv2.setNumThreads(1)
    told: Told = Counter()
    for plan in CAMERAS[:: 4 if quick else 1]:
        for number in range(10 if quick else 30):
            look(plan.id, Light.DAY, number * (6.0 if quick else 2.0), told)
    for incident in INCIDENTS[:2] if quick else INCIDENTS:
        for camera in incident.cameras[:1] if quick else incident.cameras:
            count = 10 if quick else 30
            for number in range(count):
                second = incident.start_s + (incident.end_s - incident.start_s) * number / count
                look(camera, Light.NIGHT, second, told)
    claims = []
    for hour, part, size in sorted({key[:3] for key in told}):
        right, wrong, unnamed = (told[hour, part, size, became] for became in ("right", "wrong", "unnamed"))
        name = f"{hour}, {part}, {size}, {right + wrong + unnamed}"
        claims.append(Claim(f"{name}: named", "", 100 * (right + wrong) / (right + wrong + unnamed), "%"))
        if right + wrong:
            claims.append(Claim(f"{name}: right of those named", "", 100 * right / (right + wrong), "%"))
    return claims
