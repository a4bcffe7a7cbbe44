"""The EPCIS 2.0 query language (ISO/IEC 19987, section 8.2.7.1): which events a client asks for, and in which order.

A query is a set of parameters, all of which must hold; a list of values holds where one of them does. It comes as the
query string of a URL (`parse_query_string`) or as the JSON object `query` of a named query (`parse_query`). The names
and values of parameters are in `query_parameters` and `query_values`, what they ask of an event in `predicates`.

A `Query` decides by itself whether an event document belongs to it (`Query.matches`); `Query.hints` tell a store which
events cannot, so that it need not look at them.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trace.domain.epcis import query_values as v
from trace.domain.epcis.extension_fields import FieldName, moment_of, number_of, parse_field, plain_values, values_in
from trace.domain.epcis.predicates import NO_MASTER_DATA, MasterData
from trace.domain.epcis.query_parameters import Condition, Hint, Index, parse_condition, takes_list
from trace.domain.failures import N_, Invalid

__all__ = ["PAGING", "Hint", "Index", "Query", "parse_query", "parse_query_string"]

# How an answer is cut into pages is no part of the question.
PAGING = frozenset({"perPage", "nextPageToken"})
MOST_PARAMETERS = 200
_EVENT_TIME, _RECORD_TIME = "eventTime", "recordTime"


@dataclass(frozen=True, slots=True)
class Query:
    """A question put to the events.

    `order_by` is "eventTime", "recordTime", an extension field or None: in any order. `parameters` are the parameters
    as they were put, in JSON. At most one of `event_count_limit` (so many, the first by the order) and
    `max_event_count` (refuse to answer if there are more) is set.
    """

    conditions: tuple[Condition, ...] = ()
    order_by: str | FieldName | None = None
    descending: bool = True
    event_count_limit: int | None = None
    max_event_count: int | None = None
    parameters: Mapping[str, Any] | None = None

    def matches(self, document: Mapping[str, Any], master_data: MasterData = NO_MASTER_DATA) -> bool:
        """Whether an event document, with its `recordTime`, belongs to the answer."""
        return all(one.test(document, master_data) for one in self.conditions if one.test is not None)

    @property
    def hints(self) -> tuple[Hint, ...]:
        """What all events of the answer have in common and an index may know; all of them hold at once."""
        return tuple(one.hint for one in self.conditions if one.hint is not None)

    @property
    def needs_master_data(self) -> bool:
        """Whether `matches` asks for master data."""
        return any(one.needs_master_data for one in self.conditions)

    def sort_key(self, document: Mapping[str, Any]) -> tuple[int, Any]:
        """What an extension field orders by: numbers, then times, then texts by code point; what lacks it comes last.

        Raises `TypeError` for an order that is no extension field's.
        """
        if not isinstance(self.order_by, FieldName):
            raise TypeError("only an order by an extension field is found in the document")
        context = document.get("@context") or {}
        for found in values_in(document, self.order_by, context, inner=False):
            for plain in plain_values(found):
                return self._ranked(plain)
        return (-1 if self.descending else 3, "")

    def _ranked(self, plain: Any) -> tuple[int, Any]:
        number = None if isinstance(plain, str) else number_of(plain)
        if number is not None:
            return (0, Decimal(number))
        moment = moment_of(plain) if isinstance(plain, str) else None
        return (1, moment) if moment is not None else (2, str(plain))

    def also(self, parameters: Mapping[str, Any]) -> "Query":
        """This query, narrowed by further parameters, in JSON: `/bizSteps/shipping/events` adds EQ_bizStep.

        A parameter that is there already is not replaced: both hold.
        """
        more = tuple(parse_condition(name, raw, {}) for name, raw in parameters.items())
        both = {"all": [self.parameters or {}, dict(parameters)]}
        return Query(
            (*self.conditions, *more),
            self.order_by,
            self.descending,
            self.event_count_limit,
            self.max_event_count,
            both,
        )

    @property
    def digest(self) -> bytes:
        """32 bytes that two queries share only if they ask the same: what a page token is bound to."""
        return hashlib.sha256(self.text.encode()).digest()

    @property
    def text(self) -> str:
        """The parameters as one text, for a log that people read."""
        return json.dumps(self.parameters or {}, ensure_ascii=False, sort_keys=True, default=str)


def parse_query(parameters: Mapping[str, Any], *, namespaces: Mapping[str, str] | None = None) -> Query:
    """A query from the JSON object `query` of a named query; numbers are int or Decimal.

    `namespaces` ({prefix: IRI}) are those of the header `GS1-Extensions`; an `@context` in the query comes before them.
    `perPage` and `nextPageToken` are passed over. Raises `Invalid`, its field the parameter's name, for a parameter
    that EPCIS does not have, a wrong value and a combination that the standard forbids.
    """
    if len(parameters) > MOST_PARAMETERS:
        raise Invalid(
            N_("A query has at most {most} parameters; {count} came."), most=MOST_PARAMETERS, count=len(parameters)
        )
    known = dict(namespaces or {}) | _declared(parameters.get("@context"))
    conditions, order = [], {}
    for name, raw in parameters.items():
        if name in _ORDER:
            order[name] = raw
        elif name not in PAGING and name != "@context":
            conditions.append(parse_condition(name, raw, known))
    kept = {name: raw for name, raw in parameters.items() if name not in PAGING}
    return _ordered(Query(tuple(conditions), parameters=kept), order, known)


def parse_query_string(arguments: Mapping[str, Sequence[str]], *, namespaces: Mapping[str, str] | None = None) -> Query:
    """A query from the decoded query string of a URL, {name: every value given}.

    Several values of one parameter are parted by `|` (the OpenAPI file's `pipeDelimited`), or the parameter is
    repeated. Raises as `parse_query` does, also where a parameter that takes one value is repeated.
    """
    parameters: dict[str, Any] = {}
    for name, values in arguments.items():
        if takes_list(name):
            parameters[name] = [part for value in values for part in value.split("|")]
        else:
            parameters[name] = values[0] if len(values) == 1 else list(values)
    return parse_query(parameters, namespaces=namespaces)


_ORDER = frozenset({"orderBy", "orderDirection", "eventCountLimit", "maxEventCount"})


def _ordered(query: Query, order: Mapping[str, Any], namespaces: Mapping[str, str]) -> Query:
    by = _order_by(order["orderBy"], namespaces) if "orderBy" in order else None
    direction = "DESC"
    if "orderDirection" in order:
        given = v.single("orderDirection", order["orderDirection"])
        direction = v.one_of("orderDirection", given, ("ASC", "DESC"))
    limit = v.count("eventCountLimit", order["eventCountLimit"]) if "eventCountLimit" in order else None
    most = v.count("maxEventCount", order["maxEventCount"]) if "maxEventCount" in order else None
    if limit is not None and most is not None:
        raise Invalid(
            N_("eventCountLimit and maxEventCount exclude each other; a query has one of them."), field="maxEventCount"
        )
    if limit is not None and by is None:
        raise Invalid(N_("eventCountLimit needs orderBy, which says which events are the first."), field="orderBy")
    return Query(query.conditions, by, direction == "DESC", limit, most, query.parameters)


def _order_by(raw: Any, namespaces: Mapping[str, str]) -> str | FieldName:
    value = v.texts("orderBy", v.single("orderBy", raw))[0]
    if value in (_EVENT_TIME, _RECORD_TIME):
        return value
    field = parse_field(value, namespaces)
    if field is None:
        raise Invalid(
            N_("orderBy takes eventTime, recordTime or an extension field with its namespace; {value} came."),
            field="orderBy",
            value=value[:120],
        )
    return field


def _declared(context: Any) -> dict[str, str]:
    """{prefix: IRI} of a JSON-LD `@context`; addresses of contexts are not fetched."""
    parts: Iterable[Any] = context if isinstance(context, list) else [context]
    found: dict[str, str] = {}
    for part in parts:
        if isinstance(part, Mapping):
            found |= {str(prefix): iri for prefix, iri in part.items() if isinstance(iri, str)}
        elif part is not None and not isinstance(part, str):
            raise Invalid(N_("@context takes addresses and objects that explain prefixes."), field="@context")
    return found
