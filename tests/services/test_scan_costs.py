"""What one scan, captured in a transaction of its own, costs: its statements, each a round trip on PostgreSQL."""

from tests.services.test_capture import harvest, sale, send
from tests.services.test_lookup import statements
from tests.town import Town


def how_many(town: Town, *, sqlite: int, postgresql: int) -> int:
    """The statements it takes on this town's database: with the BEGIN, without the COMMIT."""
    return {"sqlite": sqlite, "postgresql": postgresql}[town.store.engine.dialect.name]


def test_goods_that_come_to_be_take_four_statements_or_one_a_table(town: Town) -> None:
    farm = town.organisation()
    with statements(town.store) as sent:
        send(town, farm, harvest())
    assert len(sent) == how_many(town, sqlite=9, postgresql=4), "\n".join(sent)


def test_a_sale_takes_five_statements_or_one_a_table(town: Town) -> None:
    farm = town.organisation()
    send(town, farm, harvest())
    with statements(town.store) as sent:
        send(town, farm, sale())
    assert len(sent) == how_many(town, sqlite=9, postgresql=5), "\n".join(sent)
