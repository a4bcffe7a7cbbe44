"""A small copy of a picture that was cleaned before: to print beside others."""

import io

from PIL import Image

SIDE = 1_100  # pixels of the longer side: 9 cm at 300 dpi
_QUALITY = 80


def small_picture(data: bytes, *, side: int = SIDE) -> bytes:
    """A JPEG of a kept picture (JPEG, PNG or WebP drawn anew by our intake), at most `side` pixels long."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("RGB", (side, side))  # a JPEG is decoded at a fraction of its size
        image.thumbnail((side, side))
        held = io.BytesIO()
        image.convert("RGB").save(held, "JPEG", quality=_QUALITY)
    return held.getvalue()
