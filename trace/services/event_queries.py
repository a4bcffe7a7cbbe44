"""Ask for events by the query language of EPCIS 2.0, page by page, among those the asker may see whole."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.event_search import Budget, Exhausted, Match, Meter, Search, newest_event
from storage.master_data import MasterDataReader
from storage.parties import Viewer
from trace.domain.epcis.predicates import NO_MASTER_DATA, MasterData
from trace.domain.epcis.query_language import Query
from trace.domain.failures import N_, Invalid, QueryTooComplex, QueryTooLarge
from trace.domain.permissions import Actor, Role
from trace.services.look_up_log import note_look_up

LONGEST_SUBJECT = 1_000  # of a query's text in the log of look-ups


@dataclass(frozen=True, slots=True)
class Page:
    """A page of an answer: event documents with `recordTime`, and what to ask the next page with, if there is one."""

    documents: Sequence[Mapping[str, Any]]
    next_token: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page ended, and what its answer is bound to.

    `newest` is the number of the newest event when the first page was asked for: what is captured later changes no
    page. `left` is how many events the limit leaves, None without one.
    """

    route: str
    is_short: bool
    key: tuple[Any, ...]
    newest: int
    left: int | None


def find_events(
    session: Session,
    *,
    actor: Actor,
    query: Query,
    page_size: int,
    token: str | None = None,
    now: datetime,
    budget: Budget | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Page:
    """A page of the events that a query asks for, of those the actor sees whole.

    The pages of an answer hold what was there when the first was asked for, every event once, whatever is captured
    meanwhile. `token` is the `next_token` of the page before. It is bound to the query and the organisation but not
    signed: who hands it out signs it and lets it expire. A page may be shorter than asked for where the budget ends
    before it is full; the next goes on there. An inspector's query is written down, once (R18).

    Raises `Invalid` for a token of another query; `QueryTooLarge` where there are more than `maxEventCount`;
    `QueryTooComplex` where the budget is used up before the first event, or before the events can be counted or sorted,
    and for a long query while others are being answered (`storage.event_search.LONG_QUERIES`).
    """
    viewer = _viewer(actor)
    if token is None:
        note_look_up(session, actor=actor, what="query", subject=query.text[:LONGEST_SUBJECT], now=now)
    if viewer is None:
        return Page((), None)
    place = None if token is None else _read(token, actor, query)
    newest = newest_event(session) if place is None else place.newest
    meter = Meter(budget or Budget(), clock)
    search = Search(
        session,
        query,
        viewer=viewer,
        known=master_data_for(session, actor=actor, query=query),
        meter=meter,
        newest=newest,
        route=(place.route, place.is_short) if place else None,
    )
    if place is not None and not search.is_sorted and [type(part) for part in place.key] != [int, int]:
        raise _strange_token()
    left = query.event_count_limit if place is None else place.left
    size = page_size if left is None else min(page_size, left)
    most = query.max_event_count if place is None else None
    try:
        found, end = _take(search, place, size, most)
    except Exhausted:
        raise _too_complex(meter) from None
    finally:
        meter.close()
    documents = [match.document for match in found]
    if end is None or left == len(found):
        return Page(documents, None)
    after = Place(search.route, search.is_short, end, newest, None if left is None else left - len(found))
    return Page(documents, _write(after, actor, query))


def master_data_for(session: Session, *, actor: Actor, query: Query) -> MasterData:
    """What a query may know of places and other vocabulary elements: the word of the organisations the actor sees."""
    viewer = _viewer(actor)
    if viewer is None or not query.needs_master_data:
        return NO_MASTER_DATA
    return MasterDataReader(session, viewer.seen_by())


def _viewer(actor: Actor) -> Viewer | None:
    """Who looks; None for the platform administrator, who sees no event whole."""
    if actor.role is Role.PLATFORM_ADMINISTRATOR:
        return None
    return Viewer.of(actor)


def _take(
    search: Search, place: Place | None, size: int, most: int | None
) -> tuple[list[Match], tuple[Any, ...] | None]:
    """A page's matches, and the place where the next page begins; None where there is none.

    Where not more than `most` may be found at all, they are counted. Raises `QueryTooLarge`, and `Exhausted` where the
    budget ends and there is no place to go on from.
    """
    found: list[Match] = []
    count = 0
    try:
        for match in search.matches(after=place.key if place else None, most=max(size, most or 0) + 1):
            count += 1
            if most is not None and count > most:
                raise _too_many(most)
            if count <= size:
                found.append(match)
            elif most is None:
                break
    except Exhausted:
        if most is not None or search.is_sorted or search.reached is None or (place is None and not found):
            raise
        return found, search.reached
    return found, found[-1].key if count > size else None


def _too_many(most: int) -> QueryTooLarge:
    return QueryTooLarge(
        N_("The query finds more than {most} events, which is what its maxEventCount allows."),
        field="maxEventCount",
        most=most,
    )


def _too_complex(meter: Meter) -> QueryTooComplex:
    if meter.is_crowded_out:
        return QueryTooComplex(
            N_(
                "The query reads many events, and other long queries are being answered. Ask again in some seconds, or"
                " narrow it by GE_eventTime and LT_eventTime, EQ_bizLocation, EQ_bizStep or MATCH_anyEPC."
            )
        )
    return QueryTooComplex(
        N_(
            "The query read {rows} entries and {documents} events and was not done. Narrow it by GE_eventTime and"
            " LT_eventTime, EQ_bizLocation, EQ_bizStep, MATCH_anyEPC without patterns, or EQ_bizTransaction_..."
        ),
        rows=meter.rows,
        documents=meter.documents,
    )


def _write(place: Place, actor: Actor, query: Query) -> str:
    key = [_as_text(part) for part in place.key]
    return json.dumps(
        [_bond(actor, query), place.route, place.is_short, key, place.newest, place.left], separators=(",", ":")
    )


def _read(token: str, actor: Actor, query: Query) -> Place:
    try:
        bond, route, is_short, key, newest, left = json.loads(token)
        parts = tuple(_parsed(part) for part in key)
        place = Place(str(route), bool(is_short), parts, int(newest), None if left is None else int(left))
    except (ValueError, TypeError, LookupError, ArithmeticError):
        raise _strange_token() from None
    if bond != _bond(actor, query) or not place.key:
        raise _strange_token()
    return place


def _strange_token() -> Invalid:
    return Invalid(
        N_("This nextPageToken was not given for this query; begin at the first page."), field="nextPageToken"
    )


def _bond(actor: Actor, query: Query) -> str:
    """What a token belongs to: a query, an organisation, a role."""
    return f"{query.digest.hex()[:16]}.{actor.organisation}.{actor.role.value}"


# Parts of a key are whole numbers, numbers, times and texts; in JSON all but the first are told apart by a letter.
def _as_text(part: Any) -> int | str:
    if isinstance(part, int):
        return part
    if isinstance(part, Decimal):
        return f"n{part}"
    return f"t{part.isoformat()}" if isinstance(part, datetime) else f"s{part}"


def _parsed(part: int | str) -> Any:
    if isinstance(part, int):
        return part
    read: Mapping[str, Callable[[str], Any]] = {"n": Decimal, "t": datetime.fromisoformat, "s": str}
    return read[part[:1]](part[1:])
