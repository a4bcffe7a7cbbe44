"""Named queries (EPCIS 2.0 section 8.2.7 and 12.7): an organisation's own views on the events it may see."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import named_query
from trace.domain.characters import find_unreadable
from trace.domain.epcis.document import canonical_bytes, load_document
from trace.domain.epcis.query_language import parse_query
from trace.domain.failures import N_, Conflict, Invalid, NotFound, TooLarge
from trace.domain.permissions import Actor
from trace.services.subscriptions import delete_subscriptions_of

LONGEST_NAME = 120
MOST_BYTES = 64 * 1024  # of one query's parameters: some thousand EPCs


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query under a name: its number in the store, and its parameters as they were put."""

    id: int
    name: str
    parameters: Mapping[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """As the standard writes it: `{"name": ..., "query": {...}}`."""
        return {"name": self.name, "query": dict(self.parameters)}


def create_query(
    session: Session, *, actor: Actor, name: str, parameters: Mapping[str, Any], now: datetime
) -> NamedQuery:
    """Keep a query under a name of the organisation's own.

    Raises `Conflict` where the name is taken (the unique key (organisation, name) decides between two at once),
    `Invalid` for a name that no address can hold or parameters that the query language does not have.
    """
    _check_name(name)
    data = _written(parameters)
    # Before anything is made of it: patterns for the size of a whole body take seconds to prepare.
    if len(data) > MOST_BYTES:
        raise TooLarge(
            N_("A query's parameters take at most {most} bytes; {came} came."), most=MOST_BYTES, came=len(data)
        )
    parse_query(parameters)
    values = {"organisation": actor.organisation, "name": name, "parameters": data, "created_at": now}
    made = session.execute(
        insert_for(session, named_query)
        .values(values)
        .on_conflict_do_nothing(index_elements=["organisation", "name"])
        .returning(named_query.c.id)
    ).scalar()
    if made is None:
        raise Conflict(N_("There is a query {name} already; delete it first, or choose another name."), name=name)
    return NamedQuery(made, name, parameters)


def list_queries(
    session: Session, *, actor: Actor, size: int, after: str | None
) -> tuple[list[NamedQuery], str | None]:
    """The organisation's queries by name, `size` at most; and the mark that the next page begins behind."""
    query = select(named_query).where(named_query.c.organisation == actor.organisation).order_by(named_query.c.name)
    if after is not None:
        query = query.where(named_query.c.name > after)
    found = [_query(row) for row in session.execute(query.limit(size + 1))]
    return found[:size], found[size - 1].name if len(found) > size else None


def get_query(session: Session, *, actor: Actor, name: str) -> NamedQuery:
    """The organisation's query of this name; raises `NotFound`, also where another organisation has one."""
    query = select(named_query).where(
        named_query.c.organisation == actor.organisation, named_query.c.name == name[: LONGEST_NAME + 1]
    )
    row = session.execute(query).one_or_none()
    if row is None:
        raise NotFound(N_("There is no query {name}."), name=name[:LONGEST_NAME])
    return _query(row)


def delete_query(session: Session, *, actor: Actor, name: str) -> None:
    """Take the name back; its subscriptions end with it."""
    found = get_query(session, actor=actor, name=name)
    delete_subscriptions_of(session, query=found.id)
    session.execute(delete(named_query).where(named_query.c.id == found.id))


def _query(row: Any) -> NamedQuery:
    return NamedQuery(row.id, row.name, load_document(row.parameters))


def _written(parameters: Mapping[str, Any]) -> bytes:
    if any(find_unreadable(text) for text in _texts(parameters)):
        raise Invalid(N_("A query's parameters are readable characters; a control character or half of one came."))
    return canonical_bytes(parameters)


def _texts(value: Any) -> Iterator[str]:
    """Every name and every text in JSON; what came as a body is no deeper than `trace.web.strict_json` lets it be."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        yield from value
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)


def _check_name(name: str) -> None:
    # A name is one step of an address; "." and ".." would be taken for steps up.
    fits = 0 < len(name) <= LONGEST_NAME and name == name.strip() and find_unreadable(name) is None
    if not fits or "/" in name or not name.strip("."):
        raise Invalid(
            N_("A query's name has 1 to {most} readable characters and no slash; {name} came."),
            field="name",
            most=LONGEST_NAME,
            name=repr(name[:40]),
        )
