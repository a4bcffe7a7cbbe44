"""Files that want to hurt, made for the tests: small to send, huge, endless or circular to read."""

import struct
import zlib
from collections.abc import Sequence

from PIL import Image

from tests.scanners.drawing import corner_marked, file_of


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    """A small picture with further chunks behind its header."""
    small = file_of(corner_marked(), "PNG")
    more = (struct.pack(">I", len(b)) + n + b + struct.pack(">I", zlib.crc32(n + b)) for n, b in chunks)
    return small[:33] + b"".join(more) + small[33:]


def packed_zeros(megabytes: int) -> bytes:
    """So many megabytes of zeros, packed a thousandfold."""
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(bytes(1024 * 1024)) for _ in range(megabytes)) + packer.flush()


def jpeg_of_scans(scans: int) -> bytes:
    """A progressive JPEG whose last pass comes again and again."""
    whole = file_of(corner_marked(), progressive=True)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + whole[last:-2] * scans + b"\xff\xd9"


def jpeg_of_size(width: int, height: int, **options: object) -> bytes:
    """A JPEG whose frame promises another size than its few blocks fill."""
    small = file_of(corner_marked(), **options)
    at = max(small.find(b"\xff\xc0"), small.find(b"\xff\xc2"))
    return small[: at + 5] + struct.pack(">HH", height, width) + small[at + 9 :]


def tiff_of(*directories: Sequence[tuple[int, int, int, int]], after: int | None = None) -> bytes:
    """A TIFF of directories of (tag, type, count, value); `after` is where the last says that the next one lies."""
    sizes = [2 + 12 * len(entries) + 4 for entries in directories]
    starts = [8 + sum(sizes[:number]) for number in range(len(sizes) + 1)]
    following = [*starts[1:-1], 0 if after is None else after]
    body = b"".join(
        struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *e) for e in entries) + struct.pack("<I", then)
        for entries, then in zip(directories, following, strict=True)
    )
    return b"II*\0" + struct.pack("<I", 8) + body


def tiff_page(width: int = 8, height: int = 8, packing: int = 1, **more: int) -> list[tuple[int, int, int, int]]:
    """A grey page of few or many pixels, all of it in one strip at the start of the file."""
    tags = {256: width, 257: height, 258: 8, 259: packing, 262: 1, 273: 0, 277: 1, 278: height, 279: 8}
    return [(tag, 4, 1, value) for tag, value in (tags | {int(k[1:]): v for k, v in more.items()}).items()]


def pdf_of(*objects: bytes) -> bytes:
    """A PDF of these objects, the first its catalogue."""
    whole, places = b"%PDF-1.7\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(whole))
        whole += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    return whole + b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (
        size, table, size, len(whole)
    )  # fmt: skip


def pdf_page(
    content: bytes = b"", *, box: bytes = b"0 0 595 842", more: bytes = b"", extra: Sequence[bytes] = ()
) -> bytes:
    """A PDF of one page with this content."""
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R%s>>" % more,
        b"<</Type/Pages/Count 1/Kids[3 0 R]>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[%s]/Contents 4 0 R/Resources<</XObject<</P 5 0 R>>>>>>" % box,
        b"<</Length %d>>stream\n%s\nendstream" % (len(content), content),
        *extra,
    )


def pdf_with_picture(width: int, height: int) -> bytes:
    """A PDF of one page with a one-bit picture of any size on it."""
    body = packed_zeros(1)
    picture = (
        b"<</Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 1/ColorSpace/DeviceGray"
        b"/Filter/FlateDecode/Length %d>>stream\n%s\nendstream" % (width, height, len(body), body)
    )
    return pdf_page(b"q 500 0 0 500 0 0 cm /P Do Q", extra=(picture,))


def locked_pdf() -> bytes:
    """A PDF that asks for a password before it shows anything."""
    lock = b"<</Filter/Standard/V 1/R 2/Length 40/P -44/O<" + b"28" * 32 + b">/U<" + b"41" * 32 + b">>>"
    whole = pdf_page(extra=(lock,))
    return whole.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt 5 0 R/ID[<00><00>]")


def film(kind: str, frames: int = 3) -> bytes:
    """A moving picture whose first frame is the corner-marked one, the others black."""
    black = Image.new("RGB", (300, 200), "black")
    return file_of(corner_marked(), kind, save_all=True, append_images=[black] * (frames - 1))


def heic_that_lies(width: int, height: int) -> bytes:
    """A HEIC whose `ispe` box promises another size than its picture has."""
    small = file_of(corner_marked(), "HEIF")
    at = small.index(b"ispe") + 8
    return small[:at] + struct.pack(">II", width, height) + small[at + 8 :]


def gif_of_canvas(width: int, height: int) -> bytes:
    """A GIF of one small frame on a canvas of any size."""
    small = file_of(corner_marked(), "GIF")
    return small[:6] + struct.pack("<HH", width, height) + small[10:]


def gif_of_frame(width: int, height: int) -> bytes:
    """A GIF whose first frame promises any size."""
    small = file_of(corner_marked(), "GIF")
    at = small.index(b"\x2c\0\0\0\0") + 5
    return small[:at] + struct.pack("<HH", width, height) + small[at + 4 :]


def pdf_of_pages(count: int) -> bytes:
    """A PDF of so many empty pages."""
    kids = b" ".join(b"%d 0 R" % (3 + number) for number in range(count))
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>"
    return pdf_of(
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count %d/Kids[%s]>>" % (count, kids), *[page] * count
    )


def circular_pdf() -> bytes:
    """A PDF whose tree of pages is its own branch."""
    return pdf_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[2 0 R]>>")


def pdf_of_nested_forms(each: int, levels: int) -> bytes:
    """A PDF of one page whose form draws `each` forms that draw as many, and so on: endless to draw."""
    form = (
        b"<</Type/XObject/Subtype/Form/BBox[0 0 600 900]/Resources<</XObject<</P %d 0 R>>>>/Length %d>>"
        b"stream\n%s\nendstream"
    )
    drawn = b"/P Do " * each
    nested = [form % (number, len(drawn), drawn) for number in range(6, 6 + levels)]
    last = b"<</Type/XObject/Subtype/Form/BBox[0 0 600 900]/Length 16>>stream\n0 0 500 500 re f\nendstream"
    return pdf_page(b"/P Do", extra=[*nested, last])
