"""What one scan, captured in a transaction of its own, costs: statements, and ways to PostgreSQL and back."""

from contextlib import closing
from decimal import Decimal

from msgspec.structs import replace
from sqlalchemy import make_url

from storage.store import open_store
from storage.tenancy import EVERYTHING
from tests.conftest import Databases, as_service, make_database
from tests.gate import Gate
from tests.services.test_capture import LOT, harvest, sale, send
from tests.services.test_lookup import statements
from tests.town import Town
from trace.domain.events import Quantity


def how_many(town: Town, *, sqlite: int, postgresql: int) -> int:
    """The statements it takes on this town's database: without the COMMIT, on SQLite with the BEGIN."""
    return {"sqlite": sqlite, "postgresql": postgresql}[town.store.engine.dialect.name]


def test_goods_that_come_to_be_take_three_statements_or_one_a_table(town: Town) -> None:
    farm = town.organisation()
    with statements(town.store) as sent:
        send(town, farm, harvest())
    assert len(sent) == how_many(town, sqlite=9, postgresql=3), "\n".join(sent)


def test_a_sale_takes_four_statements_or_one_a_table(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest())
    with statements(town.store) as sent:
        send(town, farm, sale())
    assert len(sent) == how_many(town, sqlite=9, postgresql=4), "\n".join(sent)


def test_a_scan_goes_to_postgresql_and_back_to_look_and_to_write(databases: Databases) -> None:
    url = make_url(as_service(make_database(databases, "postgresql")))
    with Gate(url.port or 0) as way, closing(open_store(str(url.set(port=way.port)))) as store:
        town = Town(store.seeing(EVERYTHING))
        farm = town.organisation()
        for number in range(1, 9, 2):  # by then all is prepared
            taken = []
            new = Quantity(f"{LOT}-{number}", Decimal(10), "KGM")
            for made in (replace(harvest(number), quantities=(new,)), replace(sale(number + 1), quantities=(new,))):
                before = way.asked
                send(town, farm, made)
                taken.append(way.asked - before)
    assert taken == [2, 3], "a sale asks what is there, too, when it has locked it"
