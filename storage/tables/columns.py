"""What all tables share: names of constraints, numbers, moments, amounts."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer, MetaData, String
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)
embedded = MetaData(naming_convention=NAMING)  # tables that SQLite alone has

# SQLite gives row numbers to INTEGER PRIMARY KEY only; PostgreSQL gets a 64-bit identity.
Number = BigInteger().with_variant(Integer, "sqlite")


def in_order_of_bytes(length: int) -> String:
    """A text whose indices are in the order of its bytes, whatever language the database sorts by: what begins with
    something is one piece of them (`storage.prefixes`)."""
    return String(length, collation="C").with_variant(String(length), "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC: SQLite has no time zones and would give local time back as if it were UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """To UTC; a naive datetime is a fault of ours and refused."""
        if value is not None and value.tzinfo is None:
            raise ValueError("a stored moment needs an offset; a naive datetime came")
        return value.astimezone(UTC) if value is not None else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """From UTC, aware again."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


MICRO = 1_000_000  # amounts are stored in millionths of their unit
