"""The database itself keeps organisations apart: row-level security of PostgreSQL behind every WHERE."""

from collections.abc import Iterator
from contextlib import closing

import pytest
from alembic import command
from sqlalchemy import Table, event, func, insert, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from storage.row_security import OF_CHAIN, OR_NOBODYS, SHARED, condition, find_hole
from storage.store import Store, _migrations
from storage.tables import metadata, named_query, organisation, stock, store_setting
from storage.tenancy import EVERYTHING, NOTHING, Sight, across_organisations, see_as, sight_of
from tests.conftest import SERVICE, Databases, as_service, make_database
from tests.town import Town

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
                allowed = {number, None} if table.name in OR_NOBODYS else {number}
                assert seen <= allowed or table.name in OF_CHAIN, table.name


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


def test_sight_rides_with_the_statement_that_begins_the_transaction(service: Store) -> None:
    first, _ = shops(service)
    sent: list[str] = []

    def note(_c: object, _k: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(service.engine, "before_cursor_execute", note)
    with service.seeing(sight_of(first)).reading() as session:
        _look(session, across=False)
        assert [words.split()[0] for words in sent] == ["BEGIN", "SELECT", "SELECT"]
        assert sent[0].endswith(f"'{first}'")
        sent.clear()
        _look(session, across=True)
        assert len(sent) == 2 + 1, "told once, however many blocks stand in one another"
        _look(session, across=False)
        assert len(sent) == 2 + 1 + 2 + 1
    event.remove(service.engine, "before_cursor_execute", note)


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


def _look(session: Session, *, across: bool) -> None:
    if not across:
        for _ in range(2):
            session.scalar(HOW_MANY)
        return
    with across_organisations(session, because="a test"), across_organisations(session, because="another"):
        session.scalar(HOW_MANY)
    with across_organisations(session, because="a test"):
        session.scalar(HOW_MANY)


def _query_of(number: int) -> dict[str, object]:
    return {"organisation": number, "name": "all", "parameters": b"{}", "created_at": func.now()}
