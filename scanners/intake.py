"""Uploaded bytes to upright pictures: limits from the header first, then decoding, then nothing of the file is left.

Uploads are hostile. A file is walked in plain Python and stripped to what makes a picture before a decoder sees it
(`headers`, `tiff`); sizes, frames, pages and the memory that decoding takes are bounded by what stands there. What is
kept is pasted into a new picture, because saving a picture again keeps comments and colour profiles.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BytesIO

import numpy as np
import pillow_heif
from numpy.typing import NDArray
from PIL import Image

from scanners import headers, pdf, pixels, tiff
from scanners.headers import Header, kind_of, read_header
from scanners.pixels import Decoded
from trace.domain.failures import N_, Failure, Invalid, TooLarge, Unsupported

MAX_BYTES = 20 * 1024 * 1024
MAX_PIXELS = 40_000_000  # a 40 megapixel phone; decoded it takes 160 MB
MAX_FRAMES = 1_000  # only the first is looked at; a file with more is no photo
MAX_PAGES = 20
MAX_DECODED = 240_000_000  # bytes that a decoder may take for one picture; a worker has 400 MB for everything
CLEAN_QUALITY = 88
KINDS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "HEIF": "image/heic",
    "TIFF": "image/tiff",
    "PDF": "application/pdf",
}
_PLAIN = frozenset({"JPEG", "PNG", "WEBP", "GIF"})  # their headers are read in plain Python, in the server's process
_HEIF_BYTES = 5  # of a pixel: libde265's planes, and RGB

# The workers share the cores; threads of one would only take from another.
pillow_heif.options.DECODE_THREADS = 1
pillow_heif.options.THUMBNAILS = pillow_heif.options.DEPTH_IMAGES = pillow_heif.options.AUX_IMAGES = False


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright photo or page: grey pixels for the engines, clean bytes for people, both of one size."""

    grey: NDArray[np.uint8]
    media_type: str
    clean: bytes
    clean_media_type: str
    page: int = 1
    pages: int = 1

    @property
    def width(self) -> int:
        """Pixels across, upright."""
        return int(self.grey.shape[1])

    @property
    def height(self) -> int:
        """Pixels down, upright."""
        return int(self.grey.shape[0])


def check_header(data: bytes) -> str:
    """The media type of an upload whose first bytes promise something within the limits; decodes nothing.

    No C library sees the file: of HEIC, TIFF and PDF only the kind is looked at here, their headers are read by the
    worker. Raises `TooLarge` (bytes, pixels, frames), `Unsupported` for other kinds of file, `Invalid` for broken ones.
    """
    check_size(len(data))
    kind = kind_of(data)
    if kind is None:
        raise Unsupported(
            N_(
                "This file is no photo that can be read here. Send a photo as JPEG, PNG, WebP or HEIC, or a scan as "
                "PDF or TIFF."
            ),
            field="photo",
        )
    if kind in _PLAIN:
        _plain_header(data, kind)
    return KINDS[kind]


def check_size(size: int) -> None:
    """Refuse a file that is empty or of more bytes than are read: `Invalid`, `TooLarge`."""
    if not size:
        raise Invalid(N_("The file is empty. Take the photo again."), field="photo")
    if size > MAX_BYTES:
        raise TooLarge(
            N_("The photo has {came} MB; at most {limit} MB are read. Send a smaller one."),
            field="photo",
            came=f"{size / 1024 / 1024:.1f}",
            limit=MAX_BYTES // 1024 // 1024,
        )


def open_pictures(data: bytes) -> Iterator[Picture]:
    """Each page decoded, turned upright, everything but the pixels dropped; a photo has one page.

    A picture of more than `pixels.READ_PIXELS` is made smaller: its grey pixels, its clean picture and its size agree.
    Raises as `check_header`, and for files that are truncated, locked, or would take too much to decode.
    """
    media_type = check_header(data)
    kind = str(kind_of(data))
    pages = _decoded(data, kind)
    number = 0
    while True:
        try:
            count, source, orientation = next(pages)
            upright = pixels.level(source, orientation)
            del source  # before the next copies are made
            clean, grey = _clean(upright), np.array(upright.convert("L"))
            del upright
        except StopIteration:
            break
        except Failure:
            raise
        except Exception as fault:  # decoders raise anything for what is broken
            raise too_much() if is_memory(fault) else _broken(fault) from fault
        number += 1
        yield Picture(grey, media_type, clean, "image/jpeg", number, count)
    if not number:
        raise Invalid(N_("The file has no pages. Scan the paper again."), field="photo")


def open_picture(data: bytes) -> Picture:
    """The photo, or the first page; raises as `open_pictures`."""
    return next(open_pictures(data))


def _decoded(data: bytes, kind: str) -> Iterator[tuple[int, Decoded, int]]:
    """(number of pages, decoded picture, orientation) for each page of a file."""
    if kind == "PDF":
        drawings = pdf.pages(data, most=MAX_PAGES, pixels=pixels.READ_PIXELS, longest=pixels.LONGEST, inner=MAX_PIXELS)
        for count, drawing in drawings:
            _check_pages(count)
            yield count, pixels.of_array(drawing), 1
    elif kind == "TIFF":
        places = tiff.directories(data, MAX_PAGES + 1)
        _check_pages(len(places))
        for place in places:
            header = _tiff_page(data, place)
            yield len(places), pixels.by_pillow(header, kind), header.orientation
    else:
        yield (1, *_photo(data, kind))


def _photo(data: bytes, kind: str) -> tuple[Decoded, int]:
    """A photo decoded, and its orientation; nothing else of it outlives this call."""
    if kind == "HEIF":
        pictures = pillow_heif.HeifFile(data)
        picture = pictures[pictures.primary_index]
        width, height = picture.size
        _check(Header(width, height, width * height * _HEIF_BYTES, b"", frames=len(pictures)))
        return pixels.by_libheif(picture), 1
    header = _plain_header(data, kind)
    decode = pixels.by_opencv if kind == "WEBP" else partial(pixels.by_pillow, kind=kind)
    return decode(header), header.orientation


def _tiff_page(data: bytes, place: int) -> Header:
    try:
        header = tiff.page_at(data, place)
    except tiff.OddlyPacked as fault:
        raise Unsupported(
            N_("The TIFF is packed in a way that is not read here ({way}). Save it with LZW, Deflate, JPEG or fax G4."),
            field="photo",
            way=fault.args[0],
        ) from fault
    _check(header)
    return header


def _plain_header(data: bytes, kind: str) -> Header:
    """The header of a photo whose format is walked in plain Python, within the limits."""
    try:
        header = read_header(data, kind)
    except headers.Damaged as fault:
        raise _broken(fault) from fault
    _check(header)
    return header


def _check(header: Header) -> None:
    """Refuse what would take too much to decode."""
    if not (header.width and header.height):
        raise _broken(headers.Damaged())
    if header.width * header.height > MAX_PIXELS:
        raise TooLarge(
            N_("The photo has {width} x {height} pixels; at most {limit} million are read. Send a smaller one."),
            field="photo",
            width=header.width,
            height=header.height,
            limit=MAX_PIXELS // 1_000_000,
        )
    if header.frames > MAX_FRAMES:
        raise TooLarge(N_("The file has {came} frames; a photo has one."), field="photo", came=header.frames)
    if header.scans > headers.MOST_SCANS:
        raise TooLarge(
            N_("The photo comes in more than {limit} passes; a camera writes one. Save it again as a plain JPEG."),
            field="photo",
            limit=headers.MOST_SCANS,
        )
    if header.memory > MAX_DECODED:
        raise too_much()


def _check_pages(count: int) -> None:
    if count > MAX_PAGES:
        raise TooLarge(N_("The file has more than {limit} pages. Send it in parts."), field="photo", limit=MAX_PAGES)


def _clean(upright: Image.Image) -> bytes:
    buffer = BytesIO()
    upright.save(buffer, "JPEG", quality=CLEAN_QUALITY, optimize=False)
    return buffer.getvalue()


def is_memory(fault: Exception) -> bool:
    """Whether a decoder or an engine failed because the worker may not have more memory."""
    return isinstance(fault, MemoryError) or "nsufficient memory" in str(fault)


def too_much() -> TooLarge:
    """What is said of a photo that would take more memory than a worker may have."""
    return TooLarge(
        N_("The photo would take more memory to open than one may. Send a smaller one, or save it as a plain JPEG."),
        field="photo",
    )


def _broken(fault: BaseException) -> Invalid:
    return Invalid(
        N_("The photo cannot be read: the file is damaged or cut short ({fault}). Take it again."),
        field="photo",
        fault=type(fault).__name__,
    )
