"""Labels of a shop's own scale: PLU and weight by the shop's own entry of the rule book, nobody else's."""

from datetime import date
from decimal import Decimal

from sqlalchemy import insert

from storage.tables import rule_entry
from tests.town import NOW, TODAY, Town
from trace.domain.permissions import Actor
from trace.services.recognition import propose_lines

PROFILE = {"profiles": [{"digits": 13, "prefixes": ["21"], "plu_digits": 4, "measures": ["grams"]}]}


def write_profile(town: Town, shop: Actor) -> None:
    """The shop's house entry: 21, four digits of PLU, six of grams."""
    row = {
        "name": "in_store_codes", "organisation": shop.organisation, "effective_from": date(2026, 1, 1),
        "value": PROFILE, "source": "scale of the counter", "confidence": "H", "written_at": NOW,
    }  # fmt: skip
    with town.store.writing() as session:
        session.execute(insert(rule_entry).values(row))


def test_two_labels_of_one_product_are_one_line_with_both_weights(town: Town) -> None:
    shop, other = town.organisation(), town.organisation()
    write_profile(town, shop)
    labels = ["2112340015004", "2112340007506"]  # 1.5 kg and 0.75 kg of PLU 1234
    apples = town.product(shop, code=labels[0])
    eggs = town.product(other, unit="EA", code=labels[0])
    (line,) = town.do(propose_lines, actor=shop, texts=labels, on=TODAY).lines
    assert (line["product"]["id"], line["amount"], line["unit"]) == (apples, Decimal("2.25"), "KGM")
    (elsewhere, _) = town.do(propose_lines, actor=other, texts=labels, on=TODAY).lines
    assert (elsewhere["product"]["id"], elsewhere["amount"]) == (eggs, None)
