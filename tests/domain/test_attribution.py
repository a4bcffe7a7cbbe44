"""Of which lots a sale by product was: attributed by the policy, exactly, never more than there is."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from trace.domain.attribution import OpenLot, Policy, attribute

LOTS = st.lists(
    st.builds(
        OpenLot,
        item=st.integers(1, 10_000),
        on_hand=st.integers(0, 5_000_000),
        expires_on=st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)),
        came=st.integers(0, 100),
    ),
    max_size=8,
    unique_by=lambda lot: lot.item,
)


@given(st.integers(0, 20_000_000), LOTS, st.sampled_from(Policy))
def test_what_is_sold_is_attributed_to_the_gram(amount: int, lots: list[OpenLot], policy: Policy) -> None:
    found = attribute(amount, lots, policy)
    there = {lot.item: lot.on_hand for lot in lots}
    assert sum(found.amounts.values()) + found.missing == amount
    assert all(0 < taken <= there[item] for item, taken in found.amounts.items())
    assert found.missing == max(amount - sum(there.values()), 0)


@given(st.integers(1, 20_000_000), LOTS, st.sampled_from(Policy))
def test_a_later_lot_is_opened_only_when_the_earlier_ones_are_sold_out(
    amount: int, lots: list[OpenLot], policy: Policy
) -> None:
    found = attribute(amount, lots, policy)
    emptied = list(found.amounts)[:-1]
    assert all(found.amounts[item] == next(lot.on_hand for lot in lots if lot.item == item) for item in emptied)


def test_first_expired_goes_first_and_what_never_expires_in_the_order_it_came() -> None:
    early, late = OpenLot(3, 1, date(2026, 5, 1), 9), OpenLot(1, 1, date(2026, 6, 1), 1)
    old, new = OpenLot(4, 1, None, 2), OpenLot(2, 1, None, 5)
    assert list(attribute(4, [new, late, old, early], Policy.FEFO).amounts) == [3, 1, 4, 2]
    assert list(attribute(4, [new, late, old, early], Policy.FIFO).amounts) == [1, 4, 2, 3]
