"""Statements that are made once and asked for many values, on both databases."""

from functools import cache
from typing import Any

from sqlalchemy import Select, insert, select

from storage.one_of import ask_for, is_asked_for
from storage.store import Store
from storage.tables import ident


@cache
def by_number(postgres: bool) -> Select[Any]:
    return select(ident.c.uri).where(is_asked_for(ident.c.id, postgres=postgres)).order_by(ident.c.id)


@cache
def by_uri(postgres: bool) -> Select[Any]:
    return select(ident.c.id).where(is_asked_for(ident.c.uri, postgres=postgres)).order_by(ident.c.id)


def test_one_statement_gives_the_rows_of_however_many_numbers_or_texts(store: Store) -> None:
    uris = {number: f"urn:测试:'{number}'" for number in range(1, 7_001)}
    with store.writing() as session:
        session.execute(insert(ident), [{"id": number, "uri": uri, "kind": 1} for number, uri in uris.items()])
        assert [row.uri for row in ask_for(session, by_number, [2, 1, 2, 9_999_999])] == [uris[1], uris[2]]
        assert [row.id for row in ask_for(session, by_uri, (uris[number] for number in (3, 1)))] == [1, 3]
        assert [row.uri for row in ask_for(session, by_number, uris)] == list(uris.values())
        assert len(ask_for(session, by_uri, uris.values())) == len(uris)


def test_for_no_values_nothing_is_asked(store: Store) -> None:
    with store.writing() as session:
        session.execute(insert(ident).values(id=1, uri="1", kind=1))
        assert ask_for(session, by_number, []) == []
        assert [row.uri for row in ask_for(session, by_number, [1])] == ["1"]
