"""The pages of a TIFF, walked in plain Python (TIFF 6.0): bounded, without loops, each with nothing but its picture.

libtiff and Pillow read whatever a directory points to; here a page is given to them as a file with one directory of
the few tags that a picture needs, packed in one of the ways that scanners write.
"""

import struct
from dataclasses import dataclass

from scanners.headers import Damaged, Header

PACKINGS = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946})  # none, fax, LZW, JPEG, Deflate, PackBits
MOST_STRIPS = 65_536
MOST_TAGS = 1_000  # of a page; some thirty are known
_WIDTH, _HEIGHT, _BITS, _PACKING, _ORIENTATION, _SAMPLES, _ROWS = 256, 257, 258, 259, 274, 277, 278
_TILE_WIDTH, _TILE_HEIGHT = 322, 323
# What a picture needs: sizes, depths, packing, meaning and place of the pixels, palette, inks, predictor, JPEG tables.
_KEPT = frozenset({256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325,
                   332, 338, 339, 347, 530, 531, 532})  # fmt: skip
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of a value, by type


class OddlyPacked(ValueError):
    """The page is packed in a way that no scanner writes; the argument is TIFF's number of it."""


@dataclass(frozen=True, slots=True)
class _Entry:
    tag: int
    kind: int
    count: int
    raw: bytes  # the twelve bytes as they stand
    first: int  # its first value, for whole numbers


def directories(data: bytes, most: int) -> list[int]:
    """Where the directory of each page lies, up to `most` of them; raises `Damaged`, also for a chain in a circle."""
    order = _order(data)
    try:
        (position,) = struct.unpack_from(order + "I", data, 4)
        found: list[int] = []
        while position and len(found) < most:
            if position in found:
                raise Damaged("circular")
            found.append(position)
            (count,) = struct.unpack_from(order + "H", data, position)
            (position,) = struct.unpack_from(order + "I", data, position + 2 + 12 * count)
    except struct.error as fault:
        raise Damaged("cut short") from fault
    return found


def page_at(data: bytes, position: int) -> Header:
    """The page whose directory lies there, as a TIFF of its own; raises `Damaged`, `OddlyPacked`."""
    order = _order(data)
    try:
        entries = _entries(data, position, order)
        values = {entry.tag: entry.first for entry in entries}
        width, height = values[_WIDTH], values[_HEIGHT]
    except (struct.error, KeyError) as fault:
        raise Damaged("no page") from fault
    if values.get(_PACKING, 1) not in PACKINGS:
        raise OddlyPacked(values[_PACKING])
    if not 1 <= values.get(_SAMPLES, 1) <= 5:
        raise Damaged("samples")
    kept = sorted((entry for entry in entries if entry.tag in _KEPT), key=lambda entry: entry.tag)
    directory = struct.pack(order + "H", len(kept)) + b"".join(entry.raw for entry in kept) + bytes(4)
    whole = b"".join((data[:4], struct.pack(order + "I", len(data)), data[8:], directory))
    orientation = values.get(_ORIENTATION, 1)
    memory = _memory(values, width, height)
    return Header(width, height, memory, whole, orientation if 1 <= orientation <= 8 else 1)


def _order(data: bytes) -> str:
    return "<" if data[:2] == b"II" else ">"


def _entries(data: bytes, position: int, order: str) -> list[_Entry]:
    (count,) = struct.unpack_from(order + "H", data, position)
    if count > MOST_TAGS:
        raise Damaged("tags")
    found: dict[int, _Entry] = {}
    for start in range(position + 2, position + 2 + 12 * count, 12):
        tag, kind, values, value = struct.unpack_from(order + "HHII", data, start)
        size = _SIZES.get(kind, 0) * values
        if tag not in _KEPT and tag != _ORIENTATION:
            continue
        if not size or values > MOST_STRIPS * 4 or (size > 4 and value + size > len(data)):
            raise Damaged(f"tag {tag}")
        at = start + 8 if size <= 4 else value
        first = struct.unpack_from(order + {3: "H", 4: "I"}.get(kind, "B"), data, at)[0]
        found.setdefault(tag, _Entry(tag, kind, values, data[start : start + 12], first))
    return list(found.values())


def _memory(values: dict[int, int], width: int, height: int) -> int:
    """Bytes to decode a page: the picture, and the strip or tile that libtiff unpacks at once."""
    samples, bits = values.get(_SAMPLES, 1), values.get(_BITS, 1)
    picture = width * height * (4 if samples > 1 else max(1, bits // 8))
    if _TILE_WIDTH in values:
        at_once = values[_TILE_WIDTH] * values.get(_TILE_HEIGHT, 1)
    else:
        at_once = width * min(height, values.get(_ROWS, height))
    return picture + at_once * samples * bits // 8
