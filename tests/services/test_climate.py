"""Zones and their climate: twice a day, what left the range, what was done, and what became an event."""

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from storage.objects import FolderObjects
from storage.tables import alert, climate_reading, correction, event, event_document
from tests.services.test_concurrency import at_once
from tests.services.test_self_checks import named
from tests.town import NOW, TODAY, Town
from trace.domain.climate import Bounds, Reading, ZoneKind
from trace.domain.epcis.document import load_document
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.climate import Typed, answer_excursion, bring_readings, note_from_sensor, type_readings
from trace.services.climate_keeping import would_keep
from trace.services.climate_record import day_of, missing_of, zone_record
from trace.services.commands import Command
from trace.services.rulebook import rules_on
from trace.services.zones import change_zone, close_zone, get_zone_row, list_zones, open_zone


@pytest.fixture
def shop(town: Town) -> Actor:
    return named(town, town.organisation(OrganisationKind.PHARMACY))


def zone(town: Town, actor: Actor, kind: ZoneKind = ZoneKind.COLD, **more: Any) -> str:
    """A zone that was opened long ago: its public id."""
    command = Command(actor, NOW - timedelta(days=60))
    return str(town.do(open_zone, command, name=more.pop("name", "冷藏柜1"), kind=kind, **more)["id"])


def at(actor: Actor, moment: datetime, key: str | None = None) -> Command:
    return Command(actor, moment, client_key=key)


def typed(zone_: str, celsius: str, humidity: str | None = "50", action: str = "") -> Typed:
    return Typed(zone_, Decimal(celsius), None if humidity is None else Decimal(humidity), action)


def states(town: Town, actor: Actor, now: datetime = NOW) -> list[tuple[str, str]]:
    told = town.do(day_of, actor=actor, now=now)
    return [(part["part"], part["state"]) for one in told["zones"] for part in one["parts"]]


def count(town: Town, table: Any) -> int:
    with town.store.reading() as session:
        return int(session.scalar(select(func.count()).select_from(table)) or 0)


def test_a_typed_reading_stands_in_the_record_and_is_an_event_of_the_place(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)
    assert states(town, shop) == [("morning", "due"), ("afternoon", "later")]
    town.do(type_readings, at(shop, NOW, "k"), readings=[typed(cold, "4.5")])
    town.do(type_readings, at(shop, NOW, "k"), readings=[typed(cold, "4.5")])
    assert states(town, shop) == [("morning", "done"), ("afternoon", "later")]
    assert states(town, shop, NOW + timedelta(hours=12)) == [("morning", "done"), ("afternoon", "due")]
    told = town.do(day_of, actor=shop, now=NOW)["zones"][0]
    assert (told["last"]["celsius"], told["last"]["humidity"], told["last"]["by"]) == (Decimal("4.5"), 50, "李安全")
    with town.store.reading() as session:
        (document,) = session.scalars(select(event_document.c.document)).all()
    seen = load_document(document)
    assert (seen["bizStep"], seen["readPoint"]["id"].endswith(cold)) == ("sensor_reporting", True)
    reports = seen["sensorElementList"][0]["sensorReport"]
    assert [(one["type"], one["value"], one["uom"]) for one in reports] == [
        ("Temperature", Decimal("4.5"), "CEL"),
        ("RelativeHumidity", 50, "P1"),
    ]


@pytest.mark.parametrize(
    ("kind", "celsius", "humidity", "inside"),
    [
        (ZoneKind.COLD, "2", "75", True),
        (ZoneKind.COLD, "8", "35", True),
        (ZoneKind.COLD, "1.99", "50", False),
        (ZoneKind.COLD, "8.01", "50", False),
        (ZoneKind.COLD, "5", "75.01", False),
        (ZoneKind.COOL, "20", "50", True),
        (ZoneKind.COOL, "20.01", "50", False),
        (ZoneKind.COOL, "-5", None, True),
        (ZoneKind.ROOM, "10", "34.99", False),
        (ZoneKind.ROOM, "30", None, True),
        (ZoneKind.ROOM, "30.01", None, False),
    ],
)
def test_the_rule_book_says_what_a_zone_may_have(
    town: Town, shop: Actor, kind: ZoneKind, celsius: str, humidity: str | None, inside: bool
) -> None:
    one = zone(town, shop, kind)
    if not inside:
        refused = town.refuses(Invalid, type_readings, at(shop, NOW), readings=[typed(one, celsius, humidity)])
        assert refused.field == "readings.0.action"
    town.do(type_readings, at(shop, NOW), readings=[typed(one, celsius, humidity, "" if inside else "已关门")])
    assert town.do(day_of, actor=shop, now=NOW)["zones"][0]["last"]["inside"] is inside
    assert count(town, alert) == (0 if inside else 1)


def test_all_zones_of_a_form_are_recorded_or_none(town: Town, shop: Actor) -> None:
    cold, room = zone(town, shop), zone(town, shop, ZoneKind.ROOM, name="营业区")
    town.refuses(Invalid, type_readings, at(shop, NOW), readings=[typed(cold, "5"), typed(room, "45")])
    town.refuses(Invalid, type_readings, at(shop, NOW), readings=[typed(cold, "500")])
    assert count(town, climate_reading) == 0


def test_another_reading_of_the_same_moment_is_refused_and_the_same_one_is_one(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)
    for _ in range(2):
        town.do(type_readings, at(shop, NOW), readings=[typed(cold, "5")])
    town.refuses(Conflict, type_readings, at(shop, NOW), readings=[typed(cold, "6")])
    assert (count(town, climate_reading), count(town, event)) == (1, 1)


def test_a_sensor_is_kept_every_half_hour_and_whenever_it_crosses(town: Town, shop: Actor) -> None:
    cold = zone(town, shop, sensor="cold1")
    begin = NOW - timedelta(hours=3)
    course = [500] * 65 + [900] * 5 + [500] * 31  # a reading a minute
    for minute, celsius in enumerate(course):
        reading = Reading(begin + timedelta(minutes=minute), celsius)
        for _ in range(1 + (minute == 66)):
            town.do(note_from_sensor, Command(shop, reading.at), zone=cold, reading=reading)
    with town.store.reading() as session:
        rows = session.execute(select(climate_reading).order_by(climate_reading.c.measured_at)).all()
    assert [int((row.measured_at - begin).total_seconds() // 60) for row in rows] == [0, 30, 60, 65, 67, 69, 70, 100]
    # The first of the morning, out, and in again to stay are the record; the rest only draws the curve.
    assert [row.event is not None for row in rows] == [True, False, False, True, False, False, True, False]
    assert count(town, alert) == 1
    (stay,) = town.do(day_of, actor=shop, now=NOW)["unanswered"]
    assert (stay["warmest"], stay["until"] - stay["about"]) == (9, timedelta(minutes=5))
    town.do(answer_excursion, at(shop, NOW), zone=cold, about=stay["about"], action="门未关严，已关")
    assert town.do(day_of, actor=shop, now=NOW)["unanswered"] == []
    (stay,) = town.do(zone_record, actor=shop, public_id=cold, first=TODAY, last=TODAY, now=NOW)["excursions"]
    assert [done["action"] for done in stay["actions"]] == ["门未关严，已关"]


def test_a_thermometer_that_flickers_is_one_stay_told_once_and_back_when_it_stays_inside(
    town: Town, shop: Actor
) -> None:
    cold = zone(town, shop, sensor="cold1")
    begin = NOW - timedelta(hours=3)

    def tell(minute: int, celsius: int) -> None:
        reading = Reading(begin + timedelta(minutes=minute), celsius)
        with town.store.reading() as session:
            row = get_zone_row(session, shop, cold)
            due = would_keep(session, row, reading, rules_on(session, TODAY, shop.organisation))
        if due:  # as `climate_sensors.hear` does it
            town.do(note_from_sensor, Command(shop, reading.at), zone=cold, reading=reading)

    def events() -> list[tuple[int, bool]]:
        with town.store.reading() as session:
            told = select(climate_reading).where(climate_reading.c.event.is_not(None))
            rows = session.execute(told.order_by(climate_reading.c.measured_at)).all()
        return [(int((row.measured_at - begin).total_seconds() // 60), row.inside) for row in rows]

    for minute in range(60):
        tell(minute, 800 + minute % 2)  # in and out each minute
    assert (events(), count(town, alert)) == ([(0, True), (1, False)], 1)
    assert count(town, climate_reading) <= 61
    for minute in range(60, 89):
        tell(minute, 500)
    assert (events(), count(town, alert)) == ([(0, True), (1, False)], 1)
    tell(90, 500)
    assert events() == [(0, True), (1, False), (60, True)]
    (stay,) = town.do(day_of, actor=shop, now=NOW)["unanswered"]
    assert stay["until"] - stay["about"] == timedelta(minutes=59)
    tell(95, 900)  # another stay
    assert (events()[-1], count(town, alert)) == ((95, False), 2)
    assert len(town.do(day_of, actor=shop, now=NOW)["unanswered"]) == 2


def test_what_is_typed_long_after_it_was_read_is_a_late_entry_with_its_reason(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)

    def late(hours: float, celsius: str, reason: str = "") -> None:
        command = replace(at(shop, NOW), happened_at=NOW - timedelta(hours=hours))
        town.do(type_readings, command, readings=[typed(cold, celsius)], late_reason=reason)

    late(4, "4")
    before_the_rules = 15 * 365 * 24
    for hours, field, reason in (
        (4.1, "late_reason", " "),
        (31 * 24 + 1, "happened_at", "忘记录入"),
        (before_the_rules, "happened_at", "忘记录入"),
    ):
        with pytest.raises(Invalid) as refused:
            late(hours, "5", reason)
        assert refused.value.field == field
    late(20, "6", "停电，先记在纸上")
    record = town.do(zone_record, actor=shop, public_id=cold, first=town.day(1), last=TODAY, now=NOW)
    told = [part["reading"] for day in record["days"] for part in day["parts"] if part["reading"]]
    assert [(one["celsius"], one["late_reason"]) for one in told] == [(6, "停电，先记在纸上"), (4, "")]
    assert told[0]["recorded_at"] == NOW


def test_nothing_was_outside_so_there_is_nothing_to_answer(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)
    town.do(type_readings, at(shop, NOW), readings=[typed(cold, "5")])
    assert town.refuses(NotFound, answer_excursion, at(shop, NOW), zone=cold, about=NOW, action="x")


def test_a_loggers_file_that_overlaps_the_last_one_adds_what_is_new(town: Town, shop: Actor, tmp_path: Path) -> None:
    cold, objects = zone(town, shop), FolderObjects(tmp_path)
    begin = NOW - timedelta(days=2)

    def upload(first: int, last: int) -> bytes:
        rows = [
            f"{begin + timedelta(minutes=10 * n):%Y-%m-%d %H:%M},{9 if n == 100 else 5},50" for n in range(first, last)
        ]
        return "\n".join(["时间,温度(℃),湿度(%RH)", *rows]).encode()

    one = town.do(bring_readings, at(shop, NOW), zone=cold, objects=objects, upload=upload(0, 150))
    two = town.do(bring_readings, at(shop, NOW), zone=cold, objects=objects, upload=upload(90, 288))
    again = town.do(bring_readings, at(shop, NOW), zone=cold, objects=objects, upload=upload(90, 288))
    assert (one["read"], one["outside"], two["outside"], again["kept"]) == (150, 1, 0, 0)
    assert count(town, alert) == 1
    told = town.do(zone_record, actor=shop, public_id=cold, first=town.day(2), last=TODAY, now=NOW)
    # The first half of the first day is before the file.
    assert [part["state"] for day in told["days"] for part in day["parts"]] == ["done"] * 5 + ["later"]
    assert [stay["warmest"] for stay in told["excursions"]] == [9]
    assert town.do(missing_of, actor=shop, first=town.day(3), last=TODAY, now=NOW)[-1]["day"] == town.day(3)


def test_what_nobody_read_is_missing_and_stays_so(town: Town, shop: Actor) -> None:
    zone(town, shop)
    found = town.do(missing_of, actor=shop, first=town.day(1), last=TODAY, now=NOW)
    assert [(one["day"], one["part"]) for one in found] == [(town.day(1), "morning"), (town.day(1), "afternoon")]


def test_a_house_may_be_stricter_than_the_rule_book_and_not_looser(town: Town, shop: Actor) -> None:
    strict = Bounds(300, 700, 4000, 7000)
    cold = zone(town, shop, bounds=strict)
    town.refuses(Invalid, type_readings, at(shop, NOW), readings=[typed(cold, "7.5")])
    for looser in (Bounds(100, 800, 3500, 7500), Bounds(200, None, 3500, 7500), Bounds(700, 300, 3500, 7500)):
        town.refuses(Invalid, change_zone, at(shop, NOW), public_id=cold, bounds=looser, sensor="", reason="新柜")
    town.do(change_zone, at(shop, NOW), public_id=cold, bounds=None, sensor="c1", reason="按药典")
    town.do(type_readings, at(shop, NOW), readings=[typed(cold, "7.5")])
    assert count(town, correction) == 5
    (told,) = town.do(list_zones, actor=shop, on=TODAY)
    assert told["topic"] == f"sunshine/{town.id_of(shop)}/c1"


def test_names_and_sensors_are_taken_once_and_a_topic_is_one_part(town: Town, shop: Actor) -> None:
    zone(town, shop, sensor="c1")
    again = {"name": "冷藏柜1", "kind": ZoneKind.COLD}
    assert town.refuses(Conflict, open_zone, at(shop, NOW), **again)
    assert town.refuses(Conflict, open_zone, at(shop, NOW), **again | {"name": "二", "sensor": "c1"})
    for sensor in ("a/b", "+", "#", "a b", "$SYS", "a\x00"):
        assert town.refuses(Invalid, open_zone, at(shop, NOW), **again | {"name": "三", "sensor": sensor})
    other = town.organisation(OrganisationKind.PHARMACY)
    zone(town, other, sensor="c1")


def test_nobody_elses_zone_is_seen_or_written_to(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)
    other = town.organisation(OrganisationKind.PHARMACY)
    town.refuses(NotFound, type_readings, at(other, NOW), readings=[typed(cold, "5")])
    town.refuses(NotFound, close_zone, at(other, NOW), public_id=cold, reason="x")
    asked = {"public_id": cold, "first": TODAY, "last": TODAY, "now": NOW}
    town.refuses(NotFound, zone_record, actor=other, **asked)
    inspector = town.organisation(OrganisationKind.REGULATOR, role=Role.INSPECTOR, region="640500")
    assert town.do(zone_record, actor=inspector, shop=town.id_of(shop), **asked)["name"] == "冷藏柜1"
    stranger = replace(inspector, region="110000")
    town.refuses(NotFound, zone_record, actor=stranger, shop=town.id_of(shop), **asked)


def test_a_closed_zone_takes_no_reading_and_misses_none(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)
    town.do(close_zone, at(shop, NOW), public_id=cold, reason="报废")
    town.do(close_zone, at(shop, NOW), public_id=cold, reason="报废")
    town.refuses(Conflict, type_readings, at(shop, NOW), readings=[typed(cold, "5")])
    assert town.do(day_of, actor=shop, now=NOW)["zones"] == []


def test_two_who_note_the_same_crossing_at_once_raise_one_alert(town: Town, shop: Actor) -> None:
    cold = zone(town, shop)

    def note(number: int) -> None:
        reading = Reading(NOW - timedelta(seconds=number % 2), 900)
        town.do(note_from_sensor, Command(shop, NOW), zone=cold, reading=reading)

    at_once(*[lambda n=n: note(n) for n in range(6)])
    assert (count(town, alert), count(town, event)) == (1, 1)
