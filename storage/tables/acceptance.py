"""What comes to a pharmacy: orders, acceptance by scanning, first-product files, loggers of the way."""

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

maker_code = Table(
    "maker_code",
    metadata,
    Column("id", Number, primary_key=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    Column("prefix", String(20), nullable=False, comment="what all codes of this pack begin with"),
    Column("length", SmallInteger, nullable=False, comment="characters of a whole code"),
    Column("pack_level", SmallInteger, nullable=False, default=1, comment="1 is the smallest pack"),
    Column("learnt_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("learnt_at", Moment, nullable=False),
    UniqueConstraint("prefix", "length"),
    comment="Makers' own trace codes (NHSA's second kind): known by how they begin and how long they are",
)

product_check = Table(
    "product_check",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("checked", JSON, nullable=False, default=list, comment="what was looked at"),
    Column("remarks", String(200), nullable=False, default=""),
    Column("checked_by", Number, ForeignKey("person.id")),
    Column("checked_at", Moment, nullable=False),
    PrimaryKeyConstraint("organisation", "product"),
    comment="首营品种: the file of a product before its first purchase (GSP)",
)

product_change = Table(
    "product_change",
    metadata,
    Column("id", Number, primary_key=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    Column("code", String(64), nullable=False, default="", comment="the code identifier it is about, if any"),
    Column("field", String(24), nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("reason", String(200), nullable=False, default=""),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("device", String(120), nullable=False, default="", comment="kind of browser or program, no more"),
    Column("changed_at", Moment, nullable=False),
    comment="What was corrected or added in the drug file, by whoever; insert-only (R16)",
)

relation_file = Table(
    "relation_file",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("report", JSON, nullable=False, default=dict, comment="what was in it: cases, boxes, lots"),
    Column("person", Number, ForeignKey("person.id")),
    Column("brought_in_at", Moment, nullable=False),
    UniqueConstraint("organisation", "object"),
    comment="关联关系: files that say which boxes are in which case, as they came",
)

purchase_order = Table(
    "purchase_order",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("supplier", Number, ForeignKey("supplier.id"), nullable=False),
    Column("number", String(60), nullable=False),
    Column("ordered_on", Date, nullable=False),
    Column("state", String(12), nullable=False, comment="open, received, cancelled"),
    Column("person", Number, ForeignKey("person.id")),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation", "number"),
)

purchase_order_line = Table(
    "purchase_order_line",
    metadata,
    Column("purchase_order", Number, ForeignKey("purchase_order.id"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths"),
    Column("unit", String(3), nullable=False),
    Column("price", BigInteger, comment="millionths of a yuan per unit"),
    PrimaryKeyConstraint("purchase_order", "line"),
)

acceptance = Table(
    "acceptance",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("purchase_order", Number, ForeignKey("purchase_order.id"), index=True),
    Column("supplier", JSON, nullable=False, comment="as a delivery names it: id, or name, address, contact"),
    Column("delivery_note", String(80), nullable=False, default=""),
    Column("state", String(12), nullable=False, comment="open, done, cancelled"),
    Column("transport", JSON, nullable=False, default=dict, comment="of cold goods: how, left at, arrived at, seal"),
    Column("scans", JSON, nullable=False, default=list, comment="public ids of the photos its codes were read from"),
    Column("receipt", Number, ForeignKey("receipt.id"), index=True),
    Column("person", Number, ForeignKey("person.id")),
    Column("second_person", Number, ForeignKey("person.id"), comment="the second signature for special drugs"),
    Column("opened_at", Moment, nullable=False),
    Column("closed_at", Moment),
    Index("ix_acceptance_organisation", "organisation", "opened_at"),
    comment="验收: a delivery while it is scanned, by one or several people; then its receipt",
)

acceptance_line = Table(
    "acceptance_line",
    metadata,
    Column("acceptance", Number, ForeignKey("acceptance.id"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("lot_number", String(60), nullable=False, default=""),
    Column("produced_on", Date),
    Column("expires_on", Date),
    Column("amount", BigInteger, comment="millionths, as the delivery note says"),
    Column("unit", String(3), nullable=False),
    Column("price", BigInteger, comment="millionths of a yuan per unit"),
    Column("more", JSON, nullable=False, default=dict, comment="papers, decision, reason, why there are no codes"),
    PrimaryKeyConstraint("acceptance", "line"),
    comment="随货同行单, line by line",
)

acceptance_code = Table(
    "acceptance_code",
    metadata,
    Column("acceptance", Number, ForeignKey("acceptance.id"), nullable=False),
    Column("uri", Text, nullable=False),
    Column("line", SmallInteger, comment="NULL: read, and not of any line yet"),
    Column("parent", Text, comment="the case whose relation file told of it"),
    Column("lot_number", String(60), nullable=False, default="", comment="as the code itself says (GS1)"),
    Column("expires_on", Date, comment="as the code itself says (GS1)"),
    Column("person", Number, ForeignKey("person.id")),
    Column("scanned_at", Moment, nullable=False),
    PrimaryKeyConstraint("acceptance", "uri"),
    comment="The primary key makes a code that is read again and again one code",
)

temperature_log = Table(
    "temperature_log",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("acceptance", Number, ForeignKey("acceptance.id"), index=True),
    Column("receipt", Number, ForeignKey("receipt.id"), index=True),
    Column(
        "object", String(64), ForeignKey("object.sha256"), nullable=False, index=True, comment="the file as it came"
    ),
    Column("logger", String(80), nullable=False, default=""),
    Column("started_at", Moment, nullable=False),
    Column("ended_at", Moment, nullable=False),
    Column("readings", Integer, nullable=False),
    Column("missing", Integer, nullable=False, comment="lines of the file without a reading"),
    Column("gap_seconds", Integer, nullable=False, comment="the longest time between two readings"),
    Column("low", Integer, nullable=False, comment="allowed, hundredths of a degree"),
    Column("high", Integer, nullable=False, comment="allowed, hundredths of a degree"),
    Column("coldest", Integer, nullable=False, comment="hundredths of a degree"),
    Column("warmest", Integer, nullable=False, comment="hundredths of a degree"),
    Column("kinetic", Integer, nullable=False, comment="mean kinetic temperature, hundredths of a degree"),
    Column("excursion_count", Integer, nullable=False, comment="stays outside the range"),
    Column("excursions", JSON, nullable=False, comment="the first of them: [{from, until, coldest, warmest}]"),
    Column("points", JSON, nullable=False, comment="the curve, thinned: [seconds since the start, hundredths]"),
    Column("person", Number, ForeignKey("person.id")),
    Column("filed_at", Moment, nullable=False),
    comment="The log of a cold delivery's way (SAMR 84 Art. 41)",
)
