"""What administrators write into the rule book, what was corrected, what was checked and signed, what was read in."""

from sqlalchemy import (
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, in_order_of_bytes, metadata

rule_entry = Table(
    "rule_entry",
    metadata,
    Column("id", Number, primary_key=True),
    Column("name", String(80), nullable=False),
    # No foreign key: 0 stands for everywhere.
    Column("organisation", Number, nullable=False, default=0, comment="organisation.id of a house rule, 0 everywhere"),
    Column("effective_from", Date, nullable=False),
    Column("value", JSON, nullable=False),
    Column("source", String(300), nullable=False),
    Column("confidence", String(1), nullable=False, comment="trace.domain.rules.book.Confidence"),
    Column("reason", String(200), nullable=False, default=""),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("written_at", Moment, nullable=False),
    Index("ix_rule_entry_organisation", "organisation", "name"),
    comment="Entries of the rule book beside those shipped; insert-only, what is written later counts",
)

correction = Table(
    "correction",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("kind", String(24), nullable=False, comment="of the record: receipt_line, receipt, supplier, certificate"),
    Column(
        "subject",
        in_order_of_bytes(60),
        nullable=False,
        comment="public id of the record, for a line with its number",
    ),
    Column("field", String(40), nullable=False),
    Column("old", Text),
    Column("new", Text),
    Column("reason", String(200), nullable=False),
    Column("event", Number, ForeignKey("event.id"), comment="the event that corrects, where there is one"),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("device", String(120), nullable=False, default="", comment="kind of browser or program, no more"),
    Column("corrected_at", Moment, nullable=False),
    Index("ix_correction_subject", "organisation", "kind", "subject"),
    comment="What was corrected in a record, and why; insert-only (R16)",
)

self_check = Table(
    "self_check",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("kind", String(8), nullable=False, comment="daily, weekly, monthly"),
    Column("first_day", Date, nullable=False),
    Column("last_day", Date, nullable=False),
    Column("content", LargeBinary, nullable=False, comment="JSON as it was signed"),
    Column("sha256", String(64), nullable=False, comment="of the content"),
    Column("remarks", Text, nullable=False, default=""),
    Column("signed_by", Number, ForeignKey("person.id"), nullable=False),
    Column("signed_at", Moment, nullable=False),
    UniqueConstraint("organisation", "kind", "first_day"),
    comment="日管控、周排查、月调度: filled from what was recorded, signed by a person (SAMR order 60)",
)

bulk_import = Table(
    "bulk_import",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False, comment="of the file, as it came"),
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False, index=True),
    Column("state", String(12), nullable=False, comment="checking, checked, storing, stored, refused"),
    Column("rows", Integer, nullable=False),
    Column("done", Integer, nullable=False, default=0),
    Column("report", JSON, nullable=False, comment="row by row: what would be, or was, stored; what is wrong"),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment),
)
