"""The product file: what a code on a pack is called."""

from typing import Any

import pytest

from storage.tables import product, product_code
from tests.town import NOW, Town
from trace.domain.codes import parse_code
from trace.domain.failures import Conflict, Failure
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.products import find_product, list_products, register_product

EAN = "6901234567892"
IN_STORE = "2112345015002"  # PLU 12345, 1.500 kg
DRUG_CODE = "83857930000879766660"


def register(town: Town, actor: Actor, code: str | None, category: Category = Category.PACKAGED_FOOD) -> dict[str, Any]:
    return dict(
        town.do(register_product, actor=actor, name=f"of {code}", category=category, unit="EA", now=NOW, code=code)
    )


def named_by(town: Town, actor: Actor, text: str) -> str | None:
    with town.store.reading() as session:
        found = find_product(session, actor=actor, code=parse_code(text))
    return None if found is None else str(found["id"])


def test_a_product_is_found_by_its_gtin_in_every_form(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    card = register(town, shop, EAN)
    for text in (EAN, f"0{EAN}", f"(01)0{EAN}(10)A1", f"https://id.gs1.org/01/0{EAN}/21/S1"):
        assert named_by(town, other, text) == card["id"]
    assert named_by(town, shop, "6901234567808") is None


def test_the_same_code_again_gives_the_product_that_is_there(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    first, again = register(town, shop, EAN), register(town, other, EAN)
    assert first == again
    assert town.count(product) == 1


def test_the_same_code_in_another_category_is_a_mistake(town: Town) -> None:
    shop = town.organisation()
    register(town, shop, EAN)
    with pytest.raises(Conflict) as found:
        register(town, shop, EAN, Category.DRUG)
    assert found.value.field == "code"


def test_an_in_store_code_means_something_in_one_shop_only(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    mine = register(town, shop, IN_STORE, Category.VEGETABLE)
    assert named_by(town, shop, IN_STORE) == mine["id"]
    assert named_by(town, other, IN_STORE) is None
    theirs = register(town, other, IN_STORE, Category.FRUIT)
    assert theirs["id"] != mine["id"]
    assert named_by(town, other, IN_STORE) == theirs["id"]


def test_a_drug_code_teaches_its_identifier(town: Town) -> None:
    shop = town.organisation()
    card = register(town, shop, DRUG_CODE, Category.DRUG)
    assert named_by(town, shop, f"{DRUG_CODE[:7]}9999999999999") == card["id"]
    assert register(town, shop, DRUG_CODE[:7], Category.DRUG)["id"] == card["id"]


def test_without_a_code_every_registration_is_a_product_of_its_own(town: Town) -> None:
    shop = town.organisation()
    assert register(town, shop, None)["class"] != register(town, shop, None)["class"]
    assert (town.count(product), town.count(product_code)) == (2, 0)


@pytest.mark.parametrize("code", ["hello", "69012345\x00", "91640502MA7TE5T19M"])
def test_a_code_that_names_no_product_is_refused(town: Town, code: str) -> None:
    with pytest.raises(Failure):
        register(town, town.organisation(), code)
    assert town.count(product) == 0


def test_the_file_is_searched_by_part_of_the_name(town: Town) -> None:
    shop = town.organisation()
    for name, category in (("番茄", Category.VEGETABLE), ("番茄酱 100%", Category.PACKAGED_FOOD)):
        town.product(shop, category, name=name)
    assert [card["name"] for card in town.do(list_products, actor=shop, text="番茄")] == ["番茄", "番茄酱 100%"]
    assert [card["name"] for card in town.do(list_products, actor=shop, text="%")] == ["番茄酱 100%"]
    assert [card["name"] for card in town.do(list_products, actor=shop, category="vegetable")] == ["番茄"]
