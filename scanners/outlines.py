"""A picture with place and number of each code drawn into it: for reports, and for whoever asks which of the 40."""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from math import hypot

from PIL import Image, ImageDraw, ImageFont

from scanners.values import Corners

LONGEST = 4_096  # pixels: a larger picture is drawn smaller
READ, DOUBTFUL, INK = (16, 112, 79), (200, 80, 0), (255, 255, 255)
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Mark:
    """One code: its number, its corners in the picture's pixels; doubtful ones are dashed, in another colour."""

    number: int
    corners: Corners
    doubtful: bool = False


def draw_marks(clean: bytes, marks: Sequence[Mark]) -> bytes:
    """A cleaned picture (JPEG of our own making) with these codes outlined and numbered: JPEG bytes."""
    with Image.open(BytesIO(clean), formats=["JPEG"]) as image:
        width = image.width
        image.draft("RGB", (LONGEST // 2, LONGEST // 2))  # at least so large: beyond twice that, decoded smaller
        picture = image.convert("RGB")
    picture.thumbnail((LONGEST, LONGEST))
    scale = picture.width / width
    painter = ImageDraw.Draw(picture)
    line = max(2, round(max(picture.size) / 600))
    font = ImageFont.load_default(size=max(22, round(max(picture.size) / 60)))
    placed: list[Box] = []
    for mark in marks:
        points = [(x * scale, y * scale) for x, y in mark.corners]
        _outline(painter, points, line, mark.doubtful)
        placed.append(_badge(painter, points, picture.size, font, mark, placed))
    buffer = BytesIO()
    picture.save(buffer, "JPEG", quality=88)
    return buffer.getvalue()


def _outline(painter: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], line: int, dashed: bool) -> None:
    """White under colour: seen on dark and light goods alike."""
    for start, end in zip(points, [*points[1:], points[0]], strict=True):
        painter.line([start, end], fill=INK, width=2 * line)
        for one, other in _dashes(start, end, 6 * line) if dashed else [(start, end)]:
            painter.line([one, other], fill=DOUBTFUL if dashed else READ, width=line)


def _dashes(
    start: tuple[float, float], end: tuple[float, float], step: float
) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    count = max(1, round(hypot(end[0] - start[0], end[1] - start[1]) / step / 2)) * 2
    ways = [
        (start[0] + (end[0] - start[0]) * n / count, start[1] + (end[1] - start[1]) * n / count)
        for n in range(count + 1)
    ]
    return [(ways[n], ways[n + 1]) for n in range(0, count, 2)]


def _badge(
    painter: ImageDraw.ImageDraw,
    points: Sequence[tuple[float, float]],
    size: tuple[int, int],
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    mark: Mark,
    placed: Sequence[Box],
) -> Box:
    """The number beside the code, where it hides no other number if there is such a place; back: where it is."""
    left, top, right, bottom = painter.textbbox((0, 0), str(mark.number), font=font)
    height = (bottom - top) * 1.7
    width = max(right - left + height * 0.6, height)
    xs, ys = [x for x, _ in points], [y for _, y in points]
    middle = (sum(ys) / len(ys)) - height / 2
    corners = [
        (min(xs) - width * 0.85, middle),
        (min(xs) - width / 2, min(ys) - height * 0.8),
        (max(xs) - width / 2, min(ys) - height * 0.8),
        (min(xs) - width / 2, max(ys) - height * 0.2),
        (max(xs) - width / 2, max(ys) - height * 0.2),
        (max(xs) - width * 0.15, middle),
    ]
    inside = [(min(max(x, 0), size[0] - width), min(max(y, 0), size[1] - height)) for x, y in corners]
    boxes: list[Box] = [(x, y, x + width, y + height) for x, y in inside]
    box = next((b for b in boxes if not any(_meet(b, other) for other in placed)), boxes[0])
    painter.rounded_rectangle(box, radius=height / 3, fill=DOUBTFUL if mark.doubtful else READ, outline=INK, width=2)
    painter.text(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2), str(mark.number), font=font, fill=INK, anchor="mm")
    return box


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
