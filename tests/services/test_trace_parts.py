"""A look-up longer than one answer goes on where it stopped."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from tests.town import NOW, Town
from trace.domain.events import Event, Quantity, TransformationEvent
from trace.domain.failures import Invalid
from trace.domain.permissions import Actor
from trace.domain.uris import gtin_uri
from trace.services import lookup, trace_parts
from trace.services.capture import capture
from trace.services.lookup import look_up

LENGTH = 40


def lot(number: int) -> str:
    return gtin_uri("06901234567892", lot=f"L{number}")


@pytest.fixture
def kitchen(town: Town) -> Actor:
    """An organisation with a lot that became another, which became another, and so on."""
    kitchen = town.organisation()
    events: list[Event] = [
        TransformationEvent(
            event_time=NOW - timedelta(days=2) + timedelta(minutes=number),
            event_id=f"urn:event:{number}",
            input_quantities=(Quantity(lot(number), Decimal(1), "KGM"),),
            output_quantities=(Quantity(lot(number + 1), Decimal(1), "KGM"),),
        )
        for number in range(LENGTH)
    ]
    town.do(capture, events, actor=kitchen, now=NOW, strict=False)
    return kitchen


def look(town: Town, actor: Actor, after: str | None, **more: Any) -> dict[str, Any]:
    return dict(town.do(look_up, actor=actor, text=lot(LENGTH // 2), now=NOW, after=after, **more))


@pytest.mark.parametrize(("rows", "limit"), [(30, 2_000), (10_000, 7), (30, 7)])
def test_parts_tell_every_event_once_whatever_ends_them(
    town: Town, kitchen: Actor, monkeypatch: pytest.MonkeyPatch, rows: int, limit: int
) -> None:
    whole = look(town, kitchen, None)
    assert "next" not in whole and not whole["truncated"]
    monkeypatch.setattr(lookup, "ROWS", rows)
    parts = [look(town, kitchen, "", limit=limit)]
    while parts[-1]["next"] is not None:
        assert parts[-1]["truncated"]
        parts.append(look(town, kitchen, parts[-1]["next"], limit=limit))
    told = [(entry["event"], entry["relation"]) for part in parts for entry in part["timeline"]]
    assert len(parts) > 1 and len(told) == LENGTH
    assert sorted(told) == sorted((entry["event"], entry["relation"]) for entry in whole["timeline"])
    assert not parts[-1]["truncated"]


def test_a_part_is_for_those_who_asked_of_that_thing_and_for_a_while(
    town: Town, kitchen: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    after = look(town, kitchen, "", limit=7)["next"]
    stranger = town.organisation()
    refused: list[dict[str, Any]] = [
        {"actor": stranger, "text": lot(LENGTH // 2), "now": NOW, "after": after},
        {"actor": kitchen, "text": lot(1), "now": NOW, "after": after},
        {"actor": kitchen, "text": lot(LENGTH // 2), "now": NOW, "after": "nonsense"},
        {"actor": kitchen, "text": lot(LENGTH // 2), "now": NOW + 2 * trace_parts.KEPT, "after": after},
    ]
    for asked in refused:
        with pytest.raises(Invalid, match="look the code up again"):
            town.do(look_up, **asked)
    assert look(town, kitchen, after, limit=7)["timeline"], "the same part again, as often as one likes"
