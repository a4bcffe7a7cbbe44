"""Stock care: zones and their climate, maintenance checks, stock-taking; what is sent out, and what came of it."""

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
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, in_order_of_bytes, metadata

storage_zone = Table(
    "storage_zone",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("kind", String(12), nullable=False, comment="room, cool, cold, quarantine"),
    Column("celsius_low", Integer, comment="hundredths of a degree"),
    Column("celsius_high", Integer, comment="hundredths of a degree"),
    Column("humidity_low", SmallInteger, comment="hundredths of a percent"),
    Column("humidity_high", SmallInteger, comment="hundredths of a percent"),
    Column("sensor", String(40), comment="the last part of the topic on which its sensor tells"),
    Column("closed_at", Moment),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation", "name"),
    UniqueConstraint("organisation", "sensor"),
)

climate_reading = Table(
    "climate_reading",
    metadata,
    Column("zone", Number, ForeignKey("storage_zone.id"), nullable=False),
    Column("measured_at", Moment, nullable=False),
    Column("celsius", Integer, comment="hundredths of a degree"),
    Column("humidity", SmallInteger, comment="hundredths of a percent"),
    Column("source", String(8), nullable=False, comment="typed, file, sensor"),
    Column("inside", Boolean, nullable=False, comment="whether it lies within the zone's range"),
    Column("person", Number, ForeignKey("person.id")),
    Column("event", Number, ForeignKey("event.id"), comment="of a reading that is part of the record"),
    Column("late_reason", String(200), comment="why it was typed long after it was read; NULL: it was not"),
    PrimaryKeyConstraint("zone", "measured_at"),
    Index("ix_climate_reading_inside", "zone", "inside", "measured_at"),
)

climate_action = Table(
    "climate_action",
    metadata,
    Column("id", Number, primary_key=True),
    Column("zone", Number, ForeignKey("storage_zone.id"), nullable=False),
    Column("about", Moment, nullable=False, comment="when a reading outside the range was measured"),
    Column("action", String(200), nullable=False, comment="what was done about it"),
    Column("person", Number, ForeignKey("person.id")),
    Column("recorded_at", Moment, nullable=False),
    Index("ix_climate_action_zone", "zone", "about"),
    comment="Added to, never changed: a second action is a second row",
)

care_check = Table(
    "care_check",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("checked_on", Date, nullable=False),
    Column("remarks", String(200), nullable=False, default=""),
    Column("person", Number, ForeignKey("person.id")),
    Column("recorded_at", Moment, nullable=False),
    Index("ix_care_check_organisation", "organisation", "checked_on"),
    comment="养护检查 (GSP)",
)

care_check_line = Table(
    "care_check_line",
    metadata,
    Column("care_check", Number, ForeignKey("care_check.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True, comment="the lot"),
    Column("outcome", String(12), nullable=False, comment="good, held"),
    Column("note", String(200), nullable=False, default=""),
    Column("event", Number, ForeignKey("event.id"), index=True, comment="what was seen, or held"),
    PrimaryKeyConstraint("care_check", "item"),
)

stocktake = Table(
    "stocktake",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("note", String(200), nullable=False, default=""),
    Column("category", String(24), comment="what is counted; NULL: everything that is in stock"),
    Column("product", Number, ForeignKey("product.id"), comment="what is counted; NULL: not one product alone"),
    Column("started_at", Moment, nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("closed_at", Moment),
    Column("closed_by", Number, ForeignKey("person.id")),
    Column("second_person", Number, ForeignKey("person.id"), comment="who agreed to the difference"),
    Column("reason", String(200), nullable=False, default=""),
    Column("result", JSON, comment="what agreed, was missing, surplus or strange when it was closed; its events"),
)

stocktake_count = Table(
    "stocktake_count",
    metadata,
    Column("stocktake", Number, ForeignKey("stocktake.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("unit", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths that were counted"),
    Column("book", BigInteger, nullable=False, comment="millionths that were in stock when counting of it began"),
    Column("moved", Boolean, nullable=False, default=False, comment="between two counts of it stock was another"),
    Column("person", Number, ForeignKey("person.id")),
    Column("counted_at", Moment, nullable=False),
    PrimaryKeyConstraint("stocktake", "item", "unit"),
)

export_target = Table(
    "export_target",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("kind", String(24), nullable=False, comment="medical_insurance, trace_platform, epcis_2_0, epcis_1_2"),
    Column("address", String(400), nullable=False, default="", comment="empty: files to fetch, nothing is sent"),
    Column("account", JSON, nullable=False, default=dict, comment="numbers the other side knows this pharmacy by"),
    Column("secret", LargeBinary, comment="what opens the other side, encrypted"),
    Column("enabled", Boolean, nullable=False, default=True),
    Column("begins_at", Moment, nullable=False, comment="nothing that happened before is sent"),
    Column("reached", JSON, nullable=False, default=dict, comment="how far the records were put into files, by form"),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation", "kind"),
)

export_file = Table(
    "export_file",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("target", Number, ForeignKey("export_target.id"), nullable=False),
    Column("form", String(16), nullable=False, comment="3503 to 3507, retail_bill, retail_return, epcis"),
    Column("bill", String(60), nullable=False, comment="number by which the other side knows it; sent twice is once"),
    Column("content", LargeBinary, nullable=False, comment="the bytes that are sent"),
    Column("media_type", String(60), nullable=False),
    Column("records", Integer, nullable=False),
    Column("state", String(12), nullable=False, comment="queued, sent, confirmed, refused, reconciled, dropped"),
    Column("attempts", Integer, nullable=False, default=0),
    Column("lost", SmallInteger, nullable=False, default=0, comment="how often they had taken it and did not hold it"),
    Column("last_error", Text),
    Column("created_at", Moment, nullable=False),
    Column("sent_at", Moment),
    Column("settled_at", Moment),
    Column(
        "replaces",
        Number,
        ForeignKey("export_file.id"),
        index=True,
        comment="a refused file whose records stand here now",
    ),
    UniqueConstraint("target", "bill"),
    Index("ix_export_file_organisation", "organisation", "id"),
    Index("ix_export_file_state", "target", "state"),
    comment="Scan once, export many: one file a target, with its state",
)

export_entry = Table(
    "export_entry",
    metadata,
    Column("target", Number, ForeignKey("export_target.id"), nullable=False),
    Column("form", String(16), nullable=False),
    Column(
        "subject",
        in_order_of_bytes(40),
        nullable=False,
        comment="of the record: sale and line, receipt and line, return",
    ),
    Column("export_file", Number, ForeignKey("export_file.id"), nullable=False, index=True),
    PrimaryKeyConstraint("target", "form", "subject"),
    comment="What is in which file: the key keeps a record from being told twice",
)

export_answer = Table(
    "export_answer",
    metadata,
    Column("id", Number, primary_key=True),
    Column("export_file", Number, ForeignKey("export_file.id"), nullable=False, index=True),
    Column("answered_at", Moment, nullable=False),
    Column("status", SmallInteger, comment="of HTTP; NULL: nobody answered"),
    Column("body", Text, nullable=False, default="", comment="as it came, kept for ever"),
    Column("person", Number, ForeignKey("person.id"), comment="who says so, where a person entered the answer"),
)

insurance_code = Table(
    "insurance_code",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column(
        "code", String(50), nullable=False, comment="医疗目录编码; empty: not listed, the insurance is not told of it"
    ),
    Column("person", Number, ForeignKey("person.id")),
    Column("entered_at", Moment, nullable=False),
    Index("ix_insurance_code", "organisation", "product", "id"),
    comment="What the insurance calls a drug; insert-only, the latest counts (R16)",
)
