"""What an event says of which thing: the rows that traces are made of."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from trace.domain.events import (
    Action,
    AggregationEvent,
    AssociationEvent,
    ObjectEvent,
    Quantity,
    TransactionEvent,
    TransformationEvent,
)
from trace.domain.links import LOT_EXTENSION, Link, Role, links_of
from trace.domain.uris import crate_uri, drug_class_uri, drug_code_uri, gtin_uri, lot_uri

LOT, OTHER = gtin_uri("06901234567892", lot="A1"), gtin_uri("06901234567892", lot="B2")
PACK = gtin_uri("06901234567892", serial="7")
CRATE = crate_uri("C-1")
KNOT = "https://id.sunshine-trace.example/batch/bt/1"


def common(**fields: Any) -> dict[str, Any]:
    return {"event_time": datetime(2026, 3, 2, tzinfo=UTC), "event_id": "urn:uuid:1", **fields}


def kilograms(item: str, amount: str | None = "2.5") -> Quantity:
    return Quantity(item, None if amount is None else Decimal(amount), "KGM")


@pytest.mark.parametrize(
    ("action", "role"), [(Action.ADD, Role.ADDED), (Action.OBSERVE, Role.OBSERVED), (Action.DELETE, Role.ENDED)]
)
def test_an_object_event_says_one_thing_of_all_its_objects(action: Action, role: Role) -> None:
    event = ObjectEvent(**common(), action=action, epcs=(CRATE,), quantities=(kilograms(LOT), kilograms(OTHER)))
    assert links_of(event) == (
        Link(CRATE, role),
        Link(LOT, role, amount=Decimal("2.5"), unit="KGM"),
        Link(OTHER, role, amount=Decimal("2.5"), unit="KGM"),
    )


def test_packs_commissioned_beside_one_lot_are_of_that_lot() -> None:
    event = ObjectEvent(**common(), action=Action.ADD, epcs=(PACK,), quantities=(kilograms(LOT),))
    assert links_of(event) == (Link(PACK, Role.ADDED, peer=LOT), Link(LOT, Role.SERIALISED))


def test_packs_commissioned_beside_two_lots_are_of_none_that_anybody_could_tell() -> None:
    event = ObjectEvent(**common(), action=Action.ADD, epcs=(PACK,), quantities=(kilograms(LOT), kilograms(OTHER)))
    assert links_of(event)[0] == Link(PACK, Role.ADDED)


@pytest.mark.parametrize("action", list(Action))
def test_an_event_may_name_the_lot_of_its_packs(action: Action) -> None:
    event = ObjectEvent(**common(extensions={LOT_EXTENSION: LOT}), action=action, epcs=(PACK,))
    assert links_of(event)[0].peer == LOT
    assert links_of(event)[1] == Link(LOT, Role.SERIALISED)


def test_a_lot_number_in_the_master_data_tells_the_lot_of_a_drug_pack() -> None:
    pack = drug_code_uri("81234567890123456789")
    event = ObjectEvent(**common(ilmd={"cbvmda:lotNumber": "X9"}), action=Action.ADD, epcs=(pack,))
    assert links_of(event)[0].peer == lot_uri(drug_class_uri("8123456"), "X9")


def test_what_was_packed_names_its_container_and_how_much() -> None:
    event = AggregationEvent(
        **common(), action=Action.ADD, parent=CRATE, child_epcs=(PACK,), child_quantities=(kilograms(LOT),)
    )
    assert links_of(event) == (
        Link(CRATE, Role.PARENT),
        Link(PACK, Role.PACKED, peer=CRATE),
        Link(LOT, Role.PACKED, peer=CRATE, amount=Decimal("2.5"), unit="KGM"),
    )


def test_taking_out_nothing_by_name_is_emptying() -> None:
    assert links_of(AggregationEvent(**common(), action=Action.DELETE, parent=CRATE)) == (Link(CRATE, Role.EMPTIED),)
    event = AggregationEvent(**common(), action=Action.DELETE, parent=CRATE, child_epcs=(PACK,))
    assert links_of(event) == (Link(CRATE, Role.PARENT), Link(PACK, Role.UNPACKED, peer=CRATE))


def test_a_container_seen_moves_with_what_is_seen_inside() -> None:
    event = AggregationEvent(**common(), action=Action.OBSERVE, parent=CRATE, child_epcs=(PACK,))
    assert links_of(event) == (Link(CRATE, Role.PARENT_SEEN), Link(PACK, Role.SEEN_INSIDE, peer=CRATE))


def test_an_association_ties_like_an_aggregation() -> None:
    event = AssociationEvent(**common(), action=Action.ADD, parent=CRATE, child_epcs=(PACK,))
    assert [link.role for link in links_of(event)] == [Role.PARENT, Role.PACKED]


def test_a_transformation_is_tied_by_its_id() -> None:
    event = TransformationEvent(
        **common(), transformation_id=KNOT, input_quantities=(kilograms(LOT),), output_epcs=(PACK,)
    )
    assert links_of(event) == (
        Link(LOT, Role.INPUT, peer=KNOT, amount=Decimal("2.5"), unit="KGM"),
        Link(PACK, Role.OUTPUT, peer=KNOT),
        Link(KNOT, Role.TRANSFORMATION),
    )


def test_a_transaction_observes_its_objects_whatever_its_action() -> None:
    event = TransactionEvent(**common(), action=Action.ADD, parent=CRATE, epcs=(PACK,))
    assert [(link.item, link.role) for link in links_of(event)] == [(CRATE, Role.OBSERVED), (PACK, Role.OBSERVED)]


@pytest.mark.parametrize(
    ("amounts", "total"), [(("1.5", "2"), Decimal("3.5")), (("1.5", None), None), ((None, "2"), None)]
)
def test_a_lot_named_twice_is_one_line_and_some_and_two_is_some(
    amounts: tuple[str | None, ...], total: Decimal | None
) -> None:
    quantities = tuple(kilograms(LOT, amount) for amount in amounts)
    event = ObjectEvent(**common(), action=Action.OBSERVE, quantities=quantities)
    assert links_of(event) == (Link(LOT, Role.OBSERVED, amount=total, unit="KGM"),)


def test_amounts_in_different_units_are_not_added() -> None:
    event = ObjectEvent(**common(), action=Action.OBSERVE, quantities=(kilograms(LOT), Quantity(LOT, Decimal(3), "EA")))
    assert [(link.amount, link.unit) for link in links_of(event)] == [(Decimal("2.5"), "KGM"), (Decimal(3), "EA")]


def test_roles_keep_their_numbers_because_the_store_remembers() -> None:
    assert {role.name: int(role) for role in Role} == {
        "OBSERVED": 1, "ADDED": 2, "ENDED": 3, "INPUT": 4, "OUTPUT": 5, "PARENT": 6, "PARENT_SEEN": 7, "EMPTIED": 8,
        "PACKED": 9, "UNPACKED": 10, "SEEN_INSIDE": 11, "SERIALISED": 12, "TRANSFORMATION": 13,
    }  # fmt: skip
