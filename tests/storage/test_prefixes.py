"""What begins with something is found as one piece of an index, whatever else the index has."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import CompoundSelect, insert, select, text
from sqlalchemy.orm import Session

from storage.prefixes import beginning_with, begins_with
from storage.store import Store
from storage.tables import correction, export_entry
from tests.conftest import Databases, make_database
from tests.town import Town

SUBJECTS = ["R1", "R1/", "R1/1", "R1/12", "R1/é", "r1/1", "R1.1", "R1.9", "R1é", "R10", "R10/1", "R0/1"]
PLACES = {
    "corrections of a record": (
        correction.c.subject,
        (correction.c.organisation == 1) & (correction.c.kind == "receipt_line"),
    ),
    "what a target was told": (export_entry.c.subject, (export_entry.c.target == 1) & (export_entry.c.form == "sale")),
}


def found(session: Session, beginning: str) -> set[str]:
    """The subjects of corrections that begin so."""
    return set(session.scalars(select(correction.c.subject).where(begins_with(correction.c.subject, beginning))))


def plan(session: Session, query: CompoundSelect[tuple[str]]) -> str:
    """How the database reads what a query asks, with other ways than an index made dear."""
    explain = "EXPLAIN QUERY PLAN"
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN"
    written = query.compile(session.get_bind(), compile_kwargs={"literal_binds": True})
    return "\n".join(str(row[-1]) for row in session.execute(text(f"{explain} {written}".replace(":", "\\:"))))


def test_all_that_begins_so_is_found_and_nothing_beside_it(store: Store, town: Town) -> None:
    shop = town.organisation().organisation
    row = {"organisation": shop, "kind": "receipt_line", "field": "note", "reason": "typed wrongly"}
    with store.writing() as session:
        session.execute(
            insert(correction),
            [row | {"subject": subject, "corrected_at": datetime(2026, 11, 27, tzinfo=UTC)} for subject in SUBJECTS],
        )
    with store.reading() as session:
        for beginning in ("R1/", "R1", "R", "R1/1", "r1/", "R2", "R1/é/"):
            assert found(session, beginning) == {one for one in SUBJECTS if one.startswith(beginning)}


@pytest.mark.parametrize("place", PLACES)
def test_the_index_is_read_from_the_beginning_to_its_end(store: Store, place: str) -> None:
    column, others = PLACES[place]
    with store.reading() as session:
        for beginnings in (["R1/"], ["R1/", "R2/"]):
            told = plan(session, beginning_with(select(column).where(others), column, beginnings))
            assert len(re.findall(r"subject>\? AND subject<\?|Index Cond: .*subject.* >= 'R./'", told)) == len(
                beginnings
            ), told


def test_postgresql_sorts_them_by_their_bytes_whatever_its_language(databases: Databases) -> None:
    sorted_by = text(
        "SELECT table_name FROM information_schema.columns WHERE column_name = 'subject' AND collation_name = 'C'"
    )
    with databases.opened(make_database(databases, "postgresql")) as store, store.reading() as session:
        assert {"correction", "export_entry"} <= set(session.scalars(sorted_by))


@given(st.text(), st.characters(codec="ascii"), st.text())
def test_the_end_of_a_piece_is_behind_all_that_begins_so(before: str, mark: str, rest: str) -> None:
    beginning = before + mark
    end = begins_with(correction.c.subject, beginning).compile().params["subject_2"]
    assert (before + mark + rest).encode() < end.encode()
    assert end[:-1] == before
