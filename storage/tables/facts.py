"""Facts: events, their documents and their indices. Insert-only, never changed."""

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.expression import FunctionElement

from storage.packing import Packed
from storage.tables.columns import Number, embedded, metadata
from trace.domain.containment import ENDS_STAYS
from trace.domain.links import Role

ENDING_ROLES = ", ".join(str(int(role)) for role in sorted(ENDS_STAYS))  # an index is used by who writes it alike
NO_OBJECTS = "type <> 0"  # of `event`: all but object events (`storage.events.TYPES`)


class transaction_number(FunctionElement[int]):  # noqa: N801 - written like the SQL function it is
    """PostgreSQL's number of the transaction, which grows; 0 on SQLite."""

    inherit_cache = True
    type = BigInteger()


@compiles(transaction_number)
def _on_any(_element: object, _compiler: object, **_more: object) -> str:
    return "0"


@compiles(transaction_number, "postgresql")
def _on_postgresql(_element: object, _compiler: object, **_more: object) -> str:
    return "CAST(CAST(pg_current_xact_id() AS text) AS bigint)"


ident = Table(
    "ident",
    metadata,
    Column("id", Number, primary_key=True),
    Column("uri", Text, nullable=False, unique=True),
    Column("kind", SmallInteger, nullable=False, comment="trace.domain.uris.UriKind"),
    comment="Every thing, class, place, party, vocabulary word an event names, once",
)

event = Table(
    "event",
    metadata,
    Column("id", Number, primary_key=True, comment="in order of capture"),
    Column("event_time", BigInteger, nullable=False, comment="UTC milliseconds"),
    Column("record_time", BigInteger, nullable=False, comment="UTC milliseconds"),
    Column("offset_minutes", SmallInteger, nullable=False),
    # 63 bits of the eventID's hash: finds an event by its ID and refuses the same ID twice; on SQLite, which logs whole
    # pages, by `event_key` (`storage.event_keys`: all that asks for a key goes through it). Among ten million events
    # two IDs share a key with odds of 1 to 200,000; the second is then refused with a sentence, never mixed up.
    Column("id_key", BigInteger, nullable=False),
    # An error declaration repeats the eventID of what it declares wrong. Anybody may declare, each for themselves: a
    # stranger's declaration must not stand in the way of the captor's.
    Column("declarer", BigInteger, nullable=False, comment="organisation.id of who declares an error with it, else 0"),
    Column("type", SmallInteger, nullable=False),
    Column("action", SmallInteger),
    # No foreign keys in what a capture adds by the thousand: they took half of PostgreSQL's time and much of its log.
    # The numbers are those of rows that the same transaction found or added, and nothing of either is ever deleted.
    Column("step", BigInteger),
    Column("disposition", BigInteger),
    Column("read_point", BigInteger),
    Column("biz_location", BigInteger),
    Column("captured_by", Number, nullable=False, comment="organisation.id"),
    # Who did it, by number only: a fact holds no name, and whom a number meant is the organisation's own record.
    Column("person", Number, comment="person.id, where a person was signed in"),
    Column("api_key", Number, comment="api_key.id, where a machine sent it"),
    Column("links", LargeBinary, nullable=False, comment="packed (item, peer, role): storage.events"),
    # In the order of id, PostgreSQL's transactions become visible as they commit, not as they began: whoever reads on
    # from a mark must not pass what commits later. SQLite has one writer, its ids are in order of commit.
    Column(
        "xact",
        BigInteger,
        nullable=False,
        server_default=transaction_number(),
        comment="PostgreSQL's transaction number, else 0",
    ),
    UniqueConstraint("id_key", "declarer").ddl_if(dialect="postgresql"),
    Index("ix_event_time", "event_time", "id"),
    Index("ix_event_captor", "captured_by", "event_time", "id"),
    Index("ix_event_captor_recorded", "captured_by", "record_time", "id"),
    Index("ix_event_site", "biz_location", "event_time", "id"),
    Index("ix_event_site_step", "biz_location", "step", "event_time", "id"),
    Index("ix_event_step", "step", "event_time", "id"),
    Index("ix_event_disposition", "disposition", "event_time", "id"),
    Index("ix_event_read_point", "read_point", "event_time", "id"),
    Index("ix_event_record_time", "record_time", "id"),
    # Of the rare types alone: object events are most of all, and the next one is never far.
    Index(
        "ix_event_type", "type", "event_time", "id", sqlite_where=text(NO_OBJECTS), postgresql_where=text(NO_OBJECTS)
    ),
    # Empty on SQLite, where the numbers are the order by themselves: an index less is a page less to write for a scan.
    Index("ix_event_feed", "xact", "id", sqlite_where=text("xact <> 0")),
)

event_key = Table(
    "event_key",
    embedded,
    Column("stage", SmallInteger, nullable=False, comment="how many moves are before it: storage.event_keys"),
    Column("id_key", BigInteger, nullable=False),
    Column("declarer", BigInteger, nullable=False),
    Column("event", Number, nullable=False),
    PrimaryKeyConstraint("stage", "id_key", "declarer"),
    sqlite_with_rowid=False,
    comment="Finds an event by the key of its eventID on SQLite",
)

event_withdrawn = Table(
    "event_withdrawn",
    metadata,
    Column("event", Number, ForeignKey("event.id"), primary_key=True, autoincrement=False),
    comment="Events whose captor declared them wrong, and the declarations: no trace follows them (EPCIS 2.0 7.4.1.2)",
)

event_document = Table(
    "event_document",
    metadata,
    Column("event", Number, primary_key=True, autoincrement=False),
    Column("document", Packed, nullable=False, comment="canonical EPCIS 2.0 JSON, made once: storage.packing"),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the document: what the log of proofs will take"),
)

event_item = Table(
    "event_item",
    metadata,
    Column("item", Number, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("event", Number, nullable=False),
    Column("line", Integer, nullable=False),
    Column("role", SmallInteger, nullable=False, comment="trace.domain.links.Role"),
    Column("peer", BigInteger),
    Column("amount", BigInteger, comment="millionths; only where a stay in a container needs it"),
    PrimaryKeyConstraint("item", "time", "event", "line"),
    # Into what was a crate packed last? Without this its whole life would be read backwards.
    Index(
        "ix_event_item_packed",
        "item",
        "time",
        "event",
        sqlite_where=text(f"role = {Role.PACKED:d}"),
        postgresql_where=text(f"role = {Role.PACKED:d}"),
    ),
    # When was a tank next emptied? One that never is would be read to the end for everything that is in it.
    Index(
        "ix_event_item_ended",
        "item",
        "time",
        "event",
        sqlite_where=text(f"role IN ({ENDING_ROLES})"),
        postgresql_where=text(f"role IN ({ENDING_ROLES})"),
    ),
    sqlite_with_rowid=False,
    comment="The trace index: what happened to an item, in order of time, is one range of the key",
)

event_party = Table(
    "event_party",
    metadata,
    Column("organisation", Number, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("event", Number, nullable=False),
    Column("recorded", BigInteger, nullable=False, comment="event.record_time"),
    PrimaryKeyConstraint("organisation", "time", "event"),
    Index("ix_event_party_recorded", "organisation", "recorded", "event"),
    Index("ix_event_party_event", "event"),
    sqlite_with_rowid=False,
    comment="Who may see an event whole beside its captor: who is named as its source or destination, or sent it, too",
)
