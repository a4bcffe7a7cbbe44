"""EPCIS documents at the command line: files into the store, and a query's events out of it.

Both go the way of `/epcis/v2`: the same readers, checks, capture and queries. What is large stays on disk: a file is
captured piece by piece, a page of events is written before the next is read.
"""

import sys
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from gzip import GzipFile
from io import BufferedReader, FileIO
from pathlib import Path
from shutil import copyfileobj
from tempfile import NamedTemporaryFile
from typing import Any, BinaryIO
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import click
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from schemas.epcis.json_form import read_json, write_document, write_event
from schemas.epcis.pieces import Piece, cut, looks_like_xml
from schemas.epcis.xml_reading import read_xml
from schemas.epcis.xml_writing import write_xml_document
from storage.event_search import Budget
from storage.store import Store
from storage.tables import organisation
from trace import clock
from trace.domain.epcis.query_language import Query, parse_query_string
from trace.domain.failures import N_, Failure, NotFound
from trace.domain.permissions import Actor, Role
from trace.services.epcis_capture import MOST_EVENTS, MOST_FAULTS, Behaviour, capture_document
from trace.services.event_queries import find_events
from trace.services.keys import check_role_fits

_GZIP = b"\x1f\x8b"
# Nobody waits behind an export: a rare event is looked for to the end of the store.
PATIENT = Budget(rows=10**12, documents=10**12, seconds=10.0**9)
PAGE = 1_000  # events of an export in memory at a time
# (what stands before the events, one event, what stands between two, what stands behind them)
_Parts = tuple[bytes, Callable[[Mapping[str, Any]], bytes], bytes, bytes]


@dataclass(slots=True)
class Imported:
    """What became of some files: events stored, events that were there already, faults as printed."""

    files: int = 0
    stored: int = 0
    known: int = 0
    faults: list[str] = field(default_factory=list)


def find_actor_for(session: Session, name: str) -> Actor:
    """A clerk of the trading organisation with this name; raises `NotFound` or, for an authority, `Invalid`."""
    row = session.execute(select(organisation).where(organisation.c.name == name)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no organisation named {name}."), name=name)
    check_role_fits(Role.CLERK, row.kind)
    return Actor(row.id, row.name, row.kind, row.party_uri, row.region, Role.CLERK)


# ---- in ------------------------------------------------------------------------------------------------------------


def import_files(store: Store, paths: Sequence[str], *, actor: Actor, proceed: bool, timezone: ZoneInfo) -> Imported:
    """Capture the EPCIS documents in files (JSON or XML, gzipped or not; `-` is standard input), one after the other.

    A document of at most `MOST_EVENTS` events is one transaction: one fault and nothing of it is stored, unless the
    good events are to `proceed`. A larger one is captured in pieces of as many events; a fault ends it, and what stood
    before stays. What is stored already is stored once, so that an import may be repeated. A bad file stops no other.
    """
    behaviour = Behaviour.PROCEED if proceed else Behaviour.ROLLBACK
    done = Imported()
    sizes = [0 if path == "-" else Path(path).stat().st_size for path in paths]
    with _bar(length=max(sum(sizes), 1), label="import") as bar:
        for path, size in zip(paths, sizes, strict=True):
            done.files += 1
            name = "standard input" if path == "-" else path
            before, faults = bar.pos, len(done.faults)
            try:
                with _on_disk(path) as plain:
                    whole = max(plain.stat().st_size, 1)
                    for piece in cut(plain, MOST_EVENTS):
                        _capture_piece(store, piece, name, done, actor=actor, behaviour=behaviour, timezone=timezone)
                        bar.update(min(size * len(piece.data) // whole, before + size - bar.pos))
                        if len(done.faults) > faults and behaviour is Behaviour.ROLLBACK:
                            break
            except Failure as fault:
                done.faults.append(f"{name}: {fault}")
            except (OSError, EOFError, zlib.error) as fault:
                done.faults.append(f"{name}: {getattr(fault, 'strerror', None) or fault}")
            bar.update(before + size - bar.pos)
    return done


def _capture_piece(
    store: Store,
    piece: Piece,
    name: str,
    done: Imported,
    *,
    actor: Actor,
    behaviour: Behaviour,
    timezone: ZoneInfo,
) -> None:
    """Read and store one document in a transaction of its own; its faults are put into `done`."""
    try:
        document = read_xml(piece.data) if looks_like_xml(piece.data) else read_json(piece.data)
        now = clock.now().astimezone(timezone)
        job = store.write(capture_document, actor=actor, document=document, behaviour=behaviour, now=now)
    except Failure as fault:
        done.faults += _lines(name, piece, fault.details.get("errors", ())) or [f"{name}: {fault}"]
        return
    except DBAPIError as fault:
        done.faults.append(f"{name}: the database refused: {str(fault.orig).strip().splitlines()[0]}")
        return
    done.stored += job.stored
    bad = {each["event"] for each in job.errors if each["event"] >= 0}
    done.known += len(document.events) - job.stored - len(bad)
    done.faults += [_line(name, piece, error) for error in job.errors]


def _lines(name: str, piece: Piece, errors: Sequence[Mapping[str, Any]]) -> list[str]:
    """The faults of a document as they are printed; not all are told where there are many."""
    lines = [_line(name, piece, error) for error in errors]
    return [*lines, f"{name}: there are more faults"] if len(lines) >= MOST_FAULTS else lines


def _line(name: str, piece: Piece, error: Mapping[str, Any]) -> str:
    """A fault as it is printed: file, number of the event in it (from 1), eventID, place in the event, sentence."""
    where = f"event {piece.first + error['event'] + 1}" if error["event"] >= 0 else "header"
    known = f" ({error['eventID']})" if error["eventID"] else ""
    values = error["values"]
    said = error["message"].format(**values) if values else error["message"]
    return f"{name}: {where}{known}: {error['path'] + ': ' if error['path'] else ''}{said}"


@contextmanager
def _on_disk(path: str) -> Iterator[Path]:
    """The file as it stands, or a plain copy of it: what comes through a pipe or is compressed has no middle."""
    with FileIO(0, closefd=False) if path == "-" else FileIO(path) as raw:
        stream = BufferedReader(raw)
        packed = stream.peek(2)[:2] == _GZIP
        if path != "-" and not packed:
            yield Path(path)
            return
        with NamedTemporaryFile(prefix="sunshine-import-") as copy, GzipFile(fileobj=stream) as unpacked:
            copyfileobj(unpacked if packed else stream, copy)
            copy.flush()
            yield Path(copy.name)


def _bar(**about: Any) -> Any:
    """A progress bar on standard error, where people are looking."""
    return click.progressbar(file=sys.stderr, hidden=not sys.stderr.isatty(), **about)


# ---- out -----------------------------------------------------------------------------------------------------------


def parse_query_text(text: str) -> Query:
    """`EQ_bizStep=shipping&GE_eventTime=2026-01-01T00:00:00+08:00` as a query; a plus is a plus, as people type it.

    Raises `Invalid` naming the parameter.
    """
    return parse_query_string(parse_qs(text.replace("+", "%2B"), keep_blank_values=True))


def export_events(store: Store, query: Query, *, actor: Actor, form: str, target: BinaryIO, timezone: ZoneInfo) -> int:
    """Write the events a query finds to a stream, as one EPCISDocument (`form` "json" or "xml"): how many there were.

    Every page is read in a session of its own, so that no reader stands in the way of writers for the length of an
    export. Events say their namespaces themselves: those of the last page need not be known at the first.
    """
    created = clock.now().astimezone(timezone)
    head, write, between, tail = _json_parts(created) if form == "json" else _xml_parts(created)
    count = 0
    target.write(head)
    with _bar(iterable=_events(store, query, actor), label="export", show_pos=True) as documents:
        for document in documents:
            target.write(between + write(document) if count else write(document))
            count += 1
    target.write(tail)
    return count


def _events(store: Store, query: Query, actor: Actor) -> Iterator[Mapping[str, Any]]:
    token: str | None = None
    while True:
        with store.reading() as session:
            page = find_events(
                session, actor=actor, query=query, page_size=PAGE, token=token, now=clock.now(), budget=PATIENT
            )
        yield from page.documents
        token = page.next_token
        if token is None:
            return


def _json_parts(created: datetime) -> _Parts:
    head, _, tail = write_document((), created=created).rpartition(b"[]")
    return head + b"[\n", write_event, b",\n", b"\n]" + tail + b"\n"


def _xml_parts(created: datetime) -> _Parts:
    def write(document: Mapping[str, Any]) -> bytes:
        text = write_xml_document((document,), created=created)
        return text.partition(b"<EventList>")[2].rpartition(b"</EventList>")[0] + b"\n"

    head, _, tail = write_xml_document((), created=created).rpartition(b"<EventList/>")
    return head + b"<EventList>\n", write, b"", b"</EventList>" + tail + b"\n"
