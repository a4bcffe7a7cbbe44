"""Logs of cold deliveries: what the curve says of the goods, and whose it is."""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from schemas.epcis.event_rules import find_rule_faults
from storage.objects import FolderObjects
from storage.tables import acceptance, temperature_log
from tests.town import NOW, Town
from trace.domain.climate import Bounds, Reading, excursions, mean_kinetic, thinned
from trace.domain.failures import Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.services.temperature_logs import file_log, get_log, logs_of, sensor_elements

COLD = {"low": 200, "high": 800}
ENERGY = Decimal("83.144")


def log_of(*celsius: float, minutes: int = 5, hours_ago: float = 10) -> bytes:
    """A logger's file with a reading every few minutes."""
    first = NOW - timedelta(hours=hours_ago)
    rows = [f"{first + timedelta(minutes=minutes * n):%Y-%m-%d %H:%M:%S},{c}" for n, c in enumerate(celsius)]
    return "\n".join(["设备编号,RC-5", "时间,温度(℃)", *rows]).encode("gb18030")


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path)


def an_acceptance(town: Town, actor: Actor, public_id: str) -> str:
    values = {
        "public_id": public_id,
        "organisation": actor.organisation,
        "supplier": {},
        "state": "open",
        "opened_at": NOW,
    }
    with town.store.writing() as session:
        session.execute(insert(acceptance).values(values))
    return public_id


def test_a_log_within_the_range_says_so(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(OrganisationKind.PHARMACY)
    upload = log_of(2, 4.5, 8)
    told = town.do(file_log, town.command(shop), objects=objects, upload=upload, **COLD)
    assert (told["coldest"], told["warmest"], told["inside"], told["excursions"]) == (2, 8, True, [])
    assert (told["logger"], told["readings"], told["gap_minutes"], told["gap_told"]) == ("RC-5", 3, 5, False)
    assert told["points"] == [[0, 200], [300, 450], [600, 800]]
    assert objects.get(told["sha256"]) == upload


def test_what_left_the_range_is_told_with_its_times(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(OrganisationKind.PHARMACY)
    told = town.do(
        file_log, town.command(shop), objects=objects, upload=log_of(4, 8.01, 12.5, 6, 1.9, minutes=10), **COLD
    )
    first, second = told["excursions"]
    assert (told["inside"], told["excursion_count"], told["gap_told"]) == (False, 2, True)
    assert (first["coldest"], first["warmest"], second["coldest"]) == (Decimal("8.01"), Decimal("12.5"), Decimal("1.9"))
    assert told["started_at"] == NOW - timedelta(hours=10)
    assert (first["from"] < first["until"], second["from"] == second["until"]) == (True, True)
    element = {"type": "ObjectEvent", "action": "OBSERVE", "epcList": [], "readPoint": {"id": "x:y"}}
    (sensors,) = sensor_elements(told)
    assert not find_rule_faults(element | {"sensorElementList": [sensors]})
    assert sensors["sensorReport"][0]["exception"] == "ALARM_CONDITION"


def test_a_log_sent_twice_is_one_and_belongs_to_its_acceptance(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(OrganisationKind.PHARMACY)
    mine = an_acceptance(town, shop, "A1")
    one, other = (
        town.do(file_log, town.command(shop, key="k"), objects=objects, upload=log_of(4), acceptance=mine, **COLD)
        for _ in range(2)
    )
    assert one == other
    with town.store.reading() as session:
        assert session.scalar(select(func.count()).select_from(temperature_log)) == 1
        assert [log["id"] for log in logs_of(session, actor=shop, acceptance=mine)] == [one["id"]]


def test_nobody_elses_acceptance_or_log_is_seen(town: Town, objects: FolderObjects) -> None:
    shop, other = (town.organisation(OrganisationKind.PHARMACY) for _ in range(2))
    theirs = an_acceptance(town, other, "A2")
    assert town.refuses(
        NotFound, file_log, town.command(shop), objects=objects, upload=log_of(4), acceptance=theirs, **COLD
    )
    told = town.do(file_log, town.command(shop), objects=objects, upload=log_of(4), **COLD)
    assert town.refuses(NotFound, get_log, actor=other, public_id=told["id"])


def test_a_log_that_ends_tomorrow_is_refused(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(OrganisationKind.PHARMACY)
    assert town.refuses(Invalid, file_log, town.command(shop), objects=objects, upload=log_of(4, hours_ago=-1), **COLD)


def test_warm_hours_weigh_more_in_the_mean_kinetic_temperature() -> None:
    assert mean_kinetic([500] * 10, ENERGY) == 500
    # By hand, with 10,000 K for the energy by R: exp(-35.952) and exp(-33.540), in the mean exp(-34.147), so 292.85 K.
    assert mean_kinetic([500, 2500], ENERGY) == pytest.approx(1970, abs=1)


def test_a_thinned_curve_loses_no_peak() -> None:
    readings = [Reading(NOW + timedelta(minutes=n), 400 + n % 7) for n in range(10_000)]
    readings[7_777] = Reading(readings[7_777].at, 2_500)
    points = thinned(readings, 400)
    assert len(points) <= 400
    assert (7_777 * 60, 2_500) in points
    assert points == sorted(points)


def test_an_excursion_lasts_until_the_next_reading_inside() -> None:
    at = [NOW + timedelta(minutes=n) for n in range(5)]
    readings = [Reading(at[0], 900), Reading(at[1], 500), Reading(at[2], 100), Reading(at[3], 150), Reading(at[4], 200)]
    found = [(one.begin, one.until, one.coldest, one.warmest) for one in excursions(readings, Bounds(200, 800))]
    assert found == [(at[0], at[1], 900, 900), (at[2], at[4], 100, 150)]
