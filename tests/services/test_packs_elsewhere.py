"""R8 on arrival: a pack that another pharmacy has in stock is a finding, and both pharmacies and the inspector know."""

from typing import Any

from tests.services.test_dispensing import also_at, pharmacy
from tests.town import Town
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services.alerts import page_of_alerts
from trace.services.hops import Some
from trace.services.receipts import get_receipt, list_receipts
from trace.services.receiving import Line

K = OrganisationKind
KIND = "code_in_two_stocks"
NOTE = CertificateKind.DELIVERY_NOTE


def alarmed(town: Town, actor: Actor) -> list[dict[str, Any]]:
    return [one for one in town.do(page_of_alerts, actor=actor, now=town.now)["alerts"] if one["kind"] == KIND]


def found(town: Town, shop: Actor) -> list[str]:
    """The rules that the line of the shop's last receipt goes against."""
    last, *_ = town.do(list_receipts, actor=shop)
    (line,) = town.do(get_receipt, actor=shop, public_id=last["id"], now=town.now)["lines"]
    return [finding["rule"] for finding in line["findings"]]


def test_a_pack_that_another_pharmacy_has_is_a_finding_and_both_and_the_inspector_are_told(town: Town) -> None:
    shop, other, (code,) = pharmacy(town), pharmacy(town, region="640521"), town.packs(1)
    also_at(town, other, (code,), town.drugs_at(shop, (code,)))
    assert "R8" in found(town, other)
    (mine,), (theirs,) = alarmed(town, shop), alarmed(town, other)
    assert mine["sales"][1]["event"] == theirs["sales"][1]["event"] != theirs["sales"][0]["event"]
    assert [sale["by"] for sale in mine["sales"]] == ["", shop.organisation_name]  # which other one, is not told
    assert [sale["by"] for sale in theirs["sales"]] == [other.organisation_name, ""]
    inspector = town.organisation(K.REGULATOR, region="640500", role=Role.INSPECTOR)
    for told in alarmed(town, inspector):
        assert [sale["by"] for sale in told["sales"]] == [other.organisation_name, shop.organisation_name]
    assert alarmed(town, town.organisation(K.REGULATOR, region="640521", role=Role.INSPECTOR)) != []


def test_what_the_other_pharmacy_sent_here_is_in_no_two_stocks(town: Town) -> None:
    shop, other, (code,) = pharmacy(town), pharmacy(town), town.packs(1)
    made = town.drugs_at(shop, (code,))
    town.send(shop, other, Some(code))
    town.arrive(shop, other, Line(code=made, codes=(code,), certificates=(town.paper(other, NOTE),)))
    assert "R8" not in found(town, other)
    assert alarmed(town, other) == []


def test_many_packs_of_one_delivery_are_one_alert_to_each_that_says_how_many(town: Town) -> None:
    shop, third, other, codes = pharmacy(town), pharmacy(town), pharmacy(town), town.packs(5)
    made = town.drugs_at(shop, codes)
    also_at(town, third, codes[3:], made)
    also_at(town, other, codes, made)
    assert [(one["facts"], len(one["sales"])) for one in alarmed(town, other)] == [
        ({"packs": "2"}, 3), ({"packs": "3"}, 2),
    ]  # fmt: skip
    assert [one["facts"] for one in alarmed(town, shop)] == [{"packs": "2"}, {"packs": "3"}, {"packs": "2"}]
    assert [one["facts"] for one in alarmed(town, third)] == [{"packs": "2"}, {"packs": "2"}]
