"""The database itself keeps organisations apart: row-level security of PostgreSQL behind every WHERE."""

import re
from collections.abc import Iterator
from contextlib import closing, nullcontext
from datetime import date

import pytest
from alembic import command
from sqlalchemy import Table, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from storage import tables
from storage.parties import taken_part
from storage.row_security import DELETED, FACTS, LOCKED, OF_CHAIN, SHARED, condition, find_hole
from storage.store import Store, _migrations, write_at_end
from storage.tables import (
    credential,
    event_document,
    metadata,
    named_query,
    organisation,
    person,
    place,
    record_key,
    rule_entry,
    stock,
    store_setting,
    trace_pause,
)
from storage.tenancy import EVERYTHING, NOTHING, Sight, across, across_organisations, see_as, sight_of
from tests.conftest import ROOT, SERVICE, Databases, as_service, make_database
from tests.gate import Gate
from tests.town import NOW, Town
from trace.domain.rules.book import Confidence

HOW_MANY = select(func.count()).select_from(stock)


@pytest.fixture
def url(databases: Databases) -> Iterator[str]:
    """A prepared database of PostgreSQL, by the address of its owner."""
    made = make_database(databases, "postgresql")
    yield made
    databases.drop(made)


@pytest.fixture
def town(url: str) -> Iterator[Town]:
    """Two shops with something in stock each, as the owner made them."""
    with closing(storage.open_store(url)) as owner:
        town = Town(owner)
        for _ in range(2):
            shop = town.organisation()
            town.lot(shop, town.product(shop))
        yield town


@pytest.fixture
def service(url: str, town: Town) -> Iterator[Store]:
    """The store as the service's role sees it, which owns nothing; two shops are in it."""
    with closing(storage.open_store(as_service(url))) as opened:
        yield opened


def shops(service: Store) -> list[int]:
    """The numbers of the organisations that have stock."""
    with service.seeing(EVERYTHING).reading() as session:
        return list(session.scalars(select(stock.c.organisation).distinct().order_by(stock.c.organisation)))


def counted(service: Store, sight: Sight, table: Table) -> int:
    """How many rows a finder without any WHERE finds."""
    with service.seeing(sight).reading() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_every_table_has_a_policy_and_nobody_forgot_to_think_about_one(service: Store) -> None:
    for table in metadata.tables:
        condition(table)  # raises where nobody did
    query = "SELECT tablename FROM pg_policies JOIN pg_class ON relname = tablename WHERE relrowsecurity"
    with service.engine.connect() as connection:
        assert set(connection.scalars(text(query))) == metadata.tables.keys()
        assert find_hole(connection) is None


def test_owner_and_superuser_are_told_that_it_does_not_hold(url: str) -> None:
    with closing(storage.open_store(url)) as owner, owner.engine.begin() as connection:
        assert "superuser" in str(find_hole(connection))
        connection.exec_driver_sql("CREATE ROLE plain_owner; ALTER TABLE stock OWNER TO plain_owner")
        connection.exec_driver_sql("SET LOCAL ROLE plain_owner")
        assert "SUNSHINE_OWNER_URL" in str(find_hole(connection))
        connection.exec_driver_sql("RESET ROLE; ALTER TABLE stock OWNER TO CURRENT_USER; DROP ROLE plain_owner")


def test_role_that_could_become_the_owner_or_make_functions_is_told_so(url: str, service: Store) -> None:
    with closing(storage.open_store(url)) as owner, owner.engine.begin() as connection:
        connection.exec_driver_sql(f"GRANT CREATE ON SCHEMA public TO {SERVICE}; SET LOCAL ROLE {SERVICE}")
        assert "REVOKE CREATE" in str(find_hole(connection))
        connection.exec_driver_sql("RESET ROLE; CREATE ROLE another_owner; ALTER TABLE stock OWNER TO another_owner")
        connection.exec_driver_sql(f"GRANT another_owner TO {SERVICE} WITH INHERIT FALSE; SET LOCAL ROLE {SERVICE}")
        assert "SUNSHINE_OWNER_URL" in str(find_hole(connection))
        connection.rollback()


def test_statement_that_was_planned_for_one_sight_shows_the_next_one_its_own_rows(service: Store) -> None:
    first, second = shops(service)
    for _ in range(12):  # by then it is prepared, and planned for good
        assert counted(service, sight_of(first), stock) == 1
    plans = text("SELECT generic_plans > 0 FROM pg_prepared_statements WHERE statement LIKE '%FROM stock'")
    with service.reading() as session:
        assert session.scalars(plans).all() == [True]
    assert counted(service, NOTHING, stock) == 0
    assert counted(service, EVERYTHING, stock) == 2
    with service.seeing(sight_of(second)).reading() as session:
        assert session.scalar(HOW_MANY) == 1
        assert session.scalar(select(stock.c.organisation)) == second


def test_without_a_sight_nothing_is_seen_and_nothing_written(service: Store) -> None:
    for table in metadata.sorted_tables:
        assert counted(service, NOTHING, table) == 0, table.name
    with service.engine.connect() as connection:  # opened past every session
        assert connection.scalar(select(func.count()).select_from(organisation)) == 0
    first, _ = shops(service)
    for refused in (insert(named_query).values(_query_of(first)), insert(store_setting).values(name="a", value="b")):
        with pytest.raises(DBAPIError, match="row-level security"), service.writing() as session:
            session.execute(refused)
    with service.writing() as session:
        assert session.execute(stock.update().values(lot=None)).rowcount == 0


def test_finder_without_its_where_sees_its_own_organisation_only(service: Store) -> None:
    first, second = shops(service)
    owned = [table for table in metadata.sorted_tables if "organisation" in table.c and table.name not in SHARED]
    for number in (first, second):
        with service.seeing(sight_of(number)).reading() as session:
            assert session.scalars(select(stock.c.organisation).distinct()).all() == [number]
            for table in owned:
                seen = set(session.scalars(select(table.c.organisation).distinct()))
                assert seen <= {number} or table.name in OF_CHAIN, table.name


def test_nobody_writes_in_the_name_of_another(service: Store) -> None:
    first, second = shops(service)
    mine = service.seeing(sight_of(first))
    with pytest.raises(DBAPIError, match="row-level security"), mine.writing() as session:
        session.execute(insert(named_query).values(_query_of(second)))
    with mine.writing() as session:
        session.execute(insert(named_query).values(_query_of(first)))
        assert session.execute(stock.update().values(lot=None)).rowcount == 1
    assert counted(service, sight_of(second), named_query) == 0
    for changed, said in (
        ("DELETE FROM event", "permission denied"),
        ("UPDATE event SET step = NULL", "permission denied"),
        ("UPDATE event SET id = id", "row-level security"),
    ):
        with pytest.raises(DBAPIError, match=said), mine.writing() as session:
            session.execute(text("SELECT id FROM event FOR UPDATE"))
            session.execute(text(changed))


def test_a_shop_leaves_what_is_its_headquarters_as_it_is(service: Store) -> None:
    shop, head = shops(service)
    with service.seeing(EVERYTHING).writing() as session:
        session.execute(insert(person), [_person_of(number) for number in (shop, head)])
    with closing(storage.open_store(service.url.replace(SERVICE, "postgres"))) as owner, owner.writing() as session:
        session.execute(organisation.update().where(organisation.c.id == shop).values(headquarters=head))
    with service.seeing(sight_of(shop)).writing() as session:
        assert session.scalars(select(person.c.organisation).order_by(person.c.organisation)).all() == [shop, head]
        theirs = person.update().where(person.c.organisation == head)
        assert session.execute(theirs.values(name="ours now", organisation=shop)).rowcount == 0, "not taken over"
        assert session.execute(person.update().values(active=False)).rowcount == 1
    for table in sorted(
        OF_CHAIN
    ):  # what may be deleted is granted: one grant too many, and the policy is the last line
        with service.engine.connect() as connection:
            named = text("SELECT policyname FROM pg_policies WHERE tablename = :table AND permissive = 'RESTRICTIVE'")
            assert set(connection.scalars(named, {"table": table})) == {"keeps", "leaves"}


def test_a_shop_sees_who_works_at_its_headquarters_and_not_what_they_sign_in_with(url: str, service: Store) -> None:
    shop, head = shops(service)
    with service.seeing(EVERYTHING).writing() as session:
        session.execute(insert(person), [_person_of(number) for number in (shop, head)])
        hashes = select(person.c.id, person.c.organisation, person.c.sign_in)
        session.execute(insert(credential).from_select(["person", "organisation", "password_hash"], hashes))
    with closing(storage.open_store(url)) as owner, owner.writing() as session:
        session.execute(organisation.update().where(organisation.c.id == shop).values(headquarters=head))
    hostile = text("SELECT * FROM person LEFT JOIN credential ON credential.person = person.id ORDER BY person.id")
    for number, hidden in ((shop, [f"person{head}"]), (head, [])):
        with service.seeing(sight_of(number)).reading() as session:
            seen = session.execute(hostile).all()
            assert [row.sign_in for row in seen if row.password_hash is None] == hidden
            assert session.scalars(select(credential.c.organisation)).all() == [number]
    with service.seeing(sight_of(shop)).reading() as session, across_organisations(session, because="signing in"):
        assert len(session.scalars(select(credential.c.password_hash)).all()) == 2
    with pytest.raises(DBAPIError, match="permission denied"), service.seeing(EVERYTHING).writing() as session:
        session.execute(credential.update().values(password_hash="mine"))


def test_what_all_share_is_written_by_whom_it_names(service: Store) -> None:
    first, second = shops(service)
    said = {
        "effective_from": date(2026, 1, 1),
        "value": 1,
        "source": "-",
        "confidence": Confidence.HOUSE.value,
        "reason": "-",
    }
    theirs = (
        insert(place).values(organisation=second, name="ours", uri="urn:ours", region="640502"),
        insert(rule_entry).values(organisation=0, name="expiry.near", written_at=func.now(), **said),
        insert(store_setting).values(name="id_domain", value="ours.example"),
        insert(record_key).values(made_at=func.now(), destroyed_reason=""),
    )
    mine = service.seeing(sight_of(first))
    for refused in theirs:
        with pytest.raises(DBAPIError, match="row-level security"), mine.writing() as session:
            session.execute(refused)
    with mine.writing() as session:
        with across_organisations(session, because="a test"):
            for statement in theirs:
                session.execute(statement)
        assert session.scalar(select(func.count()).select_from(record_key)) == 0, "nobody's alone"
        assert session.execute(record_key.update().values(wrapped=None)).rowcount == 0


def test_an_events_document_is_seen_by_its_parties(service: Store) -> None:
    first, second = shops(service)
    own = select(taken_part.c.event).where(taken_part.c.organisation == first)
    with service.seeing(EVERYTHING).reading() as session:
        expected, all_ = set(session.scalars(own)), set(session.scalars(select(event_document.c.event)))
    assert set() < expected < all_
    with service.seeing(sight_of(first)).reading() as session:
        assert set(session.scalars(select(event_document.c.event))) == expected
        with across_organisations(session, because="a test"):
            assert set(session.scalars(select(event_document.c.event))) == all_
    with service.seeing(sight_of(second)).reading() as session:
        assert not expected & set(session.scalars(select(event_document.c.event)))


def test_rights_are_what_the_code_needs(service: Store) -> None:
    changed, deleted = _tables_in(_NAMED.format("update")), _tables_in(_NAMED.format("delete"))
    changed |= _tables_in(r"insert_for\(session, ([a-z_]+)\)(?:(?!insert_for\().){,700}?on_conflict_do_update\(")
    changed |= _tables_in(r"insert_rows(?:_along)?\(\s*session, ([a-z_]+),(?:(?!insert_rows\().)*?replace=")
    assert {"stock", "transit", "pharmacist", "master_data", "receipt"} <= changed
    locked = _tables_in(r"select\(\s*([a-z_]+)(?:(?!select\().)*?with_for_update\(")
    assert not changed & (FACTS | LOCKED.keys())
    assert not locked & FACTS
    assert locked >= LOCKED.keys(), "a right that nobody needs"
    assert deleted == DELETED, "a right that nobody needs, or a table without one"
    rights = text(
        "SELECT relname, has_table_privilege(oid, 'UPDATE'), has_table_privilege(oid, 'DELETE'),"
        " has_table_privilege(oid, 'TRUNCATE, REFERENCES, TRIGGER') FROM pg_class"
        " WHERE relkind = 'r' AND relnamespace = CAST('public' AS regnamespace)"
    )
    with service.engine.connect() as connection:
        for table, may_change, may_delete, more in connection.execute(rights):
            logbook = table in FACTS or table in LOCKED or table == "alembic_version"
            assert (may_change, may_delete, more) == (not logbook, table in DELETED, False), table
        with pytest.raises(DBAPIError, match="permission denied"):
            connection.execute(text("DELETE FROM lookup_log"))


def test_rights_that_an_older_version_gave_are_taken_back(url: str, service: Store) -> None:
    with closing(storage.open_store(url)) as owner, owner.writing() as session:
        session.execute(text(f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {SERVICE}"))
    storage.prepare(url, SERVICE)
    for refused in ("DELETE FROM lookup_log", "UPDATE ident SET uri = uri", "DELETE FROM alembic_version"):
        with pytest.raises(DBAPIError, match="permission denied"), service.seeing(EVERYTHING).writing() as session:
            session.execute(text(refused))


def test_rows_that_come_one_by_one_are_not_marked(service: Store) -> None:
    def numbers(session: Session) -> Iterator[int]:
        yield from session.scalars(select(stock.c.organisation))

    with pytest.raises(TypeError, match="numbers"):
        across(because="a test")(numbers)


def test_pooled_connection_carries_no_sight_to_whoever_has_it_next(service: Store) -> None:
    first, _ = shops(service)
    service.engine.dispose()
    for _ in range(8):
        with service.seeing(EVERYTHING).writing() as session, across_organisations(session, because="a test"):
            assert session.scalar(HOW_MANY) == 2
        assert service.engine.pool.checkedin() == 1, "it is one and the same connection"
        assert counted(service, NOTHING, stock) == 0
        assert counted(service, sight_of(first), stock) == 1
        with service.engine.connect() as connection:
            assert connection.scalar(HOW_MANY) == 0


def test_block_across_organisations_ends_whatever_ends_it(service: Store) -> None:
    first, _ = shops(service)
    with service.seeing(sight_of(first)).writing() as session:
        with across_organisations(session, because="a test"):
            assert session.scalar(HOW_MANY) == 2
        assert session.scalar(HOW_MANY) == 1
        with pytest.raises(DBAPIError), across_organisations(session, because="a test"), session.begin_nested():
            session.execute(text("SELECT 1 / (SELECT 0 FROM stock LIMIT 1)"))
        assert session.scalar(HOW_MANY) == 1
        with across_organisations(session, because="a test"):
            with session.begin_nested() as tried:
                assert session.scalar(HOW_MANY) == 2
                tried.rollback()
            assert session.scalar(HOW_MANY) == 2, "the savepoint took the sight back with it"
        with pytest.raises(ValueError, match="why"), across_organisations(session, because=""):
            pass


def test_who_sees_everything_is_narrowed_by_nobody(service: Store) -> None:
    first, second = shops(service)
    for sight, seen in ((sight_of(first), [second]), (EVERYTHING, [first, second])):
        with service.seeing(sight).reading() as session:
            see_as(session, sight_of(second))
            assert sorted(session.scalars(select(stock.c.organisation).distinct())) == seen


def test_what_is_written_when_a_look_ends_is_written_as_it_sees_by_then(service: Store) -> None:
    first, second = shops(service)
    for theirs, ends in ((first, nullcontext()), (second, pytest.raises(DBAPIError))):
        with ends, service.reading() as session:
            see_as(session, sight_of(first))
            kept = {"token": str(theirs), "organisation": theirs, "state": b"", "created_at": NOW}
            write_at_end(session, insert(trace_pause).values(kept))
    assert counted(service, EVERYTHING, trace_pause) == counted(service, sight_of(first), trace_pause) == 1


def test_sight_goes_ahead_of_the_next_statement_in_the_same_round_trip(service: Store) -> None:
    first, _ = shops(service)
    told: list[int] = []
    at = service.engine.url
    with Gate(at.port or 0) as way, closing(storage.open_store(str(at.set(port=way.port)))) as store:
        ahead = "before_cursor_execute", lambda c, *_: told.append(len(c.connection.dbapi_connection.ahead))
        event.listen(store.engine, *ahead)
        for _ in range(4):  # by then all is prepared
            before = way.asked
            told.clear()
            with store.seeing(sight_of(first)).reading() as session:
                _look(session, wide=False)
                _look(session, wide=True)
                _look(session, wide=False)
        assert told == [2, 0, 1, 0, 1, 0], "BEGIN and sight; once, however many blocks stand in one another"
        assert way.asked - before == 6 + 1, "and COMMIT"


def test_policies_are_taken_away_for_a_migration_and_come_back(url: str, service: Store) -> None:
    policies = "SELECT count(*) FROM pg_policies WHERE policyname = 'sees'"
    config = _migrations()
    config.attributes["url"] = service.url.replace(SERVICE, "postgres")
    with closing(storage.open_store(url)) as owner:
        command.downgrade(config, "0005")
        with owner.reading() as session:
            assert session.scalar(text(policies)) == 0
        storage.prepare(url, SERVICE)
        storage.prepare(url, SERVICE)
        with owner.reading() as session:
            assert session.scalar(text(policies)) == len(metadata.tables)
    first, _ = shops(service)
    assert counted(service, sight_of(first), stock) == 1


def _look(session: Session, *, wide: bool) -> None:
    if not wide:
        for _ in range(2):
            session.scalar(HOW_MANY)
        return
    with across_organisations(session, because="a test"), across_organisations(session, because="another"):
        session.scalar(HOW_MANY)
    with across_organisations(session, because="a test"):
        session.scalar(HOW_MANY)


_NAMED = r"(?<![.\w]){}\(\s*([a-z_]+)[,)]"  # as in update(receipt)


def _tables_in(pattern: str) -> set[str]:
    """The tables that statements of the code name where a pattern has its group."""
    files = [path for folder in ("storage", "trace") for path in (ROOT / folder).rglob("*.py")]
    texts = [path.read_text() for path in files if "migrations" not in path.parts]
    named = {name.removesuffix("_table") for whole in texts for name in re.findall(pattern, whole, re.DOTALL)}
    known = {name: table.name for name, table in vars(tables).items() if isinstance(table, Table)}
    assert named <= known.keys() | {"self"}, "named by something else"
    return {known[name] for name in named & known.keys()}


def _person_of(number: int) -> dict[str, object]:
    said = {"public_id": f"person{number}", "sign_in": f"person{number}", "name": "-"}
    return {**said, "organisation": number, "role": "clerk", "active": True, "created_at": NOW}


def _query_of(number: int) -> dict[str, object]:
    return {"organisation": number, "name": "all", "parameters": b"{}", "created_at": func.now()}
