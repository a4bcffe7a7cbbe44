"""The drug file: codes in all three forms, and what is learnt of them."""

from typing import Any

import pytest

from storage.tables import maker_code, product_code
from tests.services.test_lookup import statements
from tests.town import Town
from trace.domain.drugs import CodeForm, parse_cascade
from trace.domain.failures import Conflict, Invalid
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor
from trace.services.drug_file import DrugCode, learn, new_identifiers, read_codes

DRUG_CODE = "83857930000879766660"
GTIN = "06901234567892"
GS1 = f"(01){GTIN}(21)S9(10)B7(17)280531"


def read(town: Town, actor: Actor, *texts: str) -> list[DrugCode]:
    with town.store.reading() as session:
        return read_codes(session, texts, actor=actor)


def teach(town: Town, actor: Actor, product: str, identifier: str, level: int | None = 1, **more: Any) -> Any:
    return town.do(learn, town.command(actor), identifier=identifier, product=product, level=level, **more)


def test_codes_are_read_in_all_three_forms(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = town.drug(shop)
    teach(town, shop, drug, "8385793", cascade="1:5:2500")
    teach(town, shop, drug, GTIN, 2)
    teach(town, shop, drug, "HX2025", 3, length=16)
    printed, gs1, own = read(town, shop, "药品标识码：8385793 序列号：0000879766660", GS1, "HX20250000000017")
    assert [code.product and code.product["id"] for code in (printed, gs1, own)] == [drug] * 3
    assert [(code.form, code.pack_level) for code in (printed, gs1, own)] == [
        (CodeForm.TRACE_CODE, 1), (CodeForm.GS1, 2), (CodeForm.MAKER, 3),
    ]  # fmt: skip
    assert (gs1.lot, str(gs1.expires_on)) == ("B7", "2028-05-31")
    assert read(town, shop, str(own.uri))[0].uri == own.uri  # its own URI names it, too
    assert read(town, shop, str(printed.uri))[0].cascade == "1:5:2500"


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (GTIN[1:], CodeForm.PRODUCT),
        (f"(01){GTIN}(10)B7", CodeForm.LOT),
        ("(00)106901234500000013", CodeForm.CONTAINER),
        ("8385793000087976666", CodeForm.NONE),  # a digit was lost: read again, not repaired
        ("838579300008797666601", CodeForm.NONE),
        ("838579300008797666O0", CodeForm.MAKER),  # a letter is no digit
        ("6901234567890", CodeForm.NONE),  # its check digit is wrong
        ("感冒", CodeForm.NONE),
        ("\x00", CodeForm.NONE),
        ("", CodeForm.NONE),
    ],
)
def test_what_names_no_pack_is_told_apart(town: Town, text: str, form: CodeForm) -> None:
    (code,) = read(town, town.organisation(K.PHARMACY), text)
    assert (code.form, code.known) == (form, False)


def test_a_code_that_looks_like_something_else_is_its_makers_where_the_file_knows_it(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = town.drug(shop)
    teach(town, shop, drug, "69012", length=13)
    (code,) = read(town, shop, GTIN[1:])
    assert (code.form, code.product and code.product["id"]) == (CodeForm.MAKER, drug)


def test_unknown_identifiers_are_asked_about_once_each(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = town.drug(shop)
    makers = [f"AB7700{n:08d}" for n in range(3)]
    asked = new_identifiers(read(town, shop, DRUG_CODE, DRUG_CODE[:-1] + "1", GS1, *makers, GTIN[1:]))
    assert [(new.identifier, new.length, len(new.codes)) for new in asked] == [
        ("8385793", None, 2), (f"https://id.gs1.org/01/{GTIN}", None, 1), ("AB77000000", 14, 3),
    ]  # fmt: skip
    for new in asked:
        teach(town, shop, drug, new.identifier, length=new.length)
    assert new_identifiers(read(town, shop, DRUG_CODE, GS1, *makers)) == []


def test_an_identifier_is_learnt_once_and_is_nobody_elses(town: Town) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    drug, another = town.drug(shop), town.drug(other)
    teach(town, shop, drug, "8021761", 3)
    teach(town, other, drug, "8021761", 3)
    failure = town.refuses(Conflict, learn, town.command(other), identifier="8021761", product=another, level=1)
    assert (failure.field, town.count(product_code)) == ("identifier", 1)


@pytest.mark.parametrize("identifier", ["7385793", "838579", "83857931", "", "６９", "6901234567890x"])
def test_what_is_no_identifier_is_not_learnt(town: Town, identifier: str) -> None:
    shop = town.organisation(K.PHARMACY)
    town.refuses(Invalid, learn, town.command(shop), identifier=identifier, product=town.drug(shop), level=1)
    assert town.count(product_code) == 0


@pytest.mark.parametrize(
    ("prefix", "length"), [("ABC", 16), ("ABCD", 7), ("ABCDEFGH", 8), ("AB CD", 16), ("药品ABCD", 16)]
)
def test_a_beginning_that_would_claim_everybodys_codes_is_not_learnt(town: Town, prefix: str, length: int) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = town.drug(shop)
    town.refuses(Invalid, learn, town.command(shop), identifier=prefix, product=drug, level=1, length=length)
    assert town.count(maker_code) == 0


def test_a_cascade_holds_whole_packs_of_the_level_below() -> None:
    assert parse_cascade("1:5:2500") == (1, 5, 2500)
    for text in ("", "5:10", "1:0", "1:5:12", "1:5:", "1：5", "1:10:5"):
        assert parse_cascade(text) is None


def test_two_thousand_codes_are_read_in_two_statements(town: Town) -> None:
    shop = town.organisation(K.PHARMACY)
    drug = town.drug(shop)
    teach(town, shop, drug, "8385793")
    with statements(town.store) as sent, town.store.reading() as session:
        codes = read_codes(session, [f"8385793{n:013d}" for n in range(2_000)], actor=shop)
    assert all(code.known for code in codes)
    assert sum("SELECT" in statement for statement in sent) <= 2
