"""Receipts, stock, goods on the way, dispensing, alerts: records and projections of the shop's day."""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    text,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

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
    Column("supplier_file", Number, ForeignKey("supplier.id"), index=True),
    Column("undone_at", Moment, comment="taken back as a whole: its events are declared wrong"),
    Index("ix_receipt_organisation", "organisation", "received_at"),
)

receipt_scan = Table(
    "receipt_scan",
    metadata,
    Column("receipt", Number, ForeignKey("receipt.id"), nullable=False),
    Column("scan", Number, ForeignKey("scan.id"), nullable=False, index=True),
    PrimaryKeyConstraint("receipt", "scan"),
    comment="The photos a delivery was recorded from",
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
    Column("papers", JSON, nullable=False, default=list, comment="those that were there, as they were on that day"),
    Column("celsius", Integer, comment="arrival temperature in hundredths of a degree"),
    Column("event", Number, ForeignKey("event.id"), index=True, comment="what was seen, whatever was decided"),
    Column("overridden_by", Number, ForeignKey("person.id"), comment="the second person who accepts against a finding"),
    Column("override_reason", String(200), nullable=False, default=""),
    Column("corrected_at", Moment, comment="a later correction stands in `correction`"),
    PrimaryKeyConstraint("receipt", "line"),
)

stock = Table(
    "stock",
    metadata,
    # No foreign keys, as in the facts it follows from (`storage.tables.facts`).
    Column("organisation", Number, nullable=False, comment="organisation.id"),
    Column("item", Number, nullable=False, comment="ident.id"),
    Column("unit", String(3), nullable=False),
    Column("lot", BigInteger, comment="the lot an instance belongs to; the item itself for a lot"),
    # came = on_hand + held + sold + sent + returned + destroyed + used + missing, always: the mass balance (R6).
    Column("came", BigInteger, nullable=False, default=0, comment="millionths that were received or made here"),
    Column("on_hand", BigInteger, nullable=False, default=0, comment="millionths"),
    Column("held", BigInteger, nullable=False, default=0, comment="millionths, not for sale"),
    Column("sold", BigInteger, nullable=False, default=0, comment="millionths sold to customers, not brought back"),
    Column("sent", BigInteger, nullable=False, default=0, comment="millionths sent to others"),
    Column("returned", BigInteger, nullable=False, default=0, comment="millionths sent back to suppliers"),
    Column("destroyed", BigInteger, nullable=False, default=0, comment="millionths"),
    Column("used", BigInteger, nullable=False, default=0, comment="millionths made into something else, or sampled"),
    Column("missing", BigInteger, nullable=False, default=0, comment="millionths that a stock-taking did not find"),
    PrimaryKeyConstraint("organisation", "item", "unit"),
    Index("ix_stock_item", "item"),
    Index("ix_stock_lot", "lot", "organisation"),
    sqlite_with_rowid=False,
)

stock_unmoved = Table(
    "stock_unmoved",
    metadata,
    Column("event", Number, ForeignKey("event.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("unit", String(3), nullable=False),
    PrimaryKeyConstraint("event", "item", "unit"),
    comment="What partners' events could not move, for want of goods: declared wrong, they bring nothing back",
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
    Column("split_units", Integer, comment="拆零: how many of the pack's smallest units; NULL: the whole pack"),
    # One code, one sale in one shop (R8): the constraint decides between two counters, not a look beforehand.
    Index(
        "uq_dispensing_open",
        "organisation",
        "item",
        unique=True,
        sqlite_where=text("returned_event IS NULL AND split_units IS NULL"),
        postgresql_where=text("returned_event IS NULL AND split_units IS NULL"),
    ),
)

dispensing_head = Table(
    "dispensing_head",
    metadata,
    Column("item", Number, ForeignKey("ident.id"), primary_key=True, autoincrement=False),
    Column("open_sales", Integer, nullable=False),
    Column("split_units", Integer, nullable=False, default=0, comment="sold in parts and not returned, in all shops"),
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

alert_settlement = Table(
    "alert_settlement",
    metadata,
    Column("alert", Number, ForeignKey("alert.id"), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, comment="that settled it for itself"),
    Column("action", String(200), nullable=False, comment="what was done about it"),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("settled_at", Moment, nullable=False),
    PrimaryKeyConstraint("alert", "organisation"),
    comment="Added to, never changed: the shop and each office of inspectors settle an alert for themselves, once",
)
