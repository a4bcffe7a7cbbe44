"""Many rows in one statement: those that are there are passed by, and found without reading a table of any size."""

from sqlalchemy import text
from sqlalchemy.orm import Session

from storage.bulk import MANY, Beside, Lines, insert_numbered, insert_rows, insert_with_parts, select_among
from storage.store import Store
from storage.tables import event_vocabulary, ident
from storage.tenancy import EVERYTHING

WORDS = ("organisation", "kind", "ident")


def test_parts_that_are_there_are_passed_by_and_found_by_their_key(store: Store) -> None:
    there = [(1, 1, number) for number in range(5_000)]
    wanted = [(1, 1, number) for number in range(4_900, 5_100)]
    whole = Lines(ident, ("uri", "kind"), [(f"urn:test:{number}", 1) for number in range(MANY)])
    counted = text("SELECT count(*) FROM event_vocabulary")
    with store.seeing(EVERYTHING).writing() as session:
        one = Lines(ident, ("uri", "kind"), [("urn:test:before", 1)])
        insert_with_parts(session, one, [Lines(event_vocabulary, WORDS, there)])
        assert insert_with_parts(session, whole, [Lines(event_vocabulary, WORDS, wanted, pass_by=True)]) == MANY
        if session.get_bind().dialect.name == "postgresql":
            assert scans(session, "seq_scan") == 0
            assert scans(session, "idx_scan") >= len(wanted)
        assert session.scalar(counted) == 5_100


def test_new_parts_are_not_looked_for_and_yet_passed_by_where_they_are_there(store: Store) -> None:
    new, counted = [(1, 1, number) for number in range(2 * MANY)], text("SELECT count(*) FROM event_vocabulary")

    def add(session: Session, prefix: str, rows: list[tuple[int, int, int]]) -> int:
        whole = Lines(ident, ("uri", "kind"), [(f"urn:test:{prefix}:{number}", 1) for number in range(MANY)])
        return insert_with_parts(session, whole, [Lines(event_vocabulary, WORDS, rows, pass_by=True, new=True)])

    with store.seeing(EVERYTHING).writing() as session:
        assert add(session, "first", new[:MANY]) == MANY
        if session.get_bind().dialect.name == "postgresql":
            assert scans(session, "idx_scan") == 0
        assert add(session, "second", new) == MANY
        assert session.scalar(counted) == len(new)


def scans(session: Session, kind: str) -> int:
    """How often this transaction read or searched `event_vocabulary`, on PostgreSQL."""
    of_it = "FROM pg_stat_xact_user_tables WHERE relname = 'event_vocabulary'"
    return session.scalar(text(f"SELECT {kind} {of_it}")) or 0


def test_rows_are_found_with_what_stands_beside_them_and_nothing_where_nothing_does(store: Store) -> None:
    with store.seeing(EVERYTHING).writing() as session:
        ids = insert_numbered(session, ident, ("uri", "kind"), [("urn:test:word", 1), ("urn:test:thing", 1)], "uri")
        word, thing = ids["urn:test:word"], ids["urn:test:thing"]
        insert_rows(session, event_vocabulary, WORDS, [(1, 1, word), (1, 2, -1), (2, 1, thing), (3, 1, word)])
        named = Beside(ident, ("uri",), "id", "ident")
        found = select_among(session, event_vocabulary, WORDS, "organisation", [1, 2], named)
        expected = [(1, 1, word, "urn:test:word"), (1, 2, -1, None), (2, 1, thing, "urn:test:thing")]
        assert sorted(found, key=lambda row: row[:2]) == expected
