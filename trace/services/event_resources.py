"""The top-level resources of EPCIS 2.0 (section 12.5): what the events one may see name, list by list."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, select, union_all
from sqlalchemy.orm import Session

from storage.events import THINGS, Named, uris_of
from storage.tables import event_vocabulary, ident, organisation
from trace.domain.epcis import cbv
from trace.domain.epcis.query_language import Query
from trace.domain.epcis.query_parameters import Condition, parse_condition
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor, region_prefix
from trace.domain.uris import canonical_uri
from trace.services.look_up_log import note_look_up

EVENT_TYPES = ("AggregationEvent", "AssociationEvent", "ObjectEvent", "TransactionEvent", "TransformationEvent")
TOGETHER = 100  # organisations' lists in one statement; SQLite takes 500
# Lists that begin with the words of the standard; what partners call their own comes behind (GS1's OpenAPI file).
_WORDS = {Named.BIZ_STEP: cbv.Kind.BIZ_STEP, Named.DISPOSITION: cbv.Kind.DISPOSITION}
_PARAMETERS = {
    None: "eventType",
    Named.BIZ_STEP: "EQ_bizStep",
    Named.DISPOSITION: "EQ_disposition",
    Named.READ_POINT: "EQ_readPoint",
    Named.BIZ_LOCATION: "EQ_bizLocation",
}


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of a list, and the mark that the next page begins behind (None: there is none)."""

    members: Sequence[str]
    mark: str | None


def list_event_types(*, size: int, after: str | None) -> Listed:
    """The five event types."""
    return _page_of_words(EVENT_TYPES, size=size, start=_number(after, "w") or 0)


def list_named(session: Session, *, actor: Actor, kind: Named, size: int, after: str | None, now: datetime) -> Listed:
    """What the events that the actor may see name, `size` at most, behind the mark of the page before.

    Identifiers are canonical (`trace.domain.uris`); things named since are found at the end of the list or not at
    all, never twice. An inspector's or auditor's look is written down (R18).
    """
    note_look_up(session, actor=actor, what="events", subject=kind.name.lower(), now=now)
    words = sorted(cbv.words(_WORDS[kind])) if kind in _WORDS else []
    start = 0 if after is None else _number(after, "w")
    if start is None:
        return _page_of_idents(session, actor, kind, size=size, behind=_number(after, "i") or 0, first=())
    page = _page_of_words(words, size=size, start=start)
    if page.mark is not None:
        return page
    return _page_of_idents(session, actor, kind, size=size - len(page.members), behind=0, first=page.members)


def get_named(session: Session, *, actor: Actor, kind: Named, text: str, now: datetime) -> str:
    """The canonical form of something that an event one may see names, or of a word of the standard.

    An inspector's or auditor's look is written down (R18). Raises `NotFound` for everything else, whoever else's
    events name it; `Invalid` for an EPC whose parts do not fit.
    """
    found = cbv.word_of(_WORDS[kind], text) if kind in _WORDS else canonical_uri(text)
    if kind in _WORDS and cbv.is_word(_WORDS[kind], found):
        return found
    query = (
        select(ident.c.id)
        .join(event_vocabulary, event_vocabulary.c.ident == ident.c.id)
        .where(ident.c.uri == found, event_vocabulary.c.kind.in_(_kinds(kind)), _sees(actor))
        .limit(1)
    )
    if session.execute(query).first() is None:
        raise NotFound(N_("No event names {text}."), text=text[:120])
    note_look_up(session, actor=actor, what="events", subject=found, now=now)
    return found


def narrowed(query: Query, kind: Named | None, found: str) -> Query:
    """A query, narrowed to the events that name what `get_named` or `get_event_type` (kind None) found.

    Things are looked for in the lists of EPCs and of classes alike: not every private identifier says what it names.
    """
    if kind is not Named.EPC:
        return query.also({_PARAMETERS[kind]: [found]})
    either = [parse_condition(name, [found], {}) for name in ("MATCH_anyEPC", "MATCH_anyEPCClass")]
    names = Condition(
        "epc",
        lambda document, known: any(one.test is not None and one.test(document, known) for one in either),
        either[0].hint,
    )
    asked = {"all": [query.parameters or {}, {"epc": found}]}
    return replace(query, conditions=(*query.conditions, names), parameters=asked)


def get_event_type(text: str) -> str:
    """One of the five event types; raises `NotFound` for any other text."""
    if text not in EVENT_TYPES:
        raise NotFound(N_("There is no event type {type}."), type=text[:120])
    return text


def _kinds(kind: Named) -> tuple[Named, ...]:
    """As what the members of a list are kept."""
    return THINGS if kind is Named.EPC else (kind,)


def _sees(actor: Actor) -> ColumnElement[bool]:
    """Whose lists the actor reads: the own organisation's, or those of the region of a mandate."""
    if not actor.watches:
        return event_vocabulary.c.organisation == actor.organisation
    theirs = select(organisation.c.id).where(organisation.c.region.startswith(region_prefix(actor.region)))
    return event_vocabulary.c.organisation.in_(theirs)


def _page_of_words(words: Sequence[str], *, size: int, start: int) -> Listed:
    end = start + size
    return Listed(words[start:end], f"w{end}" if end < len(words) else None)


def _page_of_idents(
    session: Session, actor: Actor, kind: Named, *, size: int, behind: int, first: Iterable[str]
) -> Listed:
    numbers = _numbers(session, _parties(session, actor), kind, behind=behind, most=size + 1)
    told = numbers[:size]
    uris = uris_of(session, told)
    words = cbv.words(_WORDS[kind]) if kind in _WORDS else frozenset()
    members = [uris[number] for number in told if uris[number] not in words]
    return Listed([*first, *members], f"i{told[-1] if told else behind}" if len(numbers) > size else None)


def _parties(session: Session, actor: Actor) -> Sequence[int]:
    if not actor.watches:
        return [actor.organisation]
    return session.scalars(
        select(organisation.c.id).where(organisation.c.region.startswith(region_prefix(actor.region)))
    ).all()


def _numbers(session: Session, parties: Sequence[int], kind: Named, *, behind: int, most: int) -> list[int]:
    """The first numbers behind a mark that any of these organisations' events name.

    Of each organisation no more is read than one page, by the key: a region's list is as long as its trade.
    """
    found: set[int] = set()
    lists = [(party, one) for party in parties for one in _kinds(kind)]
    for start in range(0, len(lists), TOGETHER):
        pages = [
            select(event_vocabulary.c.ident)
            .where(
                event_vocabulary.c.organisation == party,
                event_vocabulary.c.kind == int(one),
                event_vocabulary.c.ident > behind,
            )
            .order_by(event_vocabulary.c.ident)
            .limit(most)
            .subquery()
            for party, one in lists[start : start + TOGETHER]
        ]
        found.update(session.scalars(union_all(*(select(page.c.ident) for page in pages))))
    return sorted(found)[:most]


def _number(mark: str | None, sign: str) -> int | None:
    """The number behind a sign; None for a mark of another sign. Raises `Invalid` for what is no mark of ours."""
    if mark is None or (mark[:1] != sign and mark[:1] in ("w", "i")):
        return None
    digits = mark[1:]
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise Invalid(N_("This is no mark of a page."), field="nextPageToken")
    return int(digits)
