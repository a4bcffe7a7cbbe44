"""Plain chains of one kind, for tests of what a trace costs: the same statements and rows in a store of any size.

Two farms' harvests are mixed at a wholesaler, packed in crates that are used again and again, shipped to two shops, and
sold there.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from storage.events import find_idents
from storage.store import Store
from storage.trace_reader import TraceReader
from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent, Quantity, TransformationEvent
from trace.domain.genealogy import Direction
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.trace_search import trace
from trace.domain.uris import crate_uri, gtin_uri
from trace.services.capture import capture
from trace.services.organisations import create_organisation, get_organisation_row

BATCH = 2_000  # events a transaction while filling
CRATES = 40
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
BEGIN = NOW - timedelta(days=300)
KILOGRAM = "KGM"
EVENTS_A_CHAIN = 20


def ask(store: Store, number: int) -> list[dict[str, Any]]:
    """Back from what a shop sold to the fields, and from a field to every shelf: what each trace cost."""
    questions = ((Direction.BACKWARD, lot(number, "mix")), (Direction.FORWARD, lot(number, "field-0")))
    answers = []
    for direction, uri in questions:
        with store.reading() as session:
            item = find_idents(session, [uri])[uri]
            started = time.perf_counter()
            found = trace(TraceReader(session), item, direction)
            took = time.perf_counter() - started
        answers.append(
            {
                "direction": direction.value,
                "events": len(found.events),
                "rows": found.rows_read,
                "statements": found.statements,
                "milliseconds": took * 1000,
            }
        )
    return answers


def fill(store: Store, size: int) -> int:
    """Capture chains until there are `size` events: how many chains."""
    with store.writing() as session:
        card = create_organisation(session, name="测量批发", kind=OrganisationKind.WHOLESALER, region="640502", now=NOW)
        row = get_organisation_row(session, card["id"])
        actor = Actor(row.id, row.name, row.kind, row.party_uri, row.region, Role.CLERK)
    chains = size // EVENTS_A_CHAIN
    events: list[Event] = []
    for number in range(chains):
        events += chain(number)
        if len(events) >= BATCH or number == chains - 1:
            _capture(store, actor, events)
            events = []
    return chains


def _capture(store: Store, actor: Actor, events: Sequence[Event]) -> None:
    with store.writing() as session:
        capture(session, events, actor=actor, now=NOW, strict=False)


def lot(number: int, name: str) -> str:
    """A lot of one chain."""
    return gtin_uri("06901234567892", lot=f"{name}-{number}")


def chain(number: int) -> list[Event]:
    """The events of one chain: two harvests, to the wholesaler in crates, mixed, in crates to two shops, sold."""
    return list(_chain(number))


def _chain(number: int) -> Iterator[Event]:
    moment = BEGIN + timedelta(minutes=number * 4)
    count = 0

    def common(step: str) -> dict[str, Any]:
        nonlocal count
        count += 1
        return {
            "event_time": moment + timedelta(seconds=count),
            "event_id": f"urn:uuid:00000000-0000-4000-8000-{number:08x}{count:04x}",
            "biz_step": step,
        }

    def some(name: str, amount: int) -> tuple[Quantity, ...]:
        return (Quantity(lot(number, name), Decimal(amount), KILOGRAM),)

    def travels(name: str, amount: int, crate: str) -> Iterator[Event]:
        """Packed, shipped and received by the crate alone, and taken out."""
        yield AggregationEvent(
            **common("packing"), action=Action.ADD, parent=crate, child_quantities=some(name, amount)
        )
        yield ObjectEvent(**common("shipping"), action=Action.OBSERVE, epcs=(crate,))
        yield AggregationEvent(**common("unpacking"), action=Action.DELETE, parent=crate)

    for field in ("field-0", "field-1"):
        yield ObjectEvent(**common("commissioning"), action=Action.ADD, quantities=some(field, 30))
        yield from travels(field, 30, crate_uri(f"C{(2 * number + (field == 'field-1')) % CRATES}"))
    yield TransformationEvent(
        **common("commissioning"),
        input_quantities=(*some("field-0", 30), *some("field-1", 30)),
        output_quantities=some("mix", 60),
    )
    for shop in range(2):
        yield from travels("mix", 30, crate_uri(f"D{(2 * number + shop) % CRATES}"))
        yield ObjectEvent(**common("storing"), action=Action.OBSERVE, quantities=some("mix", 30))
        yield ObjectEvent(**common("retail_selling"), action=Action.OBSERVE, quantities=some("mix", 1))
    yield ObjectEvent(**common("destroying"), action=Action.DELETE, quantities=some("mix", 1))
