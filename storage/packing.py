"""How documents are stored: compressed by Zstandard (RFC 8878) with a dictionary of ours, a quarter of their size.

An event says in 650 bytes what most events say. Compressed alone it would keep 380; with a dictionary that knows the
words of EPCIS already, some 150, in 2 us, and is read in little more than one. A stored document is one byte, the
number of its dictionary, and the frame; number 0 is a document as it is, which compression would not make smaller.

`dictionaries/` holds them by number. One that a store was ever written with is never changed or taken away; a better
one gets the next number (`benchmarks.document_dictionary` trains it) and documents are written with the newest.
"""

import threading
from collections.abc import Callable
from importlib import resources

from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator
from zstandard import ZstdCompressionDict, ZstdCompressor, ZstdDecompressor, ZstdError, frame_content_size

NEWEST = 1
LEVEL = 3  # at 6 documents were 5 % smaller and took four times as long
MOST = 16 * 2**20  # bytes: longer documents stay as they are, and no frame becomes longer than that
_PLAIN = b"\0"


def _dictionary(number: int) -> ZstdCompressionDict:
    return ZstdCompressionDict((resources.files("storage") / "dictionaries" / str(number)).read_bytes())


_DICTIONARIES = {number: _dictionary(number) for number in range(1, NEWEST + 1)}
_DICTIONARIES[NEWEST].precompute_compress(level=LEVEL)


class DamagedDocument(Exception):
    """What is stored is no document as this service stores them."""


class _Mine(threading.local):
    """What compresses and what reads, of each thread its own: zstandard's objects are not safe between threads."""

    compress: Callable[[bytes], bytes]

    def __init__(self) -> None:
        newest = ZstdCompressor(dict_data=_DICTIONARIES[NEWEST], write_checksum=False, write_dict_id=False)
        self.compress = newest.compress
        self.readers = {bytes([n]): ZstdDecompressor(dict_data=known) for n, known in _DICTIONARIES.items()}


_mine = _Mine()
_MARK = bytes([NEWEST])


def pack(document: bytes) -> bytes:
    """A document as it is stored."""
    if len(document) <= MOST:
        frame = _mine.compress(document)
        if len(frame) < len(document):
            return _MARK + frame
    return _PLAIN + document


def unpack(stored: bytes) -> bytes:
    """The document that `pack` packed; raises `DamagedDocument`."""
    number, frame = stored[:1], stored[1:]
    if number == _PLAIN:
        return frame
    reader = _mine.readers.get(number)
    if reader is None:
        told = f"of dictionary {number[0]}, which this version does not have" if number else "empty"
        raise DamagedDocument(f"A stored document cannot be read: it is {told}.")
    try:
        if frame_content_size(frame) > MOST:
            raise DamagedDocument(f"A stored document cannot be read: it says it is longer than {MOST} bytes.")
        return reader.decompress(frame, allow_extra_data=False)
    except ZstdError as fault:
        raise DamagedDocument(f"A stored document cannot be read: its bytes are damaged ({fault}).") from fault


class Packed(TypeDecorator[bytes]):
    """A column of documents, which go in and come out as they are. Statements of texts pack and unpack themselves."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """Packed."""
        return None if value is None else pack(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:
        """The document."""
        return None if value is None else unpack(bytes(value))
