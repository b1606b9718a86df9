"""Thumbnails: nothing of a hidden place has any part in what is sent."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from belvedere.foundation.errors import BadInput
from belvedere.media.objects import ObjectKind
from belvedere.vision.objects.found import Box, Detection
from belvedere.vision.objects.thumbnail import cover_of, make_thumbnail

Bytes = NDArray[np.uint8]
MASK = (((0.0, 0.0), (0.4, 0.0), (0.3, 0.5)),)


def _picture(seed: int = 1, rows: int = 180, columns: int = 320) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, (rows, columns, 3), np.uint8)


def _opened(jpeg: bytes) -> Bytes:
    return np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    share = st.floats(0.0, 1.0)
    across, down = sorted((draw(share), draw(share))), sorted((draw(share), draw(share)))
    left, top = min(across[0], 0.98), min(down[0], 0.98)
    return Box(left, top, max(across[1], left + 0.01), max(down[1], top + 0.01))


kinds = st.sampled_from(list(ObjectKind))
detections = st.lists(st.builds(Detection, kinds, st.floats(0.1, 1.0), boxes()), max_size=6)


@settings(max_examples=60, deadline=None)
@given(found=detections, box=boxes(), kind=kinds, silhouettes=st.booleans(), width=st.integers(64, 640))
def test_no_pixel_of_a_hidden_place_has_any_part_in_the_picture(
    found: list[Detection], box: Box, kind: ObjectKind, silhouettes: bool, width: int
) -> None:
    source = _picture()
    hidden = cover_of(source.shape[:2], [Detection(kind, 1.0, box), *found], silhouettes=silhouettes, permanent=MASK)
    other = source.copy()
    other[hidden > 0] = 255 - source[hidden > 0]

    def made(picture: Bytes) -> bytes:
        return make_thumbnail(picture, found, box, kind, width=width, silhouettes=silhouettes, permanent=MASK).jpeg

    assert made(source) == made(other)


@settings(max_examples=40, deadline=None)
@given(box=boxes())
def test_the_upper_quarter_of_everybody_is_hidden_and_all_of_them_as_silhouettes(box: Box) -> None:
    body = [Detection(ObjectKind.PERSON, 0.5, box)]
    rows, columns = 180, 320
    top, left, right = round(box.top * rows), round(box.left * columns), round(box.right * columns)
    quarter, bottom = round((box.top + (box.bottom - box.top) / 4) * rows), round(box.bottom * rows)
    assert np.all(cover_of((rows, columns), body)[top:quarter, left:right] == 255)
    assert np.all(cover_of((rows, columns), body, silhouettes=True)[top:bottom, left:right] == 255)


def test_a_bystander_in_the_cut_is_hidden_like_the_one_it_is_about() -> None:
    source = np.full((360, 640, 3), 200, np.uint8)
    one, bystander = Box(0.40, 0.3, 0.46, 0.7), Box(0.50, 0.3, 0.56, 0.7)
    found = [Detection(ObjectKind.PERSON, 0.3, bystander)]
    thumb = make_thumbnail(source, found, one, ObjectKind.PERSON, outline=False)
    hidden = np.abs(_opened(thumb.jpeg).astype(int) - 98).max(axis=2) < 12
    heads, _ = cv2.findContours(hidden.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    assert len(heads) == 2


def test_the_lower_part_of_a_vehicle_is_hidden_and_its_body_is_seen() -> None:
    cover = cover_of((100, 200), [Detection(ObjectKind.VAN, 0.6, Box(0.2, 0.2, 0.8, 0.8))])
    assert np.all(cover[54:80, 40:160] == 255)
    assert not cover[20:52].any()


def test_whoever_rides_is_hidden_though_only_the_machine_was_found() -> None:
    cover = cover_of((100, 200), [Detection(ObjectKind.MOTORCYCLE, 0.6, Box(0.4, 0.5, 0.6, 0.8))])
    assert np.all(cover[25:60, 80:120] == 255)


def test_who_lies_is_hidden_whole() -> None:
    cover = cover_of((100, 100), [Detection(ObjectKind.PERSON, 0.6, Box(0.2, 0.5, 0.8, 0.7))])
    assert np.all(cover[50:70, 20:80] == 255)


def test_it_is_no_wider_than_asked_and_carries_no_description() -> None:
    thumb = make_thumbnail(_picture(2, 720, 1280), [], Box(0.1, 0.1, 0.9, 0.9), ObjectKind.CAR, width=200)
    assert (thumb.width, _opened(thumb.jpeg).shape) == (200, (thumb.height, 200, 3))
    assert thumb.jpeg[:4] == b"\xff\xd8\xff\xe0"  # JFIF; an EXIF block would be marked E1
    with pytest.raises(BadInput):
        make_thumbnail(_picture(), [], Box(0.1, 0.1, 0.9, 0.9), ObjectKind.CAR, width=2000)
