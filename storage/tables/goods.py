"""What: products, lots, certificates, kept objects, photos."""

from sqlalchemy import (
    BigInteger,
    Boolean,
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
    Column("mah", String(120), nullable=False, default="", comment="drugs: 上市许可持有人"),
    Column("national_drug_code", String(14)),
    Column("dosage_form", String(40)),
    Column("prescription", String(8), comment="rx, otc_a, otc_b"),
    Column("storage", String(8), comment="drugs: room, cool, cold"),
    Column("drug_class", String(16), comment="trace.domain.drugs.DrugClass; NULL: a drug like most"),
    Column("split_units", Integer, comment="drugs: smallest units in a sales package (拆零)"),
    Column("split_unit_name", String(12), comment="drugs: 片, 粒, 支"),
    Column("celsius_low", Integer, comment="hundredths of a degree"),
    Column("celsius_high", Integer, comment="hundredths of a degree"),
    Column("discontinued_on", Date, comment="who registered it says that it is made no more: proposed to nobody"),
    Column("registered_by", Number, ForeignKey("organisation.id")),
    Column("created_at", Moment, nullable=False),
    Index("ix_product_name", "name", "id"),
)

product_code = Table(
    "product_code",
    metadata,
    Column("id", Number, primary_key=True),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    # PLUs mean something in one shop only; 0 stands for "everywhere", because NULLs never collide.
    Column("organisation", Number, nullable=False, default=0),
    Column("code", String(64), nullable=False, index=True, comment="GTIN-14, PLU, 7-digit drug identifier"),
    Column("pack_level", SmallInteger, comment="drugs: 1 is the smallest pack; NULL: not known"),
    Column("pack_cascade", String(24), comment="drugs: smallest packs in each level, as 1:5:2500"),
    Column("learnt_by", Number, ForeignKey("organisation.id")),
    Column("learnt_at", Moment),
    UniqueConstraint("organisation", "code"),
)

lot = Table(
    "lot",
    metadata,
    Column("item", Number, ForeignKey("ident.id"), primary_key=True, autoincrement=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False, index=True),
    Column("number", String(60), nullable=False, index=True),
    Column("produced_on", Date),
    Column("expires_on", Date),
    Column("origin_region", String(6)),
    Column("origin", String(120), nullable=False, default=""),
    Column("created_by", Number, ForeignKey("organisation.id"), nullable=False),
    Column("created_at", Moment, nullable=False),
)

lot_change = Table(
    "lot_change",
    metadata,
    Column("id", Number, primary_key=True),
    Column("item", Number, ForeignKey("lot.item"), nullable=False, index=True),
    Column("field", String(24), nullable=False),
    Column("old", Text),
    Column("new", Text, nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("changed_at", Moment, nullable=False),
    comment="What was corrected or added in a lot's record; insert-only (R16)",
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
    Column("object", String(64), ForeignKey("object.sha256"), index=True),
    Column(
        "signature", String(64), ForeignKey("object.sha256"), index=True, comment="picture of the signature or seal"
    ),
    # What the paper certifies, where its text says a number: what is received under it is summed against it (R5).
    Column("amount", BigInteger, comment="millionths"),
    Column("unit", String(3)),
    Column("paper_key", String(64), index=True, comment="the same for one paper, whoever files it; paper_head"),
    Column("number_key", String(64), index=True, comment="of its number: where only one filer had its QR; paper_head"),
    Column("filed_by", Number, ForeignKey("person.id")),
    Column("incomplete", Boolean, nullable=False, default=False, comment="something of it is not transcribed yet"),
    Column("replaces", Number, ForeignKey("certificate.id")),
    Column("issued_here", Boolean, nullable=False, default=False, comment="by its organisation, on this system"),
    Column("revoked_at", Moment),
    Column("revoked_reason", String(200)),
    Column("revoked_by", Number, ForeignKey("person.id")),
    Column("created_at", Moment, nullable=False),
    Index("ix_certificate_number", "number"),
)

certificate_source = Table(
    "certificate_source",
    metadata,
    Column("certificate", Number, ForeignKey("certificate.id"), nullable=False),
    Column("source", Number, ForeignKey("certificate.id"), nullable=False, index=True),
    PrimaryKeyConstraint("certificate", "source"),
    comment="The papers of what was mixed or re-packed, under the new one (农产品质量安全法 Art. 39)",
)

paper_head = Table(
    "paper_head",
    metadata,
    Column("paper_key", String(64), primary_key=True),
    comment="One row a paper: its lock lines up everybody who receives under it",
)

certificate_use = Table(
    "certificate_use",
    metadata,
    Column("receipt", Number, ForeignKey("receipt.id"), nullable=False),
    Column("line", SmallInteger, nullable=False),
    Column("certificate", Number, ForeignKey("certificate.id"), nullable=False),
    Column("paper_key", String(64), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False, comment="millionths accepted or held"),
    Column("unit", String(3), nullable=False),
    PrimaryKeyConstraint("receipt", "line", "certificate"),
    Index("ix_certificate_use_certificate", "certificate", "unit"),
    comment="What was received under which paper, over all shops (R5)",
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

certificate_holder = Table(
    "certificate_holder",
    metadata,
    Column("certificate", Number, ForeignKey("certificate.id"), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("shown_at", Moment, nullable=False),
    PrimaryKeyConstraint("certificate", "organisation"),
    comment="Who showed the QR text of a certificate that was issued here: they have the paper",
)

stored_object = Table(
    "object",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("media_type", String(60), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("stored_at", Moment, nullable=False),
    Column("kept_until", Date, comment="the last day of its lock; NULL: it has none"),
    Column("look_again_at", Moment, index=True, comment="when it is next asked how long it is to be kept"),
    Column("missing_since", Moment, index=True, comment="the store has it no more, or damaged"),
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
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False, index=True),
    Column("upload_sha256", String(64), nullable=False, comment="of the bytes that came; they are not kept"),
    Column("page", Integer, nullable=False, comment="of a file with several; from 1"),
    Column("pages", Integer, nullable=False),
    Column("readings", JSON, nullable=False),
    Column("doubtful", JSON, nullable=False, comment="what was read and is not believed, never part of a delivery"),
    Column("quality", JSON, comment="scanners.quality, where too little was read"),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("created_at", Moment, nullable=False),
)
