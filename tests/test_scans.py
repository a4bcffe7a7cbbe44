"""Whoever reads a whole table that grows is found out."""

import pytest
from sqlalchemy import event, select

from storage.tables import export_file, receipt_line
from tests.conftest import Databases, make_database
from tests.scans import MAY, watch, whole_tables


@pytest.mark.parametrize(
    ("plan", "statement", "tables"),
    [
        (["SCAN dish"], "SELECT dish.id FROM dish WHERE dish.event = ?", {"dish"}),
        (["SEARCH dish USING INDEX ix_dish_event (event=?)"], "SELECT dish.id FROM dish WHERE dish.event = ?", set()),
        (["SCAN dish USING INDEX ix_dish_day"], "SELECT dish.id FROM dish ORDER BY dish.day LIMIT ?", set()),
        (["SCAN dish", "USE TEMP B-TREE FOR ORDER BY"], "SELECT id FROM dish ORDER BY dish.day LIMIT ?", {"dish"}),
        (["SCAN part"], "SELECT part.time FROM (SELECT event.time FROM event LIMIT ?) AS part", set()),
        (["SCAN organisation"], "SELECT organisation.id FROM organisation", set()),
    ],
)
def test_a_plan_tells_which_tables_are_read_whole(plan: list[str], statement: str, tables: set[str]) -> None:
    assert whole_tables(plan, statement) == tables


def test_a_statement_of_ours_that_reads_a_whole_table_is_refused(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with databases.opened(make_database(databases, "sqlite")) as store, store.reading() as session:
        monkeypatch.setattr("tests.scans.AROUND", ())
        event.listen(store.engine, "before_cursor_execute", watch)
        assert session.scalars(select(receipt_line.c.line).where(receipt_line.c.event == 1)).all() == []
        with pytest.raises(AssertionError, match=r"tests/test_scans.py .* reads all of export_file"):
            session.scalars(select(export_file.c.id).where(export_file.c.records == 1))


def test_what_may_read_a_whole_table_says_why() -> None:
    assert all(len(why.split()) > 3 for _, why in MAY.values())
