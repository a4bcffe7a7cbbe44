"""Pictures drawn for the tests: codes on paper, turned, side by side, and files with things in their metadata."""

import struct
import zlib
from io import BytesIO

import numpy as np
import zxingcpp
from numpy.typing import NDArray
from PIL import Image
from pillow_heif import register_heif_opener

Grey = NDArray[np.uint8]
register_heif_opener()  # to write them


def symbol(text: str, kind: str, *, scale: int = 3, gs1: bool = False) -> Image.Image:
    """A barcode as zxing-cpp draws it, with its quiet zone; `kind` is a name of `zxingcpp.BarcodeFormat`."""
    options = {"gs1": "true"} if gs1 else {}
    barcode = zxingcpp.create_barcode(text, getattr(zxingcpp.BarcodeFormat, kind), **options)
    return Image.fromarray(np.array(barcode.to_image(scale=scale))).convert("L")


def on_paper(*symbols: Image.Image, degrees: float = 0, size: tuple[int, int] = (1000, 700)) -> Image.Image:
    """Symbols one below the other in the middle of a light grey sheet, the sheet then turned."""
    paper = Image.new("L", size, 230)
    room = size[1] // len(symbols)
    for number, drawn in enumerate(symbols):
        paper.paste(drawn, ((size[0] - drawn.width) // 2, number * room + (room - drawn.height) // 2))
    return paper.rotate(degrees, expand=True, resample=Image.Resampling.BICUBIC, fillcolor=230)


def grey(image: Image.Image) -> Grey:
    """The pixels as the engines take them."""
    return np.ascontiguousarray(np.asarray(image.convert("L")))


def file_of(image: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    """The picture as an uploaded file."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def corner_marked(width: int = 300, height: int = 200) -> Image.Image:
    """A white picture whose top left corner is black: tells which way up it is."""
    image = Image.new("RGB", (width, height), "white")
    image.paste("black", (0, 0, 60, 60))
    return image


def png_of_size(width: int, height: int) -> bytes:
    """A whole, valid, one-colour, one-bit PNG of any size, written row by row: small as a file, huge as pixels."""

    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    row = b"\0" + b"\xff" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    pixels = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
