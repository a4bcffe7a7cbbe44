"""The tables, in SQLAlchemy Core for events (the bulk path) and as mapped rows for everything people edit.

Two kinds live here. *Facts*: `event`, `event_document`, `event_item`, `event_party`: insert-only, never changed.
*Records and projections*: organisations, products, receipts ...; what can be derived from events (`stock`, `transit`,
`dispensing`) is kept beside them in the same transaction, because a counter at the shop cannot wait for a trace.

Times of events are UTC milliseconds (bigint) plus minutes of offset; amounts are millionths of a unit (bigint): no
floats, and the same arithmetic on SQLite and PostgreSQL.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import JSON, TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
metadata = MetaData(naming_convention=NAMING)

# SQLite gives row numbers to INTEGER PRIMARY KEY only; PostgreSQL gets a 64-bit identity.
Number = BigInteger().with_variant(Integer, "sqlite")


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

# ---- facts ---------------------------------------------------------------------------------------------------------

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
    # 63 bits of the eventID's hash: finds an event by its ID and refuses the same ID twice. Among ten million events
    # two IDs share a key with odds of 1 to 200,000; the second is then refused with a sentence, never mixed up.
    Column("id_key", BigInteger, nullable=False),
    Column("declares_error", Boolean, nullable=False, default=False),
    Column("type", SmallInteger, nullable=False),
    Column("action", SmallInteger),
    Column("step", BigInteger, ForeignKey("ident.id")),
    Column("disposition", BigInteger, ForeignKey("ident.id")),
    Column("read_point", BigInteger, ForeignKey("ident.id")),
    Column("biz_location", BigInteger, ForeignKey("ident.id")),
    Column("captured_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("links", LargeBinary, nullable=False, comment="packed (item, peer, role): storage.events"),
    UniqueConstraint("id_key", "declares_error"),
    Index("ix_event_time", "event_time", "id"),
    Index("ix_event_site", "biz_location", "event_time", "id"),
    Index("ix_event_step", "step", "event_time", "id"),
)

event_document = Table(
    "event_document",
    metadata,
    Column("event", Number, ForeignKey("event.id"), primary_key=True, autoincrement=False),
    Column("document", LargeBinary, nullable=False, comment="canonical EPCIS 2.0 JSON, made once"),
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
    sqlite_with_rowid=False,
    comment="The trace index: what happened to an item, in order of time, is one range of the key",
)

event_party = Table(
    "event_party",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("event", Number, nullable=False),
    PrimaryKeyConstraint("organisation", "time", "event"),
    Index("ix_event_party_event", "event"),
    sqlite_with_rowid=False,
    comment="Who may see an event whole: who captured it, and who is named as its source or destination",
)

pending_proof = Table(
    "pending_proof",
    metadata,
    Column("event", Number, ForeignKey("event.id"), primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False, comment="SHA-256 of the canonical bytes"),
    comment="Events waiting for the log of proofs; a sequencer will take them, no request ever locks",
)

store_setting = Table(
    "store_setting",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
    comment="What a store was made with and must not change: the domain of its identifiers",
)

# ---- who -----------------------------------------------------------------------------------------------------------

organisation = Table(
    "organisation",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("uscc", String(18), unique=True),
    Column("region", String(6), nullable=False),
    Column("address", String(200), nullable=False, default=""),
    Column("contact", String(80), nullable=False, default="", comment="telephone of the business, no person"),
    Column("party_uri", Text, nullable=False, unique=True),
    Column("headquarters", Number, ForeignKey("organisation.id")),
    Column("warnings", JSON, nullable=False, default=list),
    Column("created_at", Moment, nullable=False),
)

licence = Table(
    "licence",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("number", String(40), nullable=False),
    Column("expires_on", Date),
    Column("object", String(64), ForeignKey("object.sha256")),
    Column("warnings", JSON, nullable=False, default=list),
    UniqueConstraint("kind", "number"),
)

place = Table(
    "place",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("region", String(6), nullable=False),
    UniqueConstraint("organisation", "name"),
)

person = Table(
    "person",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("sign_in", String(64), nullable=False, unique=True),
    Column("name", String(80), nullable=False),
    Column("password_hash", String(200), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", Moment, nullable=False),
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Number, primary_key=True),
    Column("prefix", String(12), nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256 of 256 random bits: no salt needed"),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("label", String(80), nullable=False, default=""),
    Column("revoked_at", Moment),
    Column("created_at", Moment, nullable=False),
)

lookup_log = Table(
    "lookup_log",
    metadata,
    Column("id", Number, primary_key=True),
    Column("looked_up_at", Moment, nullable=False, index=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("region", String(6), nullable=False),
    Column("what", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", String(200), nullable=False, default=""),
    comment="Every look-up by an inspector or auditor (R18)",
)

client_request = Table(
    "client_request",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("client_key", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("request_digest", LargeBinary, nullable=False),
    Column("answer", JSON),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("organisation", "client_key"),
    comment="What a client key was used for: the same again gets the same answer, for ever",
)

# ---- what ----------------------------------------------------------------------------------------------------------

product = Table(
    "product",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("class_uri", Text, nullable=False, unique=True),
    Column("name", String(120), nullable=False),
    Column("category", String(24), nullable=False),
    Column("specification", String(80), nullable=False, default=""),
    Column("unit", String(3), nullable=False),
    Column("shelf_life_days", Integer),
    Column("producer", String(120), nullable=False, default=""),
    Column("approval_no", String(40), comment="drugs: 批准文号"),
    Column("national_drug_code", String(14)),
    Column("dosage_form", String(40)),
    Column("prescription", String(8), comment="rx, otc_a, otc_b"),
    Column("celsius_low", Integer, comment="hundredths of a degree"),
    Column("celsius_high", Integer, comment="hundredths of a degree"),
    Column("registered_by", Number, ForeignKey("organisation.id")),
    Column("created_at", Moment, nullable=False),
)

product_code = Table(
    "product_code",
    metadata,
    Column("id", Number, primary_key=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    # PLUs mean something in one shop only; 0 stands for "everywhere", because NULLs never collide.
    Column("organisation", Number, nullable=False, default=0),
    Column("code", String(64), nullable=False, comment="GTIN-14, PLU, 7-digit drug identifier"),
    UniqueConstraint("organisation", "code"),
)

lot = Table(
    "lot",
    metadata,
    Column("item", Number, ForeignKey("ident.id"), primary_key=True, autoincrement=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    Column("number", String(60), nullable=False),
    Column("produced_on", Date),
    Column("expires_on", Date),
    Column("origin_region", String(6)),
    Column("origin", String(120), nullable=False, default=""),
    Column("created_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
)

certificate = Table(
    "certificate",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("kind", String(40), nullable=False),
    Column("form", String(24), nullable=False, default=""),
    Column("number", String(80), nullable=False, default=""),
    Column("issuer", String(120), nullable=False),
    Column("issued_on", Date, nullable=False),
    Column("valid_until", Date),
    Column("fields", JSON, nullable=False, default=dict),
    Column("object", String(64), ForeignKey("object.sha256")),
    Column("replaces", Number, ForeignKey("certificate.id")),
    Column("revoked_at", Moment),
    Column("revoked_reason", String(200)),
    Column("created_at", Moment, nullable=False),
    Index("ix_certificate_number", "kind", "number"),
)

certificate_lot = Table(
    "certificate_lot",
    metadata,
    Column("certificate", Number, ForeignKey("certificate.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("linked_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("linked_at", Moment, nullable=False),
    PrimaryKeyConstraint("certificate", "item"),
    Index("ix_certificate_lot_item", "item"),
)

stored_object = Table(
    "object",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(60), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Moment, nullable=False),
)

object_owner = Table(
    "object_owner",
    metadata,
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    PrimaryKeyConstraint("object", "organisation"),
    comment="Two organisations may upload the same picture; each sees it as its own",
)

scan = Table(
    "scan",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False),
    Column("upload_sha256", String(64), nullable=False, comment="of the bytes that came; they are not kept"),
    Column("readings", JSON, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)

# ---- receiving and stock -------------------------------------------------------------------------------------------

receipt = Table(
    "receipt",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("supplier", Number, ForeignKey("organisation.id"), comment="where the supplier is on the system"),
    Column("supplier_name", String(120), nullable=False),
    Column("supplier_address", String(200), nullable=False),
    Column("supplier_contact", String(80), nullable=False),
    Column("delivery_note", String(80), nullable=False, default=""),
    Column("received_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("recorded_by", Number, ForeignKey("person.id")),
    Column("scan", Number, ForeignKey("scan.id")),
    Index("ix_receipt_organisation", "organisation", "received_at"),
)

receipt_line = Table(
    "receipt_line",
    metadata,
    Column("receipt", Number, ForeignKey("receipt.id"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths"),
    Column("unit", String(3), nullable=False),
    Column("price", BigInteger, comment="millionths of a yuan per unit; never shown to others"),
    Column("decision", String(8), nullable=False),
    Column("reason", String(200), nullable=False, default=""),
    Column("findings", JSON, nullable=False, default=list),
    Column("celsius", Integer, comment="arrival temperature in hundredths of a degree"),
    Column("event", Number, ForeignKey("event.id"), comment="none for goods refused at the door"),
    PrimaryKeyConstraint("receipt", "line"),
)

stock = Table(
    "stock",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("unit", String(3), nullable=False),
    Column("lot", BigInteger, comment="the lot an instance belongs to; the item itself for a lot"),
    Column("on_hand", BigInteger, nullable=False, default=0, comment="millionths"),
    Column("held", BigInteger, nullable=False, default=0, comment="millionths, not for sale"),
    PrimaryKeyConstraint("organisation", "item", "unit"),
    Index("ix_stock_item", "item"),
    Index("ix_stock_lot", "organisation", "lot"),
)

transit = Table(
    "transit",
    metadata,
    Column("receiver", Number, ForeignKey("organisation.id"), nullable=False),
    Column("sender", Number, ForeignKey("organisation.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("unit", String(3), nullable=False),
    Column("lot", BigInteger),
    Column("amount", BigInteger, nullable=False, comment="millionths shipped and not yet received"),
    Column("event", Number, nullable=False, comment="the latest shipment"),
    PrimaryKeyConstraint("receiver", "sender", "item", "unit"),
    comment="Shipped to us and not yet received: what the station offers before anybody types",
)

dispensing = Table(
    "dispensing",
    metadata,
    Column("id", Number, primary_key=True),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("event", Number, ForeignKey("event.id"), nullable=False),
    Column("returned_event", Number, ForeignKey("event.id")),
    Column("dispensed_at", Moment, nullable=False),
    # One code, one sale in one shop (R8): the constraint decides between two counters, not a look beforehand.
    Index(
        "uq_dispensing_open",
        "organisation",
        "item",
        unique=True,
        sqlite_where=text("returned_event IS NULL"),
        postgresql_where=text("returned_event IS NULL"),
    ),
)

dispensing_head = Table(
    "dispensing_head",
    metadata,
    Column("item", Number, ForeignKey("ident.id"), primary_key=True, autoincrement=False),
    Column("open_sales", Integer, nullable=False),
    CheckConstraint("open_sales >= 0", name="open_sales"),
    comment="One row a code: its lock lines up sales of the same code in different shops, so that each sees the others",
)

alert = Table(
    "alert",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("region", String(6), nullable=False),
    Column("details", JSON, nullable=False, default=dict),
    Column("created_at", Moment, nullable=False, index=True),
)
