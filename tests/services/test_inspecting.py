"""The look at what arrives: papers present, missing or expired; accept, hold or refuse, with reasons."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from storage.tables import lot, receipt
from tests.services.deliveries import delivered, read, refused
from tests.town import STRANGER, Town
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.delivery import expected
from trace.services.dispensing import dispense
from trace.services.hops import Some
from trace.services.inspecting import look_at_delivery
from trace.services.receiving import Decision, Line, Supplier, receive

K = OrganisationKind
Papers = CertificateKind


def looked(town: Town, shop: Actor, supplier: Supplier, line: Line) -> dict[str, Any]:
    """How a line would stand, and that looking keeps nothing."""
    before = (town.count(receipt), town.count(lot))
    with town.store.writing() as session:
        (card,) = look_at_delivery(session, town.command(shop, hours=8), supplier=supplier, lines=[line])
        session.rollback()
    assert (town.count(receipt), town.count(lot)) == before
    return dict(card)


@pytest.mark.parametrize(
    ("days_issued", "days_valid", "state"),
    [(1, None, "present"), (1, 0, "present"), (9, 1, "expired"), (None, None, "missing")],
)
def test_papers_are_present_missing_or_expired_on_the_day_of_receipt(
    town: Town, days_issued: int | None, days_valid: int | None, state: str
) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.lot(farm, town.product(farm))
    if days_issued is not None:
        until = None if days_valid is None else town.day(days_valid)
        town.paper(farm, Papers.COMMITMENT, made, issued_on=town.day(days_issued), valid_until=until)
    town.send(farm, shop, Some(made, Decimal(10)))
    supplier, line = Supplier(public_id=town.id_of(farm)), Line(code=made, amount=Decimal(10))
    (paper,) = looked(town, shop, supplier, line)["papers"]
    assert (paper["satisfied_by"], paper["expired"]) == {
        "present": ("commitment_certificate", []),
        "expired": (None, ["commitment_certificate"]),
        "missing": (None, []),
    }[state]
    if state == "present":
        town.arrive(farm, shop, line)
    else:
        assert "reason" in str(refused(town, Conflict, shop, supplier, line))


def test_a_paper_filed_at_the_gate_counts(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), lot_number="A1", amount=Decimal(5))
    failure = refused(town, Conflict, shop, STRANGER, line)
    assert failure.field == "lines.0.reason"
    paper = town.paper(shop, Papers.COMMITMENT)
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[replace(line, certificates=(paper,))])
    # Neither a licence on file, nor anybody who looked at this supplier.
    assert [f["rule"] for f in read(town, shop, done["id"])["lines"][0]["findings"]] == ["R2", "FIRST"]


def test_another_organisations_paper_is_no_paper(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    line = Line(product=town.product(shop), amount=Decimal(5), certificates=(town.paper(other, Papers.COMMITMENT),))
    hidden = refused(town, NotFound, shop, STRANGER, line)
    absent = refused(town, NotFound, shop, STRANGER, replace(line, certificates=("0" * 26,)))
    assert hidden.message == absent.message
    assert hidden.field == "lines.0.certificates.0"


def test_what_lacks_a_paper_is_accepted_with_a_reason_or_held(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    one, two = town.lot(farm, town.product(farm)), town.lot(farm, town.product(farm))
    town.send(farm, shop, Some(one, Decimal(10)), Some(two, Decimal(10)))
    done = town.arrive(
        farm, shop,
        Line(code=one, amount=Decimal(10), reason="certificate shown on the phone"),
        Line(code=two, amount=Decimal(10), decision=Decision.HOLD),
    )  # fmt: skip
    assert [line["decision"] for line in read(town, shop, done["id"])["lines"]] == ["accept", "hold"]
    assert (town.stock(shop, one), town.stock(shop, two)) == ((10, 0), (0, 10))


def test_expired_goods_are_not_accepted_whatever_the_reason(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), lot_number="A1", amount=Decimal(5), expires_on=town.day(1), reason="cheap")
    failure = refused(town, Conflict, shop, STRANGER, line)
    assert (failure.field, failure.details["rule"]) == ("lines.0.decision", "R7")
    done = town.do(
        receive, town.command(shop), supplier=STRANGER, lines=[replace(line, decision=Decision.REFUSE, reason="")]
    )
    assert read(town, shop, done["id"])["lines"][0]["decision"] == "refuse"


def test_holding_or_refusing_good_goods_needs_a_reason(town: Town) -> None:
    farm, shop, made = delivered(town)
    supplier = Supplier(public_id=town.id_of(farm))
    for decision in (Decision.HOLD, Decision.REFUSE):
        line = Line(code=made, amount=Decimal(40), decision=decision)
        assert refused(town, Invalid, shop, supplier, line).field == "lines.0.reason"


def test_a_mere_remark_is_no_reason_for_holding_or_refusing(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made, supplier = town.grown(farm), Supplier(public_id=town.id_of(farm))
    town.know(shop, farm)
    assert [f["severity"] for f in looked(town, shop, supplier, Line(code=made, amount=Decimal(5)))["findings"]] == [
        "warn"  # the farm has not recorded sending it
    ]
    for decision in (Decision.HOLD, Decision.REFUSE):
        line = Line(code=made, amount=Decimal(5), decision=decision)
        assert refused(town, Invalid, shop, supplier, line).field == "lines.0.reason"
    town.arrive(farm, shop, Line(code=made, amount=Decimal(5), decision=Decision.HOLD, reason="no note came"))


def test_refused_goods_are_on_their_way_back(town: Town) -> None:
    farm, shop, made = delivered(town)
    line = Line(code=made, amount=Decimal(40), decision=Decision.REFUSE, reason="crushed")
    town.arrive(farm, shop, line)
    assert town.stock(shop, made) == (0, 0)
    assert town.do(expected, actor=shop) == []
    (coming,) = town.do(expected, actor=farm)
    assert (coming["lot"], coming["amount"]) == (made, 40)
    town.do(
        receive, town.command(farm), supplier=Supplier(public_id=town.id_of(shop)),
        lines=[Line(code=made, amount=Decimal(40))],
    )  # fmt: skip
    assert town.stock(farm, made) == (100, 0)


def test_a_box_that_a_pharmacy_sold_is_not_simply_accepted_by_another(town: Town) -> None:
    shop, other, (code,) = (
        town.organisation(K.PHARMACY, role=Role.PHARMACIST),
        town.organisation(K.PHARMACY),
        town.packs(1),
    )
    made = town.drugs_at(shop, (code,))
    town.do(dispense, town.command(shop, hours=5), codes=[code])
    supplier = town.organisation(K.DRUG_DISTRIBUTOR)
    line = Line(code=made, codes=(code,), certificates=(town.paper(other, CertificateKind.DELIVERY_NOTE),))
    with pytest.raises(Conflict) as found:
        town.arrive(supplier, other, line)
    assert "diverted or copied" in str(found.value)
    assert found.value.field == "lines.0.reason"
    assert town.stock(other, code) == (0, 0)


def test_a_quantity_typed_beside_the_codes_is_compared_with_them(town: Town) -> None:
    shop, maker, packs = town.organisation(K.PHARMACY), town.organisation(K.DRUG_MAKER), town.packs(2)
    made = town.lot(maker, town.drug(maker), 2, packs, expires_on=town.day(-300))
    town.send(maker, shop, *(Some(code) for code in packs))
    supplier = Supplier(public_id=town.id_of(maker))
    told = {}
    for amount in (None, Decimal(2), Decimal(3)):
        lines = [Line(code=made, codes=packs, amount=amount)]
        (card,) = town.do(look_at_delivery, town.command(shop), supplier=supplier, lines=lines)
        told[amount] = [found["values"] for found in card["findings"] if found["rule"] == "NOTE"]
        assert card["amount"] == 2
    assert told == {None: [], Decimal(2): [], Decimal(3): [{"note": "3", "came": "2"}]}
