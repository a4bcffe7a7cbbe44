"""Columns as the service sends them to PostgreSQL: what it holds then is what they were, at every size and limit."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import DataError

from storage.binary_arrays import Column
from storage.sending import send
from storage.store import Store, open_store
from tests.conftest import Databases, make_database

WHOLE = {"SMALLINT": 16, "INTEGER": 32, "BIGINT": 64}  # {type: its bits}
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    **{type_: st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for type_, bits in WHOLE.items()},
    "TEXT": TEXTS,
    "VARCHAR(3)": st.text(st.sampled_from("KGM公斤"), max_size=3),
    "BYTEA": st.binary(),
}


@pytest.fixture(scope="module")
def postgresql(databases: Databases) -> Iterator[Store]:
    store = open_store(make_database(databases, "postgresql"))
    yield store
    store.close()


def back(store: Store, column: Column) -> list[Any]:
    with store.reading() as session:
        query = f"SELECT * FROM unnest(%b::{column.type}[])"
        return [value for (value,) in send(session, query, (column,)).rows]


@pytest.mark.parametrize("type_", VALUES)
@pytest.mark.parametrize("nulls", [False, True])
def test_values_come_back_as_they_were(postgresql: Store, type_: str, nulls: bool) -> None:
    one = VALUES[type_] | st.none() if nulls else VALUES[type_]

    @given(st.lists(one, max_size=12) | st.lists(one, min_size=15, max_size=40))
    def judge(values: list[Any]) -> None:
        assert back(postgresql, Column(type_, values)) == values
        assert back(postgresql, Column(type_, tuple(values))) == values

    judge()


@pytest.mark.parametrize("count", [1, 50])
@pytest.mark.parametrize(("type_", "bits"), WHOLE.items())
def test_least_and_greatest_number_are_kept_and_those_beyond_refused(
    postgresql: Store, type_: str, bits: int, count: int
) -> None:
    least, greatest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    limits = [least, -1, 0, greatest] * count
    assert back(postgresql, Column(type_, limits)) == limits
    assert back(postgresql, Column(type_, [*limits, None])) == [*limits, None]
    for beyond in (least - 1, greatest + 1):
        with pytest.raises(DataError):
            back(postgresql, Column(type_, [*limits, beyond]))


@pytest.mark.parametrize("wrong", ["7", 7.0, b"7"])
@pytest.mark.parametrize("count", [1, 50])
def test_what_is_no_whole_number_is_refused(postgresql: Store, wrong: object, count: int) -> None:
    with pytest.raises(DataError):
        back(postgresql, Column("BIGINT", [wrong] * count))


@pytest.mark.parametrize("type_", ["TEXT", "VARCHAR(3)"])
def test_text_with_a_nul_is_refused_by_the_server(postgresql: Store, type_: str) -> None:
    with pytest.raises(DataError):
        back(postgresql, Column(type_, ["ok", "a\0b"]))


def test_long_texts_and_bytes_come_back(postgresql: Store) -> None:
    texts = ["公" * 300_000, "", "a" * 1_000_000]
    assert back(postgresql, Column("TEXT", texts)) == texts
    assert back(postgresql, Column("BYTEA", list(map(str.encode, texts)))) == list(map(str.encode, texts))


def test_texts_are_utf_8_whatever_the_environment_says(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGCLIENTENCODING", "LATIN1")
    store = open_store(make_database(databases, "postgresql"))
    assert back(store, Column("TEXT", ["阳光"])) == ["阳光"]
    store.close()
