"""The pharmacy: pharmacists on duty, prescriptions, sales with their codes; what the public sees."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

pharmacist = Table(
    "pharmacist",
    metadata,
    Column("person", Number, ForeignKey("person.id"), primary_key=True, autoincrement=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("registration_no", String(40), nullable=False, comment="执业药师注册证"),
    Column("title", String(40), nullable=False, default=""),
    Column("expires_on", Date),
    Column("filed_at", Moment, nullable=False),
)

duty = Table(
    "duty",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id"), nullable=False),
    Column("started_at", Moment, nullable=False),
    Column("until", Moment, nullable=False, comment="at the latest: nobody is on duty for ever"),
    Column("ended_at", Moment),
    Column(
        "remote", Boolean, nullable=False, default=False, comment="reviews for the shops of the chain, too (远程审方)"
    ),
    # A pharmacist is on duty in one place at a time.
    Index(
        "uq_duty_open",
        "person",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
    Index("ix_duty_organisation", "organisation", "started_at"),
)

record_key = Table(
    "record_key",
    metadata,
    Column("id", Number, primary_key=True),
    Column(
        "wrapped", LargeBinary, comment="the record's key, itself encrypted; NULL: destroyed, and the record with it"
    ),
    Column("made_at", Moment, nullable=False),
    Column("destroyed_at", Moment),
    Column("destroyed_reason", String(200), nullable=False, default=""),
    comment="One key a record: to erase the record is to destroy its key (PIPL Art. 47)",
)

prescription = Table(
    "prescription",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    # No name, no ID, no diagnosis of the patient: the reference finds the paper in the drawer.
    Column("reference", String(80), nullable=False),
    Column("number", SmallInteger, nullable=False, comment="of the reviews under this reference, from 1"),
    Column("prescribed_on", Date),
    Column("reviewed_by", Number, ForeignKey("person.id"), nullable=False, comment="a pharmacist on duty then"),
    Column("duty", Number, ForeignKey("duty.id"), nullable=False, index=True),
    Column("reviewed_at", Moment, nullable=False),
    Column(
        "object",
        String(64),
        ForeignKey("object.sha256"),
        index=True,
        comment="encrypted image, only where a setting asks",
    ),
    Column("record_key", Number, ForeignKey("record_key.id")),
    Column("keep_until", Date, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    UniqueConstraint("organisation", "reference", "number"),
    Index("ix_prescription_reviewed", "organisation", "reviewed_at"),
)

drug_sale = Table(
    "drug_sale",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("number", Integer, nullable=False, comment="running number of the organisation's receipts, from 1"),
    Column("sold_at", Moment, nullable=False),
    Column("recorded_at", Moment, nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("prescription", Number, ForeignKey("prescription.id"), index=True),
    UniqueConstraint("organisation", "number"),
    Index("ix_drug_sale_organisation", "organisation", "sold_at"),
    comment="A receipt of the counter: retail receipts show the trace codes (医保发〔2025〕7号)",
)

drug_sale_line = Table(
    "drug_sale_line",
    metadata,
    Column("sale", Number, ForeignKey("drug_sale.id"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True, comment="the pack; a lot without codes"),
    Column("lot", Number, ForeignKey("lot.item"), nullable=False, index=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths of the unit; of a split pack its part of one"),
    Column("unit", String(3), nullable=False),
    Column("split_units", Integer, comment="拆零: how many of the pack's smallest units"),
    Column("price", BigInteger, comment="millionths of a yuan for the line; never shown to others"),
    Column("no_code_reason", String(16), nullable=False, default=""),
    Column("passed_by", String(200), nullable=False, default="", comment="why an earlier lot was left on the shelf"),
    Column("event", Number, ForeignKey("event.id"), nullable=False),
    Column("returned_event", Number, ForeignKey("event.id")),
    Column("returned_at", Moment),
    PrimaryKeyConstraint("sale", "line"),
)

split_pack = Table(
    "split_pack",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True),
    Column("units", Integer, nullable=False, comment="smallest units in the pack"),
    Column("unit_name", String(12), nullable=False, comment="片, 粒, 支"),
    Column("sold", Integer, nullable=False, default=0, comment="of them sold and not returned, never more than units"),
    Column("opened_at", Moment, nullable=False),
    Column("opened_by", Number, ForeignKey("person.id")),
    Column("use_by", Date, comment="an open pack keeps shorter than a closed one"),
    PrimaryKeyConstraint("organisation", "item"),
    comment="拆零: a pack that is open on the counter and sold in parts (GSP Art. 169)",
)

selling_price = Table(
    "selling_price",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("price", BigInteger, nullable=False, comment="millionths of a yuan for one; never shown to others"),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("set_at", Moment, nullable=False),
    Index("ix_selling_price_product", "organisation", "product", "id"),
    comment="What a shop sells a product for: the latest row; insert-only, so that what stood is kept (R16)",
)

public_window = Table(
    "public_window",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), primary_key=True, autoincrement=False),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("shown", Boolean, nullable=False, default=False),
    Column("names", Boolean, nullable=False, default=False, comment="whether pharmacists are shown by their names"),
    Column("complaint_number", String(40), nullable=False, default="12315"),
    Column("notice", String(200), nullable=False, default=""),
    Column("zone", Number, ForeignKey("storage_zone.id"), comment="the cold cabinet whose last reading is shown"),
    Column("changed_at", Moment, nullable=False),
    comment="阳光药店: what the public sees of a pharmacy",
)

inspection = Table(
    "inspection",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, comment="who was inspected"),
    Column("region", String(6), nullable=False),
    Column("inspected_on", Date, nullable=False),
    Column("outcome", String(16), nullable=False, comment="passed, to_correct, failed"),
    Column("grade", String(1), comment="A to D"),
    Column("remarks", Text, nullable=False, default=""),
    Column("inspectors", JSON, nullable=False, comment="two names; never public"),
    Column("inspected_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("recorded_at", Moment, nullable=False),
    Index("ix_inspection_organisation", "organisation", "inspected_on"),
    Index("ix_inspection_day", "inspected_on", "id"),
)
