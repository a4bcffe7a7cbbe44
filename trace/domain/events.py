"""The five EPCIS event types as frozen values (EPCIS 2.0, ISO/IEC 19987, section 7.4).

Structs of msgspec and no data classes: of so many fields a frozen data class takes seven times as long to make, which
was a third of reading an event.

Inside the service an event is one of these; on the wire and in the store it is the JSON document that
`trace.domain.epcis.document` makes of it. All URIs are canonical (`trace.domain.uris.canonical_uri`), in whatever form
they came.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any

from msgspec import Struct, field


class Action(StrEnum):
    """What an event says about the life of its objects (EPCIS 2.0 section 7.3.2)."""

    ADD = "ADD"
    OBSERVE = "OBSERVE"
    DELETE = "DELETE"


class Quantity(Struct, frozen=True):
    """An amount of one class or lot: `amount` None means "some", `unit` None means pieces (section 7.3.3.3)."""

    item: str
    amount: Decimal | None = None
    unit: str | None = None


class BizTransaction(Struct, frozen=True):
    """A business document the event belongs to: a CBV type word (may be None) and a URI."""

    id: str
    type: str | None = None


class Endpoint(Struct, frozen=True):
    """One source or destination: a CBV type word and the URI of the party or place."""

    type: str
    id: str


class ErrorDeclaration(Struct, frozen=True):
    """Says that an earlier event with the same eventID was wrong (section 7.4.1.2)."""

    declared_at: datetime
    reason: str | None = None
    corrective_event_ids: tuple[str, ...] = ()
    extensions: Mapping[str, Any] = field(default_factory=dict)


class Event(Struct, frozen=True, kw_only=True, eq=False):
    """What all five types have: when (aware, with the local offset), what step, where, between whom.

    `ilmd`, `extensions` and `sensor_elements` hold JSON values exactly as captured. `document` is the event as a
    partner sent it (`trace.domain.epcis.document`), with the identifiers in the partner's form and every extension;
    None for an event of ours, whose document is made of the values. Who changes values takes the document away.
    """

    event_time: datetime
    event_id: str
    biz_step: str | None = None
    disposition: str | None = None
    persistent_disposition: Mapping[str, Any] | None = None
    read_point: str | None = None
    biz_location: str | None = None
    biz_transactions: tuple[BizTransaction, ...] = ()
    sources: tuple[Endpoint, ...] = ()
    destinations: tuple[Endpoint, ...] = ()
    certification_info: Any = None
    sensor_elements: tuple[Mapping[str, Any], ...] = ()
    ilmd: Mapping[str, Any] = field(default_factory=dict)
    extensions: Mapping[str, Any] = field(default_factory=dict)
    error_declaration: ErrorDeclaration | None = None
    document: Mapping[str, Any] | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both say the same, whatever document they came in."""
        return type(self) is type(other) and all(
            getattr(self, name) == getattr(other, name) for name in self.__struct_fields__ if name != "document"
        )

    __hash__ = None  # type: ignore[assignment] # extension fields are dictionaries


class ObjectEvent(Event, frozen=True, kw_only=True, eq=False):
    """Something happened to these objects (section 7.4.2)."""

    action: Action
    epcs: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()


class AggregationEvent(Event, frozen=True, kw_only=True, eq=False):
    """Children were put into, seen in, or taken out of a parent (section 7.4.3)."""

    action: Action
    parent: str | None = None
    child_epcs: tuple[str, ...] = ()
    child_quantities: tuple[Quantity, ...] = ()


class TransactionEvent(Event, frozen=True, kw_only=True, eq=False):
    """Objects were tied to a business transaction (section 7.4.4)."""

    action: Action
    parent: str | None = None
    epcs: tuple[str, ...] = ()
    quantities: tuple[Quantity, ...] = ()


class TransformationEvent(Event, frozen=True, kw_only=True, eq=False):
    """Inputs became outputs; events that share a transformation id are one transformation (section 7.4.5)."""

    transformation_id: str | None = None
    input_epcs: tuple[str, ...] = ()
    input_quantities: tuple[Quantity, ...] = ()
    output_epcs: tuple[str, ...] = ()
    output_quantities: tuple[Quantity, ...] = ()


class AssociationEvent(Event, frozen=True, kw_only=True, eq=False):
    """A lasting tie between a parent and assets such as sensors (section 7.4.6)."""

    action: Action
    parent: str
    child_epcs: tuple[str, ...] = ()
    child_quantities: tuple[Quantity, ...] = ()


_EPOCH, _MILLISECOND, _MINUTE = datetime(1970, 1, 1, tzinfo=UTC), timedelta(milliseconds=1), timedelta(minutes=1)


def utc_milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970-01-01 UTC of an aware datetime: how event times are stored and compared."""
    return (moment - _EPOCH) // _MILLISECOND


def offset_minutes(moment: datetime) -> int:
    """Minutes east of UTC of an aware datetime: the local side of an event's time."""
    offset = moment.utcoffset()
    if offset is None:
        raise ValueError("an event time needs an offset; a naive datetime came")
    return offset // _MINUTE
