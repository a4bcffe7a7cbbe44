"""What the demonstration tells of pork and goji is what the trade does: papers, weights, prices, seasons."""

from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from storage.store import Store
from storage.tables import event_document, lot, product, receipt_line
from tests.conftest import BACKENDS, Databases, make_database
from tests.services.test_demonstration import NOON, load, public
from trace.domain.epcis.document import load_document
from trace.services.demonstration import Demonstration
from trace.services.demonstration_stories import last_goji_harvest
from trace.services.lookup import look_up


@pytest.fixture(scope="module", params=BACKENDS)
def told(request: pytest.FixtureRequest, databases: Databases) -> Iterator[tuple[Store, Demonstration]]:
    """The demonstration as it stands at noon; for tests that only look."""
    store, shown = load(make_database(databases, request.param), NOON)
    yield store, shown
    store.close()


def trace_as_inspector(store: Store, shown: Demonstration, name: str) -> dict[str, Any]:
    """What the inspector is told of a code as it stands in the list of pages to try."""
    from trace.services.keys import find_actor_by_key

    with store.writing() as session:  # a look is written down
        inspector = find_actor_by_key(session, shown.keys["inspector"])
        return look_up(session, actor=inspector, text=unquote(shown.codes[name]), now=NOON)


def test_each_paper_of_the_pork_stands_once_in_its_trace_and_the_cuts_cite_their_carcasses(
    told: tuple[Store, Demonstration],
) -> None:
    store, shown = told
    papers = trace_as_inspector(store, shown, "Pork 冷鲜猪后腿肉")["certificates"]
    numbers = [paper["number"] for paper in papers]
    assert sorted(numbers) == sorted(set(numbers))
    assert Counter((paper["kind"], paper["form"]) for paper in papers) == {
        ("commitment_certificate", "producer"): 2,
        ("quarantine_certificate", "animal_b"): 2,
        ("quarantine_certificate", "product"): 1,
        ("meat_inspection_certificate", ""): 1,
        ("asf_report", ""): 1,
    }


def test_live_pigs_travel_with_their_own_quarantine_certificate_which_ends_with_the_trip(
    told: tuple[Store, Demonstration],
) -> None:
    store, shown = told
    papers = trace_as_inspector(store, shown, "Pork 冷鲜猪后腿肉")["certificates"]
    slaughtered = NOON.date() - timedelta(days=5)
    animals = [(paper["issued_on"], paper["valid_until"]) for paper in papers if paper["form"] == "animal_b"]
    assert animals == [(slaughtered, slaughtered)] * 2
    assert [paper["valid_until"] for paper in papers if paper["form"] == "product"] == [None]


def test_no_delivery_from_somebody_on_the_system_leaves_anything_to_object_to(
    told: tuple[Store, Demonstration],
) -> None:
    store, _ = told
    with store.reading() as session:
        query = select(receipt_line.c.findings, receipt_line.c.decision)
        doubted = [(findings, decision) for findings, decision in session.execute(query) if findings]
    assert [decision for _, decision in doubted] == ["hold"], "only what the unknown trader brought"


def test_carcasses_become_cuts_with_little_loss(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        documents = [load_document(bytes(d)) for d in session.scalars(select(event_document.c.document))]
    (cutting,) = [d for d in documents if len(d.get("outputQuantityList", ())) > 1]
    into = sum(Decimal(str(some["quantity"])) for some in cutting["inputQuantityList"])
    out = [Decimal(str(some["quantity"])) for some in cutting["outputQuantityList"]]
    assert Decimal("0.02") <= 1 - sum(out) / into <= Decimal("0.03")
    assert [round(100 * cut / into) for cut in out[:2]] == [26, 20], "leg and belly"


def test_each_cut_has_its_own_price(told: tuple[Store, Demonstration]) -> None:
    store, _ = told
    with store.reading() as session:
        query = select(product.c.name, receipt_line.c.price).join(product, product.c.id == receipt_line.c.product)
        prices = dict(session.execute(query.where(receipt_line.c.price.is_not(None))).tuples().all())
    assert prices["冷鲜猪五花肉"] > prices["冷鲜猪后腿肉"] > 0


@pytest.mark.parametrize(
    ("today", "harvested"),
    [
        ("2026-01-01", "2025-10-31"),
        ("2026-05-31", "2025-10-31"),
        ("2026-06-01", "2026-06-01"),
        ("2026-08-15", "2026-08-15"),
        ("2026-10-31", "2026-10-31"),
        ("2026-11-01", "2026-10-31"),
        ("2026-12-31", "2026-10-31"),
    ],
)
def test_goji_are_harvested_in_their_season(today: str, harvested: str) -> None:
    assert last_goji_harvest(date.fromisoformat(today)) == date.fromisoformat(harvested)


def test_dried_goji_were_in_season_when_picked_keep_till_next_year_and_left_this_morning(
    told: tuple[Store, Demonstration],
) -> None:
    store, shown = told
    with store.reading() as session:
        query = select(product.c.name, lot.c.produced_on, lot.c.expires_on).join(product, product.c.id == lot.c.product)
        made = {name: (produced, expires) for name, produced, expires in session.execute(query)}
    assert made["中宁枸杞鲜果"] == (date(2026, 10, 31), None)
    assert made["中宁枸杞干果"] == (date(2026, 11, 3), date(2028, 5, 4))
    timeline = public(store, shown.codes["Goji 枸杞干果"])["timeline"]
    assert [(entry["step"], entry["day"]) for entry in timeline] == [
        ("commissioning", date(2026, 10, 31)),
        ("commissioning", date(2026, 11, 3)),
        ("shipping", NOON.date()),
    ]
