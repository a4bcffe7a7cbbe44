"""A look-up longer than one answer goes on where it stopped."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from storage.tables import trace_pause
from tests.post import ZONE
from tests.town import NOW, Town
from trace.domain.events import Event, Quantity, TransformationEvent
from trace.domain.failures import Invalid
from trace.domain.permissions import Actor
from trace.domain.rules.book import shipped
from trace.domain.uris import gtin_uri
from trace.services import lookup
from trace.services.capture import capture
from trace.services.job_kinds import KINDS
from trace.services.lookup import look_up
from trace.services.trace_parts import SWEEP
from trace.worker import Worker

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
        {"actor": kitchen, "text": lot(LENGTH // 2), "now": NOW + timedelta(hours=2), "after": after},
    ]
    for asked in refused:
        with pytest.raises(Invalid, match="look the code up again"):
            town.do(look_up, **asked)
    assert look(town, kitchen, after, limit=7)["timeline"], "the same part again, as often as one likes"


def count_pauses(town: Town) -> int:
    with town.store.reading() as session:
        return int(session.execute(select(func.count()).select_from(trace_pause)).scalar_one())


def test_an_organisation_has_so_many_parts_kept_and_no_more(town: Town, kitchen: Actor) -> None:
    most = shipped().on(NOW.date()).value("trace.pauses")["most"]
    kept = {"state": b"{}", "created_at": NOW}
    other = town.organisation()
    with town.store.writing() as session:
        for number, actor in enumerate((other, *(kitchen,) * most)):
            session.execute(insert(trace_pause).values(token=f"T{number}", organisation=actor.organisation, **kept))
    newest = look(town, kitchen, "", limit=7)["next"]
    assert count_pauses(town) == 1 + most, "another's are left alone"
    with town.store.reading() as session:
        assert session.scalar(select(trace_pause.c.id).where(trace_pause.c.token == "T1")) is None, "the oldest went"
    assert look(town, kitchen, newest, limit=7)["timeline"]


def test_parts_that_nobody_asked_for_are_swept_whichever_way_the_clock_stepped(town: Town, kitchen: Actor) -> None:
    moment = NOW
    worker = Worker(
        town.store, ZONE, private=False, kinds={SWEEP: KINDS[SWEEP]}, now=lambda: moment, jitter=lambda: 0.0
    )
    for clock in (NOW, NOW + timedelta(days=400), NOW - timedelta(minutes=61)):
        town.do(look_up, actor=kitchen, text=lot(LENGTH // 2), now=clock, after="", limit=7)
    worker.tend()
    assert worker.work_once()
    assert count_pauses(town) == 1
    moment = NOW + timedelta(hours=2)
    assert worker.work_once()
    assert count_pauses(town) == 0
