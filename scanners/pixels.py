"""Decoders' pixels to one upright picture, a band of rows at a time, so that nothing large is ever held twice.

Pillow keeps four bytes for a coloured pixel: 160 MB for the largest photo. Turning all of it to RGB, or laying all of
it on white, would double that; a band of a million pixels costs nothing, and stays in the cache.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scanners.headers import Header

Image.MAX_IMAGE_PIXELS = None  # `intake` has a lower limit and says so in a sentence

READ_PIXELS = 2**24  # what is read and kept of a larger picture: all of what phones with 12 and 16 megapixels see
LONGEST = 16_000  # pixels of a side: OpenCV turns nothing longer than 32,767, JPEG holds 65,500
BAND = 2**20
_WEBP = 32  # bytes of a WebP at least for OpenCV; one of a single pixel has 30, what follows it is not looked at
_MARGIN = 4  # rows beside a band that scaling it looks at, in units of the scale
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded picture as stored: its size, whether it is grey, and any band of its rows as a Pillow image."""

    width: int
    height: int
    grey: bool
    rows: Callable[[int, int], Image.Image]


def by_pillow(header: Header, kind: str) -> Decoded:
    """A JPEG, PNG, GIF or TIFF stripped to its picture; raises whatever Pillow raises for what is broken."""
    image = Image.open(BytesIO(header.picture), formats=(kind,))
    if (image.width, image.height) != (header.width, header.height):
        raise ValueError("another size than the header's")
    if header.halved:
        image.draft(None, (header.width // 2, header.height // 2))
    image.load()
    width, height = image.size
    grey = image.mode in ("1", "L", "F") or image.mode.startswith("I")
    deep = image.mode == "F" or image.mode.startswith("I")

    def rows(first: int, last: int) -> Image.Image:
        return image.crop((0, first, width, last))

    if not deep:
        return Decoded(width, height, grey and "transparency" not in image.info, lambda a, b: _flat(rows(a, b)))
    step = max(1, BAND // width)
    peak = max(_peak(rows(first, min(height, first + step))) for first in range(0, height, step))
    return Decoded(width, height, True, lambda a, b: _shallow(rows(a, b), peak))


def by_opencv(header: Header) -> Decoded:
    """A WebP of one picture: Pillow would take libwebp's animation decoder, and four times the memory."""
    pixels = cv2.imdecode(np.frombuffer(header.picture.ljust(_WEBP, b"\0"), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.ndim != 3:
        raise ValueError("no picture")
    return of_array(pixels, backwards=True)


def by_libheif(picture: object) -> Decoded:
    """The picture of a HEIC as pillow-heif gives it (`HeifImage`), which turns it upright by itself."""
    picture.load()  # type: ignore[attr-defined]
    width: int = picture.size[0]  # type: ignore[attr-defined]
    return of_array(np.asarray(picture)[:, :width])


def of_array(pixels: NDArray[np.uint8], *, backwards: bool = False) -> Decoded:
    """Pixels (height, width[, 1 to 4 channels]), their colours in the order RGB, or BGR if `backwards`."""
    height, width = pixels.shape[:2]
    if pixels.ndim == 2:
        return Decoded(width, height, True, lambda a, b: Image.fromarray(pixels[a:b]))
    order = [2, 1, 0, 3][: pixels.shape[2]] if backwards else slice(None)
    return Decoded(
        width, height, False, lambda a, b: _flat(Image.fromarray(np.ascontiguousarray(pixels[a:b, :, order])))
    )


def level(source: Decoded, orientation: int = 1) -> Image.Image:
    """The picture upright, grey ("L") or "RGB", without anything beside its pixels.

    A picture of more than `READ_PIXELS`, or with a side longer than `LONGEST`, is made smaller, keeping its shape.
    """
    factor = min(
        1.0, math.sqrt(READ_PIXELS / (source.width * source.height)), LONGEST / max(source.width, source.height)
    )
    width, height = max(1, int(source.width * factor)), max(1, int(source.height * factor))
    fresh = Image.new("L" if source.grey else "RGB", (width, height))
    across, down = source.width / width, source.height / height
    step = max(1, int(BAND / source.width / down))
    for top in range(0, height, step):
        bottom = min(height, top + step)
        first = max(0, math.floor(top * down - _MARGIN * down)) if down > 1 else top
        last = min(source.height, math.ceil(bottom * down + _MARGIN * down)) if down > 1 else bottom
        band = source.rows(first, last)
        if across > 1 or down > 1:
            box = (0, top * down - first, source.width, bottom * down - first)
            band = band.resize((width, bottom - top), Image.Resampling.HAMMING, box=box)
        fresh.paste(band, (0, top))
    return fresh.transpose(_TURNS[orientation]) if orientation in _TURNS else fresh


def _flat(image: Image.Image) -> Image.Image:
    """Eight bits of any mode as "L" or "RGB", transparency laid on white, as paper would show it."""
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        white.alpha_composite(rgba)
        return white.convert("RGB")
    return image.convert("L" if image.mode in ("1", "L") else "RGB")


def _peak(image: Image.Image) -> float:
    return float(np.nan_to_num(np.asarray(image), nan=0, posinf=0, neginf=0).max(initial=0))


def _shallow(image: Image.Image, peak: float) -> Image.Image:
    """More than eight bits a pixel as eight: white is the largest value of as many bits as the picture uses."""
    values = np.nan_to_num(np.asarray(image).astype(np.float32), nan=0, posinf=peak, neginf=0)
    white = 1.0 if image.mode == "F" and peak <= 1 else float(max(255, (1 << int(peak).bit_length()) - 1))
    return Image.fromarray(np.clip(values * (255 / white), 0, 255).astype(np.uint8))
