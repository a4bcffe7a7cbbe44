"""Uploaded bytes to an upright picture: limits from the header first, then decoding, then nothing of the file is left.

Uploads are hostile: the size in the header is checked before a pixel is decoded, only known formats are opened, and
what is kept is pasted into a new picture, because saving a picture again keeps comments and colour profiles.
"""

import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener

from trace.domain.failures import N_, Invalid, TooLarge, Unsupported

register_heif_opener(thumbnails=False)

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a 40 megapixel phone; decoded it takes 120 MB
MAX_FRAMES = 1_000  # only the first is looked at; a file with more is no photo
CLEAN_QUALITY = 88
FORMATS = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # phones that keep two views in one JPEG
    "PNG": "image/png",
    "WEBP": "image/webp",
    "HEIF": "image/heic",
}
_READABLE = ("JPEG", "PNG", "WEBP", "HEIF")  # each further decoder is one more for hostile files to try


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright photo: grey pixels for the engines, clean bytes for people."""

    grey: NDArray[np.uint8]
    media_type: str
    clean: bytes
    clean_media_type: str

    @property
    def width(self) -> int:
        """Pixels across, upright."""
        return int(self.grey.shape[1])

    @property
    def height(self) -> int:
        """Pixels down, upright."""
        return int(self.grey.shape[0])


def check_header(data: bytes) -> str:
    """The media type of an upload whose header promises a photo within the limits; decodes nothing.

    Raises `TooLarge` (bytes, pixels, frames), `Unsupported` for other kinds of file, `Invalid` for broken ones.
    """
    if not data:
        raise Invalid(N_("The file is empty. Take the photo again."), field="photo")
    if len(data) > MAX_BYTES:
        raise TooLarge(
            N_("The photo has {came} MB; at most {limit} MB are read. Send a smaller one."),
            field="photo",
            came=f"{len(data) / 1024 / 1024:.1f}",
            limit=MAX_BYTES // 1024 // 1024,
        )
    with _opened(data) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise TooLarge(
                N_("The photo has {width} x {height} pixels; at most {limit} million are read. Send a smaller one."),
                field="photo",
                width=width,
                height=height,
                limit=MAX_PIXELS // 1_000_000,
            )
        if image.format not in ("PNG", "WEBP"):
            return FORMATS[str(image.format)]
        try:
            frames = getattr(image, "n_frames", 1)
        except Exception as fault:
            raise _broken(fault) from fault
        if frames > MAX_FRAMES:
            raise TooLarge(N_("The file has {came} frames; a photo has one."), field="photo", came=frames)
        return FORMATS[str(image.format)]


def open_picture(data: bytes) -> Picture:
    """Decode, turn upright, drop everything but the pixels. Raises as `check_header`, and for truncated files."""
    media_type = check_header(data)
    with _opened(data) as image:
        try:
            image.seek(0)
            image.draft("RGB", image.size)
            image.load()
            upright = ImageOps.exif_transpose(image)
            pixels = _as_rgb(upright)
        except (OSError, SyntaxError, ValueError, EOFError, MemoryError, Image.DecompressionBombError) as fault:
            raise _broken(fault) from fault
    fresh = Image.new("RGB", pixels.size)
    fresh.paste(pixels)
    buffer = BytesIO()
    fresh.save(buffer, "JPEG", quality=CLEAN_QUALITY, optimize=False)
    grey = np.ascontiguousarray(np.asarray(fresh.convert("L")))
    return Picture(grey, media_type, buffer.getvalue(), "image/jpeg")


def _opened(data: bytes) -> Image.Image:
    """The file's header read by Pillow, for known formats only; its warnings about bombs are errors."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            Image.MAX_IMAGE_PIXELS = None  # our own limit is lower and says so in a sentence
            return Image.open(BytesIO(data), formats=_READABLE)
    except UnidentifiedImageError as fault:
        raise Unsupported(
            N_("This file is no photo that can be read here. Send a photo as JPEG, PNG, WebP or HEIC."), field="photo"
        ) from fault
    except (OSError, SyntaxError, ValueError, Warning, MemoryError, EOFError) as fault:
        raise _broken(fault) from fault


def _as_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB: 16 bits scaled to 8, transparency laid on white, as paper would show it."""
    if image.mode.startswith("I") or image.mode == "F":
        values = np.asarray(image, dtype=np.float64)
        top = 65_535.0 if values.max(initial=0) > 255 else 255.0
        return Image.fromarray(np.clip(values * (255.0 / top), 0, 255).astype(np.uint8)).convert("RGB")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        white.alpha_composite(rgba)
        return white.convert("RGB")
    return image.convert("RGB")


def _broken(fault: BaseException) -> Invalid:
    return Invalid(
        N_("The photo cannot be read: the file is damaged or cut short ({fault}). Take it again."),
        field="photo",
        fault=type(fault).__name__,
    )
