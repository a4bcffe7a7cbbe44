"""What an uploaded photo promises and what of it is a picture, read in plain Python: no decoder sees a file before.

Each reader walks the parts of its format, bounded in number, and gives the size that a decoder would allocate for, and
the file again with nothing in it but what makes the picture: no profiles, comments, packed texts, further frames or
thumbnails ever reach a decoder. So most bombs are gone before there is one, and places and names with them. After
ITU-T T.81 (JPEG), W3C PNG 3, GIF89a, RFC 9649 (WebP) and Exif 3.0.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

MOST_PARTS = 50_000  # chunks, segments or blocks of a file; a 20 MB PNG in pieces of 1 kB has 20,000
MOST_SCANS = 64  # passes of a progressive JPEG; cameras write one, web pages ten
HALVED_FROM = 2**24  # pixels from which a JPEG that keeps all its coefficients is decoded at half its size

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})
_KEPT_SEGMENTS = frozenset({0xC0, 0xC1, 0xC2, 0xC4, 0xDB, 0xDD, 0xEE})  # frame, tables, interval, Adobe's colour word
_FILL = re.compile(rb"\xff+")
_NEXT_MARKER = re.compile(rb"\xff[\xc0-\xcf\xd8-\xfe]")
_KEPT_CHUNKS = frozenset({b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_PNG_BYTES = {(0, 16): 2, (0, 8): 1, (3, 8): 1}  # of a decoded pixel, by colour type and depth


class Damaged(ValueError):
    """The file is not what its first bytes say."""


@dataclass(frozen=True, slots=True)
class Header:
    """What a photo promises: its size in pixels as stored, which way up it is, and what it costs to decode.

    `orientation` is Exif's 1 to 8; `memory` the bytes that its decoder takes; `scans` the passes of a JPEG; `picture`
    the file again, nothing but the (first) picture in it.
    """

    width: int
    height: int
    memory: int
    picture: bytes
    orientation: int = 1
    frames: int = 1
    scans: int = 1
    halved: bool = False


def kind_of(data: bytes) -> str | None:
    """What the first bytes say a file is: JPEG, PNG, GIF, WEBP, HEIF, TIFF, PDF; None for all others."""
    starts = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n\x1a\n": "PNG", b"GIF87a": "GIF", b"GIF89a": "GIF",
              b"II*\0": "TIFF", b"MM\0*": "TIFF", b"%PDF-": "PDF"}  # fmt: skip
    for start, kind in starts.items():
        if data.startswith(start):
            return kind
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return "HEIF" if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS else None


def read_header(data: bytes, kind: str) -> Header:
    """The header of a JPEG, PNG, GIF or WebP; raises `Damaged`."""
    try:
        return {"JPEG": _jpeg, "PNG": _png, "GIF": _gif, "WEBP": _webp}[kind](data)
    except (struct.error, IndexError) as fault:
        raise Damaged("cut short") from fault


# ---- JPEG ----------------------------------------------------------------------------------------------------------


def _jpeg(data: bytes) -> Header:
    kept, frame, orientation, position = [b"\xff\xd8"], b"", 1, 2
    for _ in range(MOST_PARTS):
        fill = _FILL.match(data, position)
        position = fill.end() - 1 if fill else position
        mark, marker = data[position], data[position + 1]
        (length,) = struct.unpack_from(">H", data, position + 2)
        if mark != 0xFF or length < 2:
            raise Damaged("no marker")
        segment = data[position : position + 2 + length]
        if marker == 0xDA:
            break
        if marker in _KEPT_SEGMENTS:
            kept.append(segment)
        if 0xC0 <= marker <= 0xC2:
            frame = segment
        if marker == 0xE1 and segment[4:10] == b"Exif\0\0" and orientation == 1:
            orientation = exif_orientation(segment[10:])
        position += 2 + length
    else:
        raise Damaged("too many segments")
    precision, height, width, components = struct.unpack_from(">BHHB", frame, 4)
    if precision != 8 or not components or len(frame) < 10 + 3 * components:
        raise Damaged("no frame")
    scans = _scans(data, position)
    held = frame[1] == 0xC2 or segment[4] < components  # several passes: the decoder keeps every coefficient
    halved = held and width * height > HALVED_FROM
    pixels = width * height // 4 if halved else width * height
    memory = pixels * (1 if components == 1 else 4) + (_coefficients(frame, width, height) if held else 0)
    kept.append(data[position:])
    return Header(width, height, memory, b"".join(kept), orientation, scans=scans, halved=halved)


def _coefficients(frame: bytes, width: int, height: int) -> int:
    """Bytes that libjpeg holds for a picture that comes in passes: two for every sample of every component."""
    factors = [(byte >> 4, byte & 15) for byte in frame[11::3]]
    across, down = max(h for h, _ in factors), max(v for _, v in factors)
    return int(2 * width * height * sum(h * v for h, v in factors) / max(1, across * down))


def _scans(data: bytes, position: int) -> int:
    """How many passes over the picture a JPEG makes, counted to one beyond the limit."""
    scans = 0
    for _ in range(MOST_PARTS):
        found = _NEXT_MARKER.search(data, position)
        if found is None or data[found.end() - 1] == 0xD9 or found.end() + 2 > len(data):
            break
        scans += data[found.end() - 1] == 0xDA
        if scans > MOST_SCANS:
            break
        (length,) = struct.unpack_from(">H", data, found.end())
        position = found.end() + length
    return scans


# ---- PNG -----------------------------------------------------------------------------------------------------------


def _png(data: bytes) -> Header:
    kept, orientation, frames = [data[:8]], 1, 1
    width, height, depth, colour = struct.unpack_from(">IIBB", data, 16)
    for name, start, end in _chunks(data, 8, ">"):
        if name in _KEPT_CHUNKS:
            kept.append(data[start - 8 : end + 4])
        elif name == b"eXIf":
            orientation = exif_orientation(data[start:end])
        elif name == b"acTL":
            (frames,) = struct.unpack_from(">I", data, start)
        if name == b"IEND":
            break
    if data[12:16] != b"IHDR":
        raise Damaged("no header")
    memory = width * height * _PNG_BYTES.get((colour, max(8, depth)), 4)
    return Header(width, height, memory, b"".join(kept), orientation, frames)


def _chunks(data: bytes, position: int, order: str) -> Iterator[tuple[bytes, int, int]]:
    """(name, start, end) of each body of a PNG (big-endian, a checksum behind) or a RIFF file (padded to even)."""
    for _ in range(MOST_PARTS):
        if position + 8 > len(data):
            return
        if order == ">":
            length, name = struct.unpack_from(">I4s", data, position)
        else:
            name, length = struct.unpack_from("<4sI", data, position)
        start = position + 8
        yield name, start, start + length
        position = start + length + (4 if order == ">" else length % 2)
    raise Damaged("too many chunks")


# ---- GIF -----------------------------------------------------------------------------------------------------------


def _gif(data: bytes) -> Header:
    """The first frame as a picture of its own: what a GIF says of its canvas is never allocated."""
    flags = data[10]
    palette = data[13 : 13 + _colours(flags)]
    position, control, left = 13 + len(palette), b"", iter(range(MOST_PARTS))
    for _ in left:
        if data[position] == 0x2C:
            break
        if data[position] != 0x21:
            raise Damaged("no frame")
        start, position = position, _behind_blocks(data, position + 2, left)
        if data[start + 1] == 0xF9:
            control = data[start:position]
    else:
        raise Damaged("too many blocks")
    width, height, local = struct.unpack_from("<HHB", data, position + 5)
    picture = b"".join(
        (data[:6], struct.pack("<HH", width, height), data[10:13], palette, control[:8],
         b"\x2c\0\0\0\0", data[position + 5 :])
    )  # fmt: skip
    if len(data) < position + 10 + _colours(local):
        raise Damaged("cut short")
    return Header(width, height, width * height * 4, picture)


def _colours(flags: int) -> int:
    """Bytes of the palette that the flags of a GIF announce."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _behind_blocks(data: bytes, position: int, left: Iterator[int]) -> int:
    """Where a GIF goes on behind a chain of blocks, of which so many are `left` for all of the file."""
    for _ in left:
        size = data[position]
        position += 1 + size
        if not size:
            return position
    raise Damaged("too many blocks")


# ---- WebP ----------------------------------------------------------------------------------------------------------


def _webp(data: bytes) -> Header:
    """The (first) picture alone: libwebp's animation decoder would hold its canvas three times."""
    picture: dict[bytes, bytes] = {}
    kept: tuple[bytes, ...]
    frames, orientation = 0, 1
    for name, start, end in _chunks(data, 12, "<"):
        if name == b"EXIF":
            orientation = exif_orientation(data[start:end].removeprefix(b"Exif\0\0"))
        if name == b"ANMF":
            frames += 1
            inner = _chunks(data[start + 16 : end], 0, "<") if frames == 1 and not picture else iter(())
            for part, first, last in inner:
                picture.setdefault(part, data[start + 16 + first : min(start + 16 + last, end)])
        elif name in (b"VP8 ", b"VP8L", b"ALPH"):
            picture.setdefault(name, data[start:end])
    if lossless := picture.get(b"VP8L"):
        (bits,) = struct.unpack_from("<I", lossless, 1)
        width, height, kept, each = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, (b"VP8L",), 8
    elif lossy := picture.get(b"VP8 "):
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", lossy, 6))
        kept, each = ((b"ALPH", b"VP8 "), 5) if b"ALPH" in picture else ((b"VP8 ",), 3)
    else:
        raise Damaged("no picture")
    parts = [(name, picture[name]) for name in kept]
    if b"ALPH" in kept:
        canvas = struct.pack("<I", width - 1)[:3] + struct.pack("<I", height - 1)[:3]
        parts.insert(0, (b"VP8X", b"\x10\0\0\0" + canvas))
    body = b"".join(name + struct.pack("<I", len(part)) + part + b"\0" * (len(part) % 2) for name, part in parts)
    whole = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    return Header(width, height, width * height * each, whole, orientation, max(1, frames))


# ---- Exif ----------------------------------------------------------------------------------------------------------


def exif_orientation(data: bytes) -> int:
    """Exif's word on which way up a picture is, 1 to 8; 1 where it says nothing that can be read."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 14:
        return 1
    (first,) = struct.unpack_from(order + "I", data, 4)
    if first + 2 > len(data):
        return 1
    (count,) = struct.unpack_from(order + "H", data, first)
    for start in range(first + 2, min(first + 2 + 12 * count, len(data) - 11), 12):
        tag, kind, _, value = struct.unpack_from(order + "HHIH", data, start)
        if tag == 0x112 and kind == 3:
            return int(value) if 1 <= value <= 8 else 1
    return 1
