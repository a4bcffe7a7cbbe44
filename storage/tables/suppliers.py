"""The file each organisation keeps of its suppliers, and who is blocked everywhere."""

from sqlalchemy import Column, Date, ForeignKey, Index, String, Table, UniqueConstraint, text
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

supplier = Table(
    "supplier",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, comment="whose file it is"),
    Column("partner", Number, ForeignKey("organisation.id"), comment="the supplier, where it is on this system"),
    Column("name", String(120), nullable=False),
    Column("kind", String(32), nullable=False, default="", comment="OrganisationKind, where it is known"),
    Column("uscc", String(18), comment="also of those who are not on the system"),
    Column("address", String(200), nullable=False, default=""),
    Column("contact", String(80), nullable=False, default=""),
    Column("standing", String(12), nullable=False, comment="trace.domain.suppliers.Standing"),
    Column("standing_reason", String(200), nullable=False, default=""),
    Column("checked_at", Moment, comment="of the first-delivery check (首营企业)"),
    Column("checked_by", Number, ForeignKey("person.id")),
    Column("checked", JSON, nullable=False, default=dict, comment="what was looked at in that check"),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation", "name"),
    Index("ix_supplier_uscc", "uscc"),
    comment="What changes in it is kept in `correction`",
)

supplier_licence = Table(
    "supplier_licence",
    metadata,
    Column("id", Number, primary_key=True),
    Column("supplier", Number, ForeignKey("supplier.id"), nullable=False),
    Column("kind", String(32), nullable=False),
    Column("number", String(40), nullable=False),
    Column("expires_on", Date),
    Column("object", String(64), ForeignKey("object.sha256"), index=True),
    Column("warnings", JSON, nullable=False, default=list),
    Column("override_reason", String(200), nullable=False, default="", comment="why a doubtful number was taken (R20)"),
    Column("filed_at", Moment, nullable=False),
    UniqueConstraint("supplier", "kind", "number"),
)

business_block = Table(
    "business_block",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("blocked", Number, ForeignKey("organisation.id"), index=True, comment="where it is on this system"),
    Column("uscc", String(18), nullable=False, default="", index=True, comment="empty where nobody knows it"),
    Column("name", String(120), nullable=False),
    Column("name_key", String(120), nullable=False, index=True, comment="trace.domain.suppliers.name_key"),
    Column("reason", String(200), nullable=False),
    Column("decision_no", String(80), nullable=False, default="", comment="文号 of the decision"),
    Column("region", String(6), nullable=False),
    Column("blocked_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("blocked_at", Moment, nullable=False),
    Column("lifted_at", Moment),
    Column("lifted_by", Number, ForeignKey("person.id")),
    Column("lifted_reason", String(200), nullable=False, default=""),
    # One regulator blocks a business once; two regulators may, each by a decision of its own.
    Index(
        "uq_business_block_in_force",
        "blocked_by",
        "uscc",
        "name_key",
        unique=True,
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
    comment="一处违法、处处受限: a regulator's block holds in every shop",
)
