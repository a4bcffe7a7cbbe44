"""Cut a large EPCIS document into documents of so many events, without ever holding all of it.

The file stays on disk: JSON is mapped into memory and only its events' limits are found (msgspec's raw values), XML is
read element by element. A document that needs no cutting is passed on byte for byte; what is no EPCIS document, too:
the readers (`json_form`, `xml_reading`) say what is wrong with it.
"""

import mmap
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from lxml import etree

from trace.domain.failures import N_, Invalid, TooLarge

LARGEST = 20 * 1024 * 1024  # bytes of a piece: what `POST /capture` takes unless told otherwise
_MOST_AROUND = LARGEST  # bytes of XML without an event that are read: all but events stays in memory
_BODY = "epcisBody"
_CHAINS = (("eventList",), ("queryResults", "resultsBody", "eventList"))  # in an EPCISDocument, an EPCISQueryDocument
_HERE = "here the events stand"
_Members = dict[str, msgspec.Raw]


@dataclass(frozen=True, slots=True)
class Piece:
    """A document with the events from number `first` (of the file, from 0) on; the whole file where `whole`."""

    data: bytes
    first: int = 0
    whole: bool = True


def looks_like_xml(data: bytes) -> bool:
    """Whether a document is XML rather than JSON, by its first bytes: UTF-8 with or without a mark, UTF-16 with one."""
    return data.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" or data[:2] in (b"\xfe\xff", b"\xff\xfe")


def cut(path: Path, most: int) -> Iterator[Piece]:
    """The file as documents of at most `most` events (and 20 MB); the header goes with the first only.

    Raises `TooLarge` for a file that cannot be cut and is larger than a piece, `Invalid` for XML that breaks off after
    its first pieces.
    """
    with path.open("rb") as file:
        head = file.read(1024)
    yield from _cut_xml(path, most) if looks_like_xml(head) else _cut_json(path, most)


def _whole(path: Path) -> Piece:
    size = path.stat().st_size
    if size > LARGEST:
        raise _uncut(size)
    return Piece(path.read_bytes())


def _uncut(size: int) -> TooLarge:
    return TooLarge(
        N_("The file has {size} MB and no list of events to cut it at; at most {limit} MB are read at once."),
        size=size // 1024**2,
        limit=LARGEST // 1024**2,
    )


# ---- JSON ----------------------------------------------------------------------------------------------------------


def _cut_json(path: Path, most: int) -> Iterator[Piece]:
    size = path.stat().st_size
    found = _find_events(_mapped(path)) if size else None
    if found is None or (len(found[1]) <= most and size <= LARGEST):
        yield _whole(path)
        return
    shell, events, chain = found
    at = 0
    while at < len(events):
        until = _end_of_piece(events, at, most)
        body: Any = events[at:until]
        for name in reversed((_BODY, *chain)):
            body = {name: body}
        yield Piece(msgspec.json.encode({**shell, **body}), at, whole=False)
        shell.pop("epcisHeader", None)
        at = until


def _mapped(path: Path) -> mmap.mmap:
    """The file in memory, closed by itself when the last raw value in it is gone."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _end_of_piece(events: list[msgspec.Raw], at: int, most: int) -> int:
    """Behind which event the piece that begins at `at` ends: at least one, whatever its size."""
    until, size = at + 1, len(memoryview(events[at]))
    while until < min(at + most, len(events)):
        size += len(memoryview(events[until]))
        if size > LARGEST:
            break
        until += 1
    return until


def _find_events(data: mmap.mmap) -> tuple[_Members, list[msgspec.Raw], tuple[str, ...]] | None:
    """(the document's other members, its events, the way to them inside the body); None where it has no such list."""
    try:
        shell = msgspec.json.decode(data, type=_Members)
        raw = shell.pop(_BODY)
        for chain in _CHAINS:
            inner: msgspec.Raw | None = raw
            for name in chain:
                inner = msgspec.json.decode(inner, type=_Members).get(name) if inner is not None else None
            if inner is not None:
                return shell, msgspec.json.decode(inner, type=list[msgspec.Raw]), chain
    except (msgspec.MsgspecError, KeyError, RecursionError):
        return None
    return None


# ---- XML -----------------------------------------------------------------------------------------------------------


def _cut_xml(path: Path, most: int) -> Iterator[Piece]:
    around: _Around | None = None
    events: list[bytes] = []
    first = size = passed = 0
    try:
        for way, element, at in _elements(path):
            if at - passed > _MOST_AROUND:
                raise _uncut(path.stat().st_size)
            if way == "start" and around is None and _name(element) == "EventList":
                around = _Around(element)
            elif way == "end" and around is not None and element.getparent() is not None and _is_event(element):
                text = etree.tostring(element, encoding="UTF-8", xml_declaration=False, with_tail=False)
                if len(events) == most or (events and size + len(text) > LARGEST):
                    yield Piece(around.document(events), first, whole=False)
                    first, size, events = first + len(events), 0, []
                events.append(text)
                size, passed = size + len(text), at
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
    except etree.XMLSyntaxError as fault:
        if first:
            raise Invalid(
                N_("The file breaks off after {count} events: {fault}"),
                count=first + len(events),
                fault=fault.msg[:200],
            ) from fault
        yield _whole(path)
        return
    if around is None or not (first or path.stat().st_size > LARGEST):
        yield _whole(path)
    else:
        yield Piece(around.document(events), first, whole=False)


def _elements(path: Path) -> Iterator[tuple[str, Any, int]]:
    """("start" or "end", an element, how many bytes of the file were read for it at the most)."""
    with path.open("rb") as file:
        for way, element in etree.iterparse(
            file, events=("start", "end"), resolve_entities=False, load_dtd=False, no_network=True, huge_tree=False
        ):
            yield way, element, file.tell()


def _name(element: Any) -> str:
    return etree.QName(element).localname if isinstance(element.tag, str) else ""


def _is_event(element: Any) -> bool:
    """Whether an element is a child of the list of events; comments between them are none."""
    return _name(element.getparent()) == "EventList" and isinstance(element.tag, str)


class _Around:
    """What stands around the events of an XML document; its header is said once."""

    def __init__(self, events: Any):
        """Copy the document as far as it was read: up to its list of events."""
        inner, node = etree.Element(events.tag, events.attrib, nsmap=events.nsmap), events
        inner.append(etree.Comment(_HERE))
        while (parent := node.getparent()) is not None:
            outer = etree.Element(parent.tag, parent.attrib, nsmap=parent.nsmap)
            for earlier in parent:
                if earlier is node:
                    break
                outer.append(deepcopy(earlier))
            outer.append(inner)
            inner, node = outer, parent
        self.shell = inner

    def document(self, events: list[bytes]) -> bytes:
        """The document with these events in it; from the second on without header."""
        text: bytes = etree.tostring(self.shell, encoding="UTF-8", xml_declaration=True)
        before, _, behind = text.rpartition(f"<!--{_HERE}-->".encode())
        for child in list(self.shell):
            if _name(child) == "EPCISHeader":
                self.shell.remove(child)
        return before + b"".join(events) + behind
