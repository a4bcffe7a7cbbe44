"""The files of suppliers: opened by deliveries or by hand, licences, the first-delivery check, standing, who reads."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from storage.tables import correction, receipt, supplier
from tests.services.deliveries import delivered, read, refused, with_codes
from tests.services.test_concurrency import at_once, conflicts
from tests.town import NOW, STRANGER, Town
from trace.domain.failures import Conflict, Forbidden, Invalid, NotFound
from trace.domain.papers import CertificateKind as Papers
from trace.domain.papers import Severity
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.domain.rules.book import shipped
from trace.domain.rules.receiving import Arrival
from trace.domain.rules.suppliers import check_first_delivery
from trace.domain.suppliers import Standing, name_key
from trace.services.look_up_log import list_look_ups
from trace.services.receiving import Decision, Line, Supplier, receive
from trace.services.supplier_list import get_supplier, list_suppliers
from trace.services.suppliers import change_file, file_licence, open_file, record_first_check

K = OrganisationKind
REASONED = {"reason": "known for years"}


def files(town: Town, actor: Actor) -> list[dict[str, Any]]:
    return list(town.do(list_suppliers, actor=actor, now=NOW))


def card(town: Town, actor: Actor, public_id: str) -> dict[str, Any]:
    return dict(town.do(get_supplier, actor=actor, public_id=public_id, now=NOW))


def strangers_line(town: Town, shop: Actor, **more: Any) -> Line:
    values = {"lot_number": "A1", "amount": Decimal(5), **REASONED, **more}
    return Line(product=town.product(shop), **values)


def a_file(town: Town, shop: Actor, **more: Any) -> str:
    values = {"name": "张家菜园（演示）", "address": "沙坡头区", "contact": "0955-7000199", **more}
    return str(town.do(open_file, town.command(shop), **values)["id"])


def rules_of(town: Town, shop: Actor, supplier: Supplier, line: Line) -> list[str]:
    done = town.do(receive, town.command(shop), supplier=supplier, lines=[line], delivery_note=line.lot_number)
    return [finding["rule"] for finding in read(town, shop, done["id"])["lines"][0]["findings"]]


# ---- files ---------------------------------------------------------------------------------------------------------


def test_the_first_delivery_opens_a_file_and_the_next_goes_into_it(town: Town) -> None:
    shop = town.organisation()
    for note in ("N1", "N2"):
        line = strangers_line(town, shop, lot_number=note)
        town.do(receive, town.command(shop), supplier=STRANGER, lines=[line], delivery_note=note)
    (kept,) = files(town, shop)
    assert (kept["name"], kept["address"], kept["standing"]) == (STRANGER.name, STRANGER.address, "ordinary")
    assert kept["last_delivery"] == NOW
    assert len(card(town, shop, kept["id"])["deliveries"]) == 2


def test_a_file_of_an_organisation_on_the_system_tells_what_it_says_itself(town: Town) -> None:
    farm, shop, made = delivered(town)
    opened = a_file(town, shop, name=farm.organisation_name)
    town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    (kept,) = files(town, shop)
    assert (kept["id"], kept["organisation"], kept["kind"]) == (opened, town.id_of(farm), "farm")
    assert [change["field"] for change in card(town, shop, opened)["changes"]][-2:] == ["partner", "file"]
    failure = town.refuses(
        Invalid, change_file, town.command(shop), public_id=opened, changes={"address": "elsewhere"}, reason="moved"
    )
    assert failure.field == "address"


def test_goods_are_received_by_the_id_that_the_list_of_suppliers_gives(town: Town) -> None:
    farm, shop, made = delivered(town)
    known, typed = a_file(town, shop, name=farm.organisation_name), a_file(town, shop)
    town.arrive(farm, shop, Line(code=made, amount=Decimal(40)))
    for number, listed in enumerate((known, typed)):
        asked = {"supplier": Supplier(listed), "lines": [strangers_line(town, shop, lot_number=f"A{number}")]}
        done = town.do(receive, town.command(shop), delivery_note=f"N{number}", **asked)
        assert read(town, shop, done["id"])["supplier"]["name"] == card(town, shop, listed)["name"]
        assert done["id"] in {delivery["id"] for delivery in card(town, shop, listed)["deliveries"]}
    assert len(files(town, shop)) == 2
    stranger, line = town.organisation(), strangers_line(town, shop, lot_number="A3")
    for nobody in (a_file(town, stranger), "0" * 26):
        assert nobody in str(refused(town, NotFound, shop, Supplier(nobody), line))


def test_two_clerks_receive_from_a_new_supplier_and_there_is_one_file(town: Town) -> None:
    """The unique key (organisation, name) decides."""
    shop = town.organisation()
    lines = [strangers_line(town, shop, lot_number=f"A{n}") for n in range(4)]
    answers = at_once(
        *[
            lambda line=line: town.do(
                receive, town.command(shop), supplier=STRANGER, lines=[line], delivery_note=line.lot_number
            )
            for line in lines
        ]
    )
    assert all(isinstance(answer, dict) for answer in answers), answers
    assert (town.count(supplier), town.count(receipt)) == (1, 4)
    assert card(town, shop, files(town, shop)[0]["id"])["deliveries"][3:]


def test_a_second_file_of_one_name_is_refused_and_the_same_key_answers_alike(town: Town) -> None:
    shop = town.organisation()
    first = town.do(open_file, town.command(shop, "k1"), name="甲", address="中卫")
    assert town.do(open_file, town.command(shop, "k1"), name="甲", address="中卫") == first
    assert town.refuses(Conflict, open_file, town.command(shop), name="甲").field == "name"


def test_every_change_of_a_file_is_kept_with_the_reason_the_person_and_the_device(town: Town) -> None:
    shop = town.organisation()
    opened = a_file(town, shop)
    command = town.command(shop)
    town.do(change_file, command, public_id=opened, changes={"contact": "0955-1", "address": "沙坡头区"},
            reason="new telephone", device="Chrome, Android")  # fmt: skip
    latest = card(town, shop, opened)["changes"][0]
    assert (latest["field"], latest["old"], latest["new"]) == ("contact", "0955-7000199", "0955-1")
    assert (latest["reason"], latest["device"], latest["at"]) == ("new telephone", "Chrome, Android", NOW)
    with town.store.reading() as session:
        assert len(session.execute(select(correction)).all()) == 2  # opened, and the one field that changed


def test_a_credit_code_that_is_too_long_is_refused_whatever_the_reason(town: Town) -> None:
    shop = town.organisation()
    long = {"uscc": "9" * 19, "override_reason": "stands so on the licence"}
    assert town.refuses(Invalid, open_file, town.command(shop), name="乙", **long).field == "uscc"
    opened = a_file(town, shop, name="丙")
    change = {"public_id": opened, "changes": {"uscc": "9" * 19}, "reason": "x", "override_reason": "x"}
    assert town.refuses(Invalid, change_file, town.command(shop), **change).field == "uscc"


def test_a_doubtful_number_is_taken_with_a_reason_only(town: Town) -> None:
    """R20: real numbers fail; whoever goes on says why."""
    shop, wrong = town.organisation(), "91640502MA7TE5T19X"
    failure = town.refuses(Invalid, open_file, town.command(shop), name="乙", uscc=wrong)
    assert (failure.field, failure.details["rule"]) == ("uscc", "R20")
    opened = a_file(town, shop, name="乙", uscc=wrong, override_reason="stands so on the licence")
    kept = card(town, shop, opened)
    assert (kept["uscc"], kept["changes"][0]["reason"]) == (wrong, "stands so on the licence")
    licence = {"public_id": opened, "kind": LicenceKind.FOOD_BUSINESS, "number": "JY16405020000021"}
    assert town.refuses(Invalid, file_licence, town.command(shop), **licence).field == "number"
    town.do(file_licence, town.command(shop), **licence, override_reason="read twice")
    assert card(town, shop, opened)["licences"][0]["override_reason"] == "read twice"


def test_a_number_that_is_right_needs_no_reason(town: Town) -> None:
    shop = town.organisation()
    opened = a_file(town, shop, name="丙", uscc="91640502ma7te5t19m")
    assert card(town, shop, opened)["uscc"] == "91640502MA7TE5T19M"


# ---- licences (R2) -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "days", "found"),
    [
        (LicenceKind.FOOD_BUSINESS, 0, False),  # valid on its last day
        (LicenceKind.FOOD_BUSINESS, 1, True),  # ended yesterday
        (LicenceKind.BUSINESS, -365, True),  # a business licence alone entitles to no food
    ],
)
def test_a_licence_in_the_suppliers_file_counts_on_the_day_of_receipt(
    town: Town, kind: LicenceKind, days: int, found: bool
) -> None:
    shop = town.organisation()
    number = "JY16405020000016" if kind is LicenceKind.FOOD_BUSINESS else "91640502MA7TE5T19M"
    opened = a_file(town, shop)
    town.do(file_licence, town.command(shop), public_id=opened, kind=kind, number=number, expires_on=town.day(days))
    assert ("R2" in rules_of(town, shop, STRANGER, strangers_line(town, shop))) is found


def test_a_farmer_in_the_file_needs_no_licence_and_a_renewal_keeps_its_number(town: Town) -> None:
    shop = town.organisation()
    opened = a_file(town, shop, kind=K.FARM)
    assert "R2" not in rules_of(town, shop, STRANGER, strangers_line(town, shop))
    licence = {"public_id": opened, "kind": LicenceKind.FOOD_PRODUCTION, "number": "SC10464050200016"}
    for days in (10, -365):
        town.do(file_licence, town.command(shop), **licence, expires_on=town.day(days))
    (kept,) = card(town, shop, opened)["licences"]
    assert kept["expires_on"] == town.day(-365)
    assert f"SC10464050200016 {town.day(10)}" in [change["old"] for change in card(town, shop, opened)["changes"]]


# ---- first-delivery check ------------------------------------------------------------------------------------------


def test_until_the_first_delivery_check_is_done_each_receipt_says_so(town: Town) -> None:
    shop, opened = (at := town.organisation()), a_file(town, at)
    assert "FIRST" in rules_of(town, shop, STRANGER, strangers_line(town, shop))
    items = card(town, shop, opened)["check"]["items"]
    half = town.do(record_first_check, town.command(shop), public_id=opened, seen=items[:2])
    assert (half["done"], half["missing"]) == (False, items[2:])
    assert "FIRST" in rules_of(town, shop, STRANGER, strangers_line(town, shop, lot_number="A2"))
    done = town.do(record_first_check, town.command(shop), public_id=opened, seen=items, remark="seen at the gate")
    assert done["done"] is True
    assert "FIRST" not in rules_of(town, shop, STRANGER, strangers_line(town, shop, lot_number="A3"))
    assert card(town, shop, opened)["check"]["at"] == NOW


def test_drugs_of_a_supplier_nobody_looked_at_are_not_accepted_alone(town: Town) -> None:
    shop, seller = town.organisation(K.PHARMACY), town.organisation(K.DRUG_DISTRIBUTOR)
    papers = tuple(town.paper(shop, kind) for kind in (Papers.DRUG_TEST_REPORT, Papers.DELIVERY_NOTE))
    line = Line(product=town.drug(shop), lot_number="B1", expires_on=town.day(-300), certificates=papers)
    line = with_codes(line, town.packs(1))
    failure = refused(town, Conflict, shop, Supplier(public_id=town.id_of(seller)), line)
    assert "first-delivery check" in str(failure)


def test_each_kind_of_supplier_has_its_own_list(town: Town) -> None:
    shop = town.organisation()
    grower, seller = a_file(town, shop, name="甲", kind=K.FARM), a_file(town, shop, name="乙", kind=K.DRUG_DISTRIBUTOR)
    assert "identity_seen" in card(town, shop, grower)["check"]["items"]
    assert "seals_seen" in card(town, shop, seller)["check"]["items"]
    failure = town.refuses(Invalid, record_first_check, town.command(shop), public_id=grower, seen=["seals_seen"])
    assert failure.field == "seen"


# ---- standing, figures ---------------------------------------------------------------------------------------------


def test_who_is_blocked_in_the_own_file_delivers_nothing_here_but_elsewhere(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    opened = a_file(town, shop)
    standing = {"public_id": opened, "changes": {"standing": Standing.BLOCKED}}
    assert town.refuses(Invalid, change_file, town.command(shop), **standing, reason="").field == "reason"
    town.do(change_file, town.command(shop), **standing, reason="三次短斤少两")
    assert "三次短斤少两" in str(refused(town, Conflict, shop, STRANGER, strangers_line(town, shop)))
    assert "STANDING" not in rules_of(town, other, STRANGER, strangers_line(town, other))
    free = {"public_id": opened, "changes": {"standing": Standing.ORDINARY}, "reason": "again"}
    town.refuses(Forbidden, change_file, town.command(shop), **free)  # or one clerk could do what takes two people
    town.do(change_file, town.command(replace(shop, role=Role.ORGANISATION_ADMINISTRATOR)), **free)
    assert "STANDING" not in rules_of(town, shop, STRANGER, strangers_line(town, shop, lot_number="A2"))


def test_the_list_tells_what_was_refused_and_the_file_what_was_found(town: Town) -> None:
    shop = town.organisation()
    lines = [strangers_line(town, shop), strangers_line(town, shop, decision=Decision.REFUSE)]
    town.do(receive, town.command(shop), supplier=STRANGER, lines=lines)
    (kept,) = files(town, shop)
    assert (kept["refused"], kept["lines"]) == (1, 2)
    found = card(town, shop, kept["id"])["findings"]
    assert {finding["rule"] for finding in found} >= {"R2", "R3", "FIRST"}
    later = town.do(get_supplier, actor=shop, public_id=kept["id"], now=NOW + timedelta(days=366))
    assert later["findings"] == []


# ---- who reads -----------------------------------------------------------------------------------------------------


def test_anothers_file_looks_like_none_and_an_inspector_sees_those_of_the_region(town: Town) -> None:
    shop, other = town.organisation(), town.organisation(region="640521")
    opened = a_file(town, shop)
    hidden = town.refuses(NotFound, get_supplier, actor=other, public_id=opened, now=NOW)
    assert hidden.message == town.refuses(NotFound, get_supplier, actor=other, public_id="0" * 26, now=NOW).message
    for change in ({"contact": "x"}, {"standing": "trusted"}):
        town.refuses(NotFound, change_file, town.command(other), public_id=opened, changes=change, reason="x")
    near = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    far = town.organisation(K.REGULATOR, region="650100", role=Role.INSPECTOR)
    assert [file["kept_by"] for file in files(town, near)] == [shop.organisation_name]
    assert files(town, far) == []
    assert card(town, near, opened)["name"] == "张家菜园（演示）"
    town.refuses(NotFound, get_supplier, actor=far, public_id=opened, now=NOW)
    looks = town.do(list_look_ups, actor=replace(near, role=Role.AUDITOR))
    assert [(look["what"], look["subject"]) for look in looks] == [("supplier", "张家菜园（演示）")]


def test_names_are_compared_without_blanks_and_width() -> None:
    assert name_key(" 中卫 Ａ店（一）") == name_key("中卫a店(一)")
    assert name_key("甲店") != name_key("乙店")


@pytest.mark.parametrize("category", Category)
def test_goods_of_every_category_are_looked_at(category: Category) -> None:
    rules = shipped().on(NOW.date())
    arrival = Arrival(category, "A1", None, None, (), None, first_delivery=True)
    (found,) = check_first_delivery(arrival, rules)
    assert found.severity is (Severity.BLOCK if category is Category.DRUG else Severity.WARN)
    assert list(check_first_delivery(replace(arrival, first_delivery=False), rules)) == []


def test_two_files_renamed_to_one_name_at_once_leave_it_to_one(town: Town) -> None:
    shop = town.organisation()
    files = [town.do(open_file, town.command(shop), name=name)["id"] for name in ("老王菜店", "老王菜铺")]
    said = {"changes": {"name": "老王蔬菜店"}, "reason": "照执照"}
    answers = at_once(*(partial(town.do, change_file, town.command(shop), public_id=one, **said) for one in files))
    assert conflicts(answers) == 1
