"""The picture with places and numbers drawn in, and how good a picture is."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageFilter

from scanners.outlines import DOUBTFUL, LONGEST, READ, Mark, draw_marks
from scanners.quality import measure
from tests.scanners.drawing import file_of, on_paper, symbol

SQUARE = ((200, 150), (440, 150), (440, 330), (200, 330))


def drawn(size: tuple[int, int], *marks: Mark) -> Image.Image:
    data = draw_marks(file_of(Image.new("RGB", size, "white")), marks)
    return Image.open(BytesIO(data)).convert("RGB")


def share(picture: Image.Image, colour: tuple[int, int, int], box: tuple[int, int, int, int]) -> float:
    """The share of a part of the picture that has about this colour."""
    pixels = np.asarray(picture.crop(box)).astype(int)
    return float((np.abs(pixels - colour).max(axis=-1) < 60).mean())


def test_a_code_is_outlined_where_it_is_and_numbered_beside_it() -> None:
    picture = drawn((640, 480), Mark(1, SQUARE))
    assert picture.size == (640, 480)
    assert share(picture, READ, (300, 146, 340, 155)) > 0.15  # the upper side
    assert share(picture, READ, (160, 220, 205, 260)) > 0.2  # the number, to the left
    assert share(picture, READ, (260, 200, 400, 300)) == 0  # nothing over the bars


def test_a_doubtful_code_is_dashed_in_another_colour() -> None:
    picture = drawn((640, 480), Mark(1, SQUARE, doubtful=True))
    assert share(picture, READ, (0, 0, 640, 480)) == 0
    whole = share(drawn((640, 480), Mark(1, SQUARE)), READ, (210, 148, 430, 153))
    assert 0.2 * whole < share(picture, DOUBTFUL, (210, 148, 430, 153)) < 0.8 * whole


def test_numbers_stay_in_the_picture_and_do_not_hide_each_other() -> None:
    corner = ((0, 0), (60, 0), (60, 40), (0, 40))
    one = share(drawn((640, 480), Mark(1, corner)), READ, (0, 0, 160, 120))
    assert one > 0
    assert share(drawn((640, 480), Mark(1, corner), Mark(2, corner)), READ, (0, 0, 160, 120)) > 1.4 * one


def test_a_larger_picture_is_drawn_smaller() -> None:
    picture = drawn((5000, 1000), Mark(7, tuple((10 * x, y) for x, y in SQUARE)))
    assert max(picture.size) <= LONGEST
    assert share(picture, READ, (1500, 100, 3700, 300)) > 0.01


def test_blur_darkness_and_glare_are_measured() -> None:
    sharp = on_paper(symbol("6901234567892", "EAN13", scale=3), size=(1000, 700))
    blurred = sharp.filter(ImageFilter.GaussianBlur(5))
    shiny = sharp.copy()
    shiny.paste(255, (0, 0, 200, 200))
    good = measure(file_of(sharp))
    assert good.sharpness > 2 * measure(file_of(blurred)).sharpness
    assert measure(file_of(sharp.point(lambda value: value // 5))).brightness < 70 < good.brightness
    assert measure(file_of(shiny)).glare - good.glare == pytest.approx(0.057, abs=0.01)
    assert measure(file_of(Image.new("L", (1, 1), 9))).sharpness == 0
