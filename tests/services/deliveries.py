"""A delivery on its way, a delivery refused, a receipt read: what the tests of receiving share."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from storage.tables import event, lot, product_code, receipt
from tests.town import NOW, Town
from trace.domain.failures import Failure
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.services.hops import Some
from trace.services.receipts import get_receipt
from trace.services.receiving import Line, Supplier, receive

K = OrganisationKind


def delivered(town: Town, amount: str = "40") -> tuple[Actor, Actor, str]:
    """A farm's lot, with its certificate, on its way to a shop: (farm, shop, lot)."""
    farm, shop = town.organisation(K.FARM), town.organisation()
    made = town.grown(farm)
    town.send(farm, shop, Some(made, Decimal(amount)))
    return farm, shop, made


def with_codes(line: Line, codes: tuple[str, ...]) -> Line:
    """The line with 20-digit codes, of which the clerk says that they are its product's."""
    return replace(line, codes=codes, new_identifiers=tuple({code.rpartition("/")[2][:7] for code in codes}))


def refused(town: Town, failure: type[Failure], shop: Actor, supplier: Supplier, *lines: Line, **more: Any) -> Failure:
    """The failure a delivery ends in; nothing of it is kept."""
    before = (town.count(receipt), town.count(event), town.count(lot), town.count(product_code))
    with pytest.raises(failure) as found:
        town.do(receive, town.command(shop, hours=8), supplier=supplier, lines=lines, **more)
    assert (town.count(receipt), town.count(event), town.count(lot), town.count(product_code)) == before
    return found.value


def read(town: Town, actor: Actor, public_id: str) -> dict[str, Any]:
    """A receipt as the actor reads it."""
    return dict(town.do(get_receipt, actor=actor, public_id=public_id, now=NOW))
