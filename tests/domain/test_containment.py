"""When was a thing inside another: stays, read off rows."""

import pytest

from trace.domain.containment import LAST, Row, Stay, stays_of
from trace.domain.links import Role

BOX, CRATE, PALLET = 1, 2, 3


def row(time: int, role: Role, peer: int | None = CRATE, amount: int | None = None, item: int = BOX) -> Row:
    return Row(item, time, time, role, peer, amount)


def stay(parent: int, since: int, until: int | None = None) -> Stay:
    return Stay(parent, (since, since), LAST if until is None else (until, until))


def test_a_stay_lasts_from_packing_to_unpacking() -> None:
    assert stays_of([row(1, Role.PACKED), row(5, Role.UNPACKED)], alone=True) == [stay(CRATE, 1, 5)]


def test_a_stay_that_nothing_ended_goes_on() -> None:
    assert stays_of([row(1, Role.PACKED), row(2, Role.OBSERVED, None)], alone=True) == [stay(CRATE, 1)]


def test_one_box_is_in_one_case_at_a_time() -> None:
    rows = [row(1, Role.PACKED), row(4, Role.PACKED, PALLET)]
    assert stays_of(rows, alone=True) == [stay(CRATE, 1, 4), stay(PALLET, 4)]


def test_a_lot_may_be_in_two_crates_at_once() -> None:
    rows = [row(1, Role.PACKED, amount=2), row(4, Role.PACKED, PALLET, 3)]
    assert stays_of(rows, alone=False) == [stay(CRATE, 1), stay(PALLET, 4)]


@pytest.mark.parametrize("role", [Role.INPUT, Role.ENDED])
def test_a_box_used_up_or_destroyed_is_in_nothing_any_more(role: Role) -> None:
    assert stays_of([row(1, Role.PACKED), row(3, role, None)], alone=True) == [stay(CRATE, 1, 3)]
    assert stays_of([row(1, Role.PACKED, amount=5), row(3, role, None)], alone=False) == [stay(CRATE, 1)]


def test_a_lot_stays_until_as_much_was_taken_out_as_had_been_put_in() -> None:
    rows = [row(1, Role.PACKED, amount=5), row(2, Role.PACKED, amount=3), row(3, Role.UNPACKED, amount=7)]
    assert stays_of(rows, alone=False) == [stay(CRATE, 1)]
    assert stays_of([*rows, row(6, Role.UNPACKED, amount=1)], alone=False) == [stay(CRATE, 1, 6)]


@pytest.mark.parametrize("amounts", [(None, 1), (5, None), (None, None)])
def test_where_an_amount_is_unknown_the_first_taking_out_ends_the_stay(amounts: tuple[int | None, int | None]) -> None:
    rows = [row(1, Role.PACKED, amount=amounts[0]), row(3, Role.UNPACKED, amount=amounts[1])]
    assert stays_of(rows, alone=False) == [stay(CRATE, 1, 3)]


@pytest.mark.parametrize("role", [Role.EMPTIED, Role.ENDED, Role.INPUT])
@pytest.mark.parametrize("alone", [True, False])
def test_the_end_of_a_container_ends_the_stays_in_it_and_what_comes_later_is_new(role: Role, alone: bool) -> None:
    rows = [row(1, Role.PACKED, amount=10), row(5, Role.PACKED, amount=2), row(7, Role.UNPACKED, amount=2)]
    ends = [row(3, role, None, item=CRATE)]
    assert stays_of(rows, ends, alone=alone) == [stay(CRATE, 1, 3), stay(CRATE, 5, 7)]


def test_the_end_of_a_container_ends_nothing_of_what_is_elsewhere() -> None:
    rows = [row(1, Role.PACKED), row(9, Role.PACKED, PALLET)]
    assert stays_of(rows, [row(4, Role.INPUT, None, item=PALLET)], alone=True) == [stay(CRATE, 1, 9), stay(PALLET, 9)]


def test_taken_out_of_what_it_is_not_in_changes_nothing() -> None:
    assert stays_of([row(1, Role.PACKED), row(2, Role.UNPACKED, PALLET)], alone=True) == [stay(CRATE, 1)]


def test_nothing_is_inside_itself() -> None:
    assert stays_of([row(1, Role.PACKED), row(2, Role.PACKED, BOX)], alone=True) == [stay(CRATE, 1)]
