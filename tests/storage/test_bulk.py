"""Many rows in one statement: those that are there are passed by, and found without reading a table of any size."""

from sqlalchemy import text

from storage.bulk import MANY, Lines, insert_with_parts
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
            of_it = "FROM pg_stat_xact_user_tables WHERE relname = 'event_vocabulary'"
            assert session.scalar(text(f"SELECT seq_scan {of_it}")) == 0
            assert (session.scalar(text(f"SELECT idx_scan {of_it}")) or 0) >= len(wanted)
        assert session.scalar(counted) == 5_100
