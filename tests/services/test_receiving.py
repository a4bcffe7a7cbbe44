"""Goods received: a delivery whole or not at all, compared with what was sent, judged by its papers."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import delete, update

from storage.tables import organisation, product_check, receipt
from tests.services.deliveries import delivered, read, refused, with_codes
from tests.town import NOW, STRANGER, Town
from trace.domain.codes import parse_code
from trace.domain.drugs import maker_code_uri
from trace.domain.failures import Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services import hops
from trace.services.commands import stamp_of
from trace.services.delivery import expected
from trace.services.drug_file import learn
from trace.services.hops import Some
from trace.services.inspecting import look_at_delivery
from trace.services.look_up_log import list_look_ups
from trace.services.products import find_product
from trace.services.receipts import list_receipts
from trace.services.receiving import Line, Supplier, receive

K = OrganisationKind
Papers = CertificateKind


# ---- the record ----------------------------------------------------------------------------------------------------


def test_a_delivery_becomes_a_record_an_event_and_stock(town: Town) -> None:
    farm, shop, made = delivered(town)
    line = Line(code=made, amount=Decimal("39.5"), price=Decimal("3.2"))
    done = town.arrive(farm, shop, line, delivery_note="N7")
    record = read(town, shop, done["id"])
    assert record["supplier"]["name"] == farm.organisation_name
    assert record["delivery_note"] == "N7"
    (kept,) = record["lines"]
    assert (kept["lot"], kept["amount"], kept["unit"], kept["price"]) == (made, Decimal("39.5"), "KGM", Decimal("3.2"))
    assert (kept["decision"], kept["findings"]) == ("accept", [])
    assert town.stock(shop, made) == (Decimal("39.5"), 0)
    assert town.do(expected, actor=shop) == []  # half a kilogram of forty is what two scales differ by (test_transit)


def test_the_event_of_a_receipt_names_supplier_note_and_temperature(town: Town) -> None:
    farm, shop, made = delivered(town)
    command = town.command(shop, key="r1", hours=8)
    town.do(
        receive, command, supplier=Supplier(public_id=town.id_of(farm)), delivery_note="N7",
        lines=[Line(code=made, amount=Decimal(40), celsius=Decimal("3.5"))],
    )  # fmt: skip
    event_id = town.do(stamp_of, command).common()["event_id"]
    (document,) = town.events(event_id)
    assert (document["bizStep"], document["disposition"]) == ("receiving", "in_progress")
    assert {s["source"] for s in document["sourceList"]} == {farm.party_uri}
    assert document["bizTransactionList"][0]["type"] == "desadv"
    (report,) = document["sensorElementList"][0]["sensorReport"]
    assert (report["type"], report["value"], report["uom"]) == ("Temperature", Decimal("3.5"), "CEL")


def test_a_supplier_off_the_system_needs_name_address_and_contact(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), amount=Decimal(5), reason="known for years")
    for name in ("name", "address", "contact"):
        failure = refused(town, Invalid, shop, replace(STRANGER, **{name: " "}), line)
        assert failure.field == f"supplier.{name}"
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    assert read(town, shop, done["id"])["supplier"]["address"] == STRANGER.address


def test_goods_without_a_lot_number_get_one(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), amount=Decimal(5), reason="no label")
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    (kept,) = read(town, shop, done["id"])["lines"]
    assert kept["lot_number"].startswith(f"{NOW:%Y%m%d}-")


def test_what_a_label_says_stands_where_nothing_was_typed(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code="6901234567892")
    line = Line(product=product, code="(01)06901234567892(17)270131(10)A1", amount=Decimal(5), reason="no report yet")
    done = town.do(receive, town.command(shop), supplier=STRANGER, lines=[line])
    (kept,) = read(town, shop, done["id"])["lines"]
    assert (kept["lot_number"], kept["expires_on"].isoformat()) == ("A1", "2027-01-31")


def test_what_was_typed_has_to_agree_with_the_lots_record(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.grown(farm, expires_on=town.day(-5))
    town.send(farm, shop, Some(made, Decimal(40)))
    line = Line(code=made, amount=Decimal(40), expires_on=town.day(-50))
    failure = refused(town, Conflict, shop, Supplier(public_id=town.id_of(farm)), line)
    assert failure.field == "lines.0.expires_on"


def test_a_delivery_is_recorded_whole_or_not_at_all(town: Town) -> None:
    farm, shop, made = delivered(town)
    lines = (Line(code=made, amount=Decimal(40)), Line(product=town.product(shop), amount=Decimal(0)))
    assert refused(town, Invalid, shop, Supplier(public_id=town.id_of(farm)), *lines).field == "lines.1.amount"
    assert town.stock(shop, made) == (0, 0)


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (Line(amount=Decimal(5)), "lines.0.product"),
        (Line(code="https://id.gs1.org/01/06901234567892/10/NONE", amount=Decimal(5)), "lines.0.code"),
        (Line(product="0" * 26, amount=Decimal(5)), "lines.0.product"),
        (Line(code="hello", amount=Decimal(5)), "lines.0.code"),
    ],
)
def test_a_line_that_names_nothing_is_told_which_field(town: Town, line: Line, field: str) -> None:
    assert refused(town, (Invalid, NotFound), town.organisation(), STRANGER, line).field == field  # type: ignore[arg-type]


def test_goods_do_not_come_from_oneself_or_from_the_future(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), amount=Decimal(5), reason="known")
    assert refused(town, Invalid, shop, Supplier(public_id=town.id_of(shop)), line).field == "supplier.id"
    tomorrow = replace(line, produced_on=town.day(-1))
    assert refused(town, Invalid, shop, STRANGER, tomorrow).field == "lines.0.produced_on"
    command = replace(town.command(shop), happened_at=NOW + timedelta(days=1))
    with pytest.raises(Invalid, match="happened already"):
        town.do(receive, command, supplier=STRANGER, lines=[line])
    assert town.count(receipt) == 0


def test_the_same_goods_on_two_lines_are_refused(town: Town) -> None:
    farm, shop, made = delivered(town)
    lines = (Line(code=made, amount=Decimal(10)), Line(code=made, amount=Decimal(30)))
    assert refused(town, Invalid, shop, Supplier(public_id=town.id_of(farm)), *lines).field == "lines.1"


# ---- compared with what was sent -----------------------------------------------------------------------------------


def test_a_delivery_received_twice_is_refused(town: Town) -> None:
    farm, shop, made = delivered(town)
    line = Line(code=made, amount=Decimal(40))
    town.arrive(farm, shop, line)
    failure = refused(town, Conflict, shop, Supplier(public_id=town.id_of(farm)), line)
    assert "received already" in str(failure)
    assert town.stock(shop, made) == (40, 0)


def test_a_strangers_lot_received_twice_is_refused_unless_it_is_another_delivery(town: Town) -> None:
    shop = town.organisation()
    line = Line(product=town.product(shop), lot_number="A1", amount=Decimal(5), reason="known for years")
    first = town.do(receive, town.command(shop, hours=9), supplier=STRANGER, lines=[line], delivery_note="N1")
    failure = refused(town, Conflict, shop, STRANGER, line, delivery_note="N1")
    assert (failure.field, failure.details) == ("delivery_note", {"receipt": first["id"]})
    town.do(receive, town.command(shop), supplier=STRANGER, lines=[line], delivery_note="N2")


def test_a_delivery_may_come_in_parts(town: Town) -> None:
    farm, shop, made = delivered(town, "40")
    town.arrive(farm, shop, Line(code=made, amount=Decimal(15)))
    assert town.do(expected, actor=shop)[0]["amount"] == 25
    town.arrive(farm, shop, Line(code=made, amount=Decimal(25)))
    assert town.do(expected, actor=shop) == []
    assert town.stock(shop, made) == (40, 0)


def test_two_scales_may_differ_by_two_percent(town: Town) -> None:
    farm, shop, made = delivered(town, "100")
    supplier = Supplier(public_id=town.id_of(farm))
    failure = refused(town, Conflict, shop, supplier, Line(code=made, amount=Decimal("102.000001")))
    assert failure.field == "lines.0.amount"
    town.arrive(farm, shop, Line(code=made, amount=Decimal(102)))
    assert town.stock(shop, made) == (102, 0)


def test_what_the_sender_has_not_recorded_is_received_with_a_remark(town: Town) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.grown(farm)
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(5)))
    (kept,) = read(town, shop, done["id"])["lines"]
    assert [(finding["rule"], finding["severity"]) for finding in kept["findings"]] == [("TRACE", "warn")]
    assert kept["findings"][0]["source"] == "食品安全法实施条例 Art. 18"


def test_a_case_arrives_with_what_was_packed_into_it(town: Town) -> None:
    maker, shop = town.organisation(K.DRUG_MAKER), town.organisation(K.PHARMACY)
    packs, (case,) = town.packs(3), town.packs(1)
    made = town.lot(maker, town.drug(maker), 3, packs, expires_on=town.day(-300))
    for kind in (Papers.DRUG_TEST_REPORT, Papers.DELIVERY_NOTE):
        town.paper(maker, kind, made)
    town.do(hops.pack, town.command(maker, hours=12), container=case, goods=[Some(code) for code in packs])
    town.do(hops.ship, town.command(maker, hours=11), receiver=town.id_of(shop), containers=[case])
    done = town.arrive(maker, shop, Line(container=case))
    assert [town.stock(shop, code) for code in packs] == [(1, 0)] * 3
    (kept,) = read(town, shop, done["id"])["lines"]
    assert (kept["lot"], kept["amount"], kept["unit"]) == (made, 3, "EA")


# ---- trace codes ---------------------------------------------------------------------------------------------------


def a_drug(town: Town, shop: Actor) -> Line:
    """A line of a drug with all that the law asks, but the supplier's licence."""
    papers = (town.paper(shop, Papers.DRUG_TEST_REPORT), town.paper(shop, Papers.DELIVERY_NOTE))
    drug = town.drug(shop)
    town.know_drugs(shop)
    return Line(product=drug, lot_number="B1", expires_on=town.day(-300), certificates=papers)


def a_distributor(town: Town, shop: Actor) -> Supplier:
    """One that the shop has looked at before."""
    distributor = town.organisation(K.DRUG_DISTRIBUTOR)
    town.know(shop, distributor)
    return Supplier(public_id=town.id_of(distributor))


def test_trace_codes_are_logged_one_by_one_and_their_identifier_is_learnt(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(3)
    line = with_codes(a_drug(town, shop), packs)
    town.do(receive, town.command(shop, hours=3), supplier=a_distributor(town, shop), lines=[line])
    assert [town.stock(shop, code) for code in packs] == [(1, 0)] * 3
    with town.store.reading() as session:
        found = find_product(session, actor=shop, code=parse_code(packs[0].rpartition("/")[2]))
    assert found is not None
    assert found["id"] == line.product


def test_an_identifier_that_the_file_does_not_know_is_asked_about(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(2)
    supplier, line = a_distributor(town, shop), replace(a_drug(town, shop), codes=packs)
    failure = refused(town, Invalid, shop, supplier, line)
    identifier = packs[0].rpartition("/")[2][:7]
    assert (failure.field, failure.details) == ("lines.0.new_identifiers", {"new_identifiers": [identifier]})
    with town.store.writing() as session:  # and looking at the line says so, too
        (card,) = look_at_delivery(session, town.command(shop), supplier=supplier, lines=[line])
    assert card["new_identifiers"] == [identifier]


def test_makers_own_codes_are_received_once_somebody_says_how_they_begin(town: Town) -> None:
    shop, codes = town.organisation(K.PHARMACY), tuple(f"HX2025{n:010d}" for n in range(3))
    supplier, line = a_distributor(town, shop), replace(a_drug(town, shop), codes=codes)
    assert refused(town, Invalid, shop, supplier, line).details == {"new_identifiers": ["HX2025000000"]}
    town.do(receive, town.command(shop), supplier=supplier, lines=[replace(line, new_identifiers=("HX2025",))])
    assert town.stock(shop, maker_code_uri(codes[0])) == (1, 0)


def test_a_pack_whose_code_says_another_lot_or_expiry_is_refused(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    supplier, line = a_distributor(town, shop), a_drug(town, shop)
    day = f"{line.expires_on:%y%m%d}"
    gs1 = [f"(01)06901234567892(21)S{n}(10){lot}(17){ends}" for n, (lot, ends) in enumerate((
        ("B1", day), ("B2", day), ("B1", "280101"),
    ))]  # fmt: skip
    line = replace(line, new_identifiers=("https://id.gs1.org/01/06901234567892",))
    for wrong in gs1[1:]:
        assert refused(town, Invalid, shop, supplier, replace(line, codes=(gs1[0], wrong))).field == "lines.0.codes"
    town.do(receive, town.command(shop), supplier=supplier, lines=[replace(line, codes=(gs1[0],))])


def test_a_cases_code_is_no_pack(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(1)
    supplier, line = a_distributor(town, shop), replace(a_drug(town, shop), codes=packs)
    said = {"identifier": packs[0].rpartition("/")[2][:7], "product": line.product, "level": 3}
    town.do(learn, town.command(shop), **said)
    assert "relation file" in str(refused(town, Invalid, shop, supplier, line))


def test_codes_of_another_product_are_refused(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(2)
    supplier = a_distributor(town, shop)
    town.do(receive, town.command(shop), supplier=supplier, lines=[with_codes(a_drug(town, shop), packs[:1])])
    failure = refused(town, Invalid, shop, supplier, with_codes(a_drug(town, shop), packs[1:]))
    assert failure.field == "lines.0.codes"


def test_codes_that_are_here_already_are_refused(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(2)
    supplier, line = a_distributor(town, shop), with_codes(a_drug(town, shop), packs)
    town.do(receive, town.command(shop), supplier=supplier, lines=[line])
    failure = refused(town, Conflict, shop, supplier, line, delivery_note="another")
    assert (failure.field, failure.values["count"]) == ("lines.0.codes", 2)


def test_a_drug_without_codes_needs_a_reason(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    supplier, line = a_distributor(town, shop), replace(a_drug(town, shop), amount=Decimal(4))
    assert refused(town, Conflict, shop, supplier, line).details["rule"] == "R9"
    town.do(receive, town.command(shop), supplier=supplier, lines=[replace(line, no_code_reason="legacy")])


def test_a_drug_that_is_bought_for_the_first_time_takes_its_file_or_two_people(town: Town) -> None:
    """首营品种, on the plain form as in acceptance; what one shop of a chain bought is new to none of them."""
    head, shop = town.organisation(K.PHARMACY_HEADQUARTERS), town.organisation(K.PHARMACY)
    mine = organisation.c.id == shop.organisation
    town.by_hand(update(organisation).where(mine).values(headquarters=head.organisation))
    supplier, packs = a_distributor(town, shop), town.packs(2)
    line = replace(with_codes(a_drug(town, shop), packs[:1]), product=town.drug(shop), reason="new")
    failure = refused(town, Conflict, shop, supplier, line)
    assert (failure.details["rule"], failure.details["override"]) == ("PRODUCT", "two_people")
    with town.store.writing() as session:
        (card,) = look_at_delivery(session, town.command(shop), supplier=supplier, lines=[line])
    assert [one["rule"] for one in card["findings"] if one["severity"] == "hold"] == ["PRODUCT"]
    town.know_drugs(head)  # the headquarters looks at products for its shops
    town.do(receive, town.command(shop), supplier=supplier, lines=[line])
    town.by_hand(delete(product_check))
    town.do(receive, town.command(shop), supplier=supplier, lines=[replace(line, codes=packs[1:])], delivery_note="N2")


def test_a_single_packs_own_code_names_the_pack(town: Town) -> None:
    shop, packs = town.organisation(K.PHARMACY), town.packs(1)
    line = replace(a_drug(town, shop), code=packs[0], new_identifiers=(packs[0][-20:-13],))
    town.do(receive, town.command(shop), supplier=a_distributor(town, shop), lines=[line])
    assert town.stock(shop, packs[0]) == (1, 0)


def test_a_drug_of_a_supplier_without_licence_is_not_accepted(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    unlicensed = town.organisation(K.DRUG_DISTRIBUTOR, licensed=False)
    line = with_codes(a_drug(town, shop), town.packs(1))
    assert refused(town, Conflict, shop, Supplier(public_id=town.id_of(unlicensed)), line).details["rule"] == "R2"


# ---- who reads -----------------------------------------------------------------------------------------------------


def test_another_organisations_receipt_looks_like_one_that_does_not_exist(town: Town) -> None:
    farm, shop, made = delivered(town)
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    stranger = town.organisation()
    messages = []
    for public_id in (done["id"], "0" * 26):
        with pytest.raises(NotFound) as found:
            read(town, stranger, public_id)
        messages.append(found.value.message)
    assert messages[0] == messages[1]
    assert town.do(list_receipts, actor=stranger) == []


def test_an_inspector_reads_a_receipt_of_the_region_without_prices_and_it_is_written_down(town: Town) -> None:
    farm, shop, made = delivered(town)
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(40), price=Decimal(3)))
    city = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    elsewhere = town.organisation(K.REGULATOR, region="640100", role=Role.INSPECTOR)
    assert read(town, city, done["id"])["lines"][0]["price"] is None
    with pytest.raises(NotFound):
        read(town, elsewhere, done["id"])
    log = town.do(list_look_ups, actor=town.as_role(city, Role.AUDITOR))
    assert [(entry["what"], entry["subject"]) for entry in log] == [("receipt", done["id"])]


def test_a_shop_reading_its_own_receipt_is_not_watched(town: Town) -> None:
    farm, shop, made = delivered(town)
    done = town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    read(town, shop, done["id"])
    city = town.organisation(K.REGULATOR, region="640500", role=Role.AUDITOR)
    assert town.do(list_look_ups, actor=city) == []
