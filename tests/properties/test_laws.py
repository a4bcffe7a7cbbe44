"""Laws: mass balance of every processing, packed links read back as they were."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage.events import ItemLine, pack_links, unpack_links
from storage.store import Store
from tests.town import Town
from trace.domain.failures import Conflict
from trace.domain.links import Role
from trace.domain.parties import OrganisationKind
from trace.services.hops import Batch, Some, process
from trace.services.lots import NewLot

EACH = {"derandomize": True, "database": None, "deadline": None, "suppress_health_check": list(HealthCheck)}
NUMBER = st.integers(1, 2**62)
LINES = st.lists(
    st.builds(ItemLine, item=NUMBER, role=st.sampled_from(Role), peer=st.none() | NUMBER, amount=st.none() | NUMBER)
)
AMOUNT = st.integers(1, 400).map(lambda hundredths: Decimal(hundredths) / 100)


@settings(max_examples=300, **EACH)
@given(LINES)
def test_packed_links_are_read_back_as_they_were(lines: list[ItemLine]) -> None:
    packed = pack_links(lines)
    assert [tuple(link) for link in unpack_links(packed)] == [(x.item, x.role, x.peer) for x in lines]
    assert len(packed) == 17 * len(lines)


def test_processing_never_makes_more_than_went_in(store: Store) -> None:
    town = Town(store)
    farm = town.organisation(OrganisationKind.FARM)
    product = town.product(farm)
    count = iter(range(10_000))

    @settings(max_examples=40, **EACH)
    @given(st.lists(AMOUNT, min_size=1, max_size=3), st.lists(AMOUNT, min_size=1, max_size=3))
    def balanced(into: list[Decimal], out: list[Decimal]) -> None:
        lots = [town.lot(farm, product, str(amount), number=f"IN-{next(count)}") for amount in into]
        inputs = [Some(lot, amount) for lot, amount in zip(lots, into, strict=True)]
        outputs = [Batch(NewLot(product, f"OUT-{next(count)}"), amount) for amount in out]
        if sum(out) > sum(into):
            with pytest.raises(Conflict):
                town.do(process, town.command(farm), inputs=inputs, outputs=outputs)
            assert [town.stock(farm, lot)[0] for lot in lots] == into, "nothing is stored"
        else:
            made = town.do(process, town.command(farm), inputs=inputs, outputs=outputs)["lots"]
            assert [town.stock(farm, lot)[0] for lot in lots] == [0] * len(lots)
            assert [town.stock(farm, lot)[0] for lot in made] == out

    balanced()
