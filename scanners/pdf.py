"""The pages of a PDF as pictures, by PDFium (BSD): called in the workers only, for it is a large C++ library.

This PDFium is built without JavaScript and XFA, and nothing here asks it to fill in forms: actions that a document
would launch, pages it would fetch and scripts it would run stay unread text.
"""

import math
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trace.domain.failures import N_, Invalid, TooLarge, Unsupported

# The narrowest module that GS1 lets be printed on goods is 0.25 mm: 3.1 pixels at this resolution.
DOTS_PER_INCH = 320
MOST_OBJECTS = 30_000  # on a page; a delivery note of a thousand lines has some ten thousand
NESTING = 8  # forms within forms that are looked into for large pictures
_PASSWORD = 4  # PDFium's FPDF_ERR_PASSWORD


def unavailable() -> str | None:
    """Why PDFs cannot be read, or None."""
    try:
        import pypdfium2  # noqa: F401, PLC0415 - a wheel without its library fails here, and only PDFs are missing then
    except (ImportError, OSError) as fault:
        return f"pypdfium2 is not usable ({type(fault).__name__}): run ./run setup"
    return None


def pages(data: bytes, *, most: int, pixels: int, longest: int, inner: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """(number of pages, picture) of each page in turn, at most `most`; pictures are (height, width, 3) RGB on white.

    Drawn at `DOTS_PER_INCH`, or smaller where that has more than `pixels` or a side longer than `longest`. Raises
    `TooLarge` for a page of too many objects or with a picture of more than `inner` pixels on it, `Invalid` for what is
    locked, broken or empty, `Unsupported` where PDFium is missing.
    """
    if why := unavailable():
        raise Unsupported(N_("PDFs cannot be read here just now ({why}). Send a photo."), field="photo", why=why)
    import pypdfium2  # noqa: PLC0415

    try:
        with closing(pypdfium2.PdfDocument(data)) as document:
            count = len(document)
            for number in range(min(count, most)):
                with closing(document[number]) as page:
                    _check_objects(page, number + 1, inner)
                    drawn = _drawn(page, pixels, longest)
                yield count, drawn
    except pypdfium2.PdfiumError as fault:
        if fault.err_code == _PASSWORD and b"/Encrypt" in data:  # the code may be that of an earlier file
            raise Invalid(
                N_("The PDF is locked with a password. Save it without one and send it again."), field="photo"
            ) from fault
        raise _broken() from fault


def _drawn(page: Any, pixels: int, longest: int) -> NDArray[np.uint8]:
    width, height = page.get_size()
    if not (0 < width < math.inf and 0 < height < math.inf):
        raise _broken()
    scale = min(DOTS_PER_INCH / 72, math.sqrt(pixels / width / height), longest / max(width, height))
    with closing(page.render(scale=scale, rev_byteorder=True, limit_image_cache=True)) as bitmap:
        return np.array(bitmap.to_numpy()[:, :, :3])  # a copy: the bitmap's memory goes with it


def _check_objects(page: Any, number: int, inner: int) -> None:
    """Refuse a page before it is drawn if its pictures, which PDFium unpacks whole, are too large."""
    from pypdfium2 import raw  # noqa: PLC0415

    for count, thing in enumerate(page.get_objects(max_depth=NESTING)):
        if count > MOST_OBJECTS:
            raise TooLarge(
                N_("Page {page} of the PDF has more than {limit} parts. Print it to a picture and send that."),
                field="photo",
                page=number,
                limit=MOST_OBJECTS,
            )
        if thing.type == raw.FPDF_PAGEOBJ_IMAGE:
            width, height = thing.get_px_size()
            if width * height > inner:
                raise TooLarge(
                    N_(
                        "A picture on page {page} of the PDF has {width} x {height} pixels; at most {limit} million "
                        "are read. Scan the paper with a lower resolution."
                    ),
                    field="photo",
                    page=number,
                    width=width,
                    height=height,
                    limit=inner // 1_000_000,
                )


def _broken() -> Invalid:
    return Invalid(N_("The PDF cannot be read: it is damaged or cut short. Scan the paper again."), field="photo")
