"""Holds, recalls, rapid tests, destruction; sales whose lot is attributed; what a canteen serves."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    Index,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    text,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

recall = Table(
    "recall",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True, comment="who recalls"),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True, comment="the lot it starts from"),
    Column("kind", String(12), nullable=False, comment="hold (own shop), recall (everywhere)"),
    Column("level", SmallInteger, comment="1 to 3, of a recall"),
    Column("reason", String(200), nullable=False),
    Column("region", String(6), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("opened_at", Moment, nullable=False),
    Column("due_at", Moment, comment="when it has to be finished, by its level"),
    Column("lifted_at", Moment),
    Column("lifted_by", Number, ForeignKey("person.id")),
    Column("lifted_reason", String(200), nullable=False, default=""),
    Column("closed_at", Moment, comment="finished: the goods went back or were destroyed, and stay blocked"),
    Column("closed_by", Number, ForeignKey("person.id")),
    Column("closed_reason", String(200), nullable=False, default=""),
    Column("complete", Boolean, nullable=False, default=True, comment="whether the trace came to its end"),
    # Every capture asks whether there is any.
    Index(
        "ix_recall_open",
        "id",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
    comment="One switch for a lot and everything made of it: no sale, transfer or split (R7, R13)",
)

recall_lot = Table(
    "recall_lot",
    metadata,
    Column("recall", Number, ForeignKey("recall.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, comment="a lot that is reached"),
    PrimaryKeyConstraint("recall", "item"),
    Index("ix_recall_lot_item", "item"),
)

recall_held = Table(
    "recall_held",
    metadata,
    Column("recall", Number, ForeignKey("recall.id"), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("unit", String(3), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths that it moved from on hand to held"),
    Column("gone", BigInteger, nullable=False, comment="millionths returned, destroyed and used before that"),
    PrimaryKeyConstraint("recall", "organisation", "item", "unit"),
    comment="What a hold or recall holds, and lifting it releases",
)

recall_notice = Table(
    "recall_notice",
    metadata,
    Column("recall", Number, ForeignKey("recall.id"), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True, comment="a holder"),
    Column("had", JSON, nullable=False, comment="per lot and unit, when the notice went out: on hand, held, sold"),
    Column("due_at", Moment, nullable=False, comment="acknowledge until"),
    Column("acknowledged_at", Moment),
    Column("acknowledged_by", Number, ForeignKey("person.id")),
    Column("answer", String(200), nullable=False, default=""),
    PrimaryKeyConstraint("recall", "organisation"),
)

rapid_test = Table(
    "rapid_test",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, index=True),
    Column("tested_for", String(120), nullable=False),
    Column("official", Boolean, nullable=False, comment="by the regulator: the 4 hours of FSL Art. 88 count"),
    Column("passed", Boolean, nullable=False),
    Column("result_at", Moment, nullable=False, comment="to the minute"),
    Column("retest_until", Moment, comment="a re-test may be asked for until then"),
    Column("retest_asked_at", Moment),
    Column("retest_passed", Boolean),
    Column("retest_at", Moment),
    Column("retest_by", String(120), nullable=False, default="", comment="the laboratory"),
    Column("object", String(64), ForeignKey("object.sha256"), index=True),
    Column(
        "recall", Number, ForeignKey("recall.id"), index=True, comment="the hold that a failed test set at once (R12)"
    ),
    Column("person", Number, ForeignKey("person.id")),
    Column("recorded_at", Moment, nullable=False),
)

disposal = Table(
    "disposal",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("event", Number, ForeignKey("event.id"), nullable=False),
    Column("reason", String(200), nullable=False),
    Column("method", String(40), nullable=False),
    Column("witness", String(80), nullable=False),
    Column("object", String(64), ForeignKey("object.sha256"), nullable=False, index=True, comment="the photo"),
    Column("place", String(120), nullable=False, default=""),
    Column("person", Number, ForeignKey("person.id")),
    Column("disposed_at", Moment, nullable=False),
    comment="Destruction with photo and witness (R14; 食品安全法实施条例 Art. 29)",
)

attributed_sale = Table(
    "attributed_sale",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("product", Number, ForeignKey("product.id"), nullable=False),
    Column("event", Number, ForeignKey("event.id"), nullable=False, index=True),
    Column("amount", BigInteger, nullable=False, comment="millionths"),
    Column("unit", String(3), nullable=False),
    Column("policy", String(24), nullable=False, comment="the written policy it was attributed by"),
    Column("sold_at", Moment, nullable=False),
    Index("ix_attributed_sale_organisation", "organisation", "sold_at"),
    comment="Sold by PLU: of which lots is attributed, not known",
)

attributed_lot = Table(
    "attributed_lot",
    metadata,
    Column("sale", Number, ForeignKey("attributed_sale.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths attributed; 0: it was open and may have been it"),
    PrimaryKeyConstraint("sale", "item"),
    Index("ix_attributed_lot_item", "item"),
)

dish = Table(
    "dish",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("name", String(60), nullable=False),
    Column("day", Date, nullable=False),
    Column("meal", String(12), nullable=False, comment="breakfast, lunch, dinner"),
    Column("event", Number, ForeignKey("event.id"), nullable=False, index=True, comment="what was used for it"),
    Column("item", Number, ForeignKey("ident.id"), nullable=False, comment="the dish as a lot of its own"),
    Column("object", String(64), ForeignKey("object.sha256"), index=True, comment="a photo"),
    Column("retained_until", Moment, comment="of the sample that was kept back (留样)"),
    Column("person", Number, ForeignKey("person.id")),
    Column("cooked_at", Moment, nullable=False),
    Index("ix_dish_organisation", "organisation", "day"),
    comment="What a canteen serves, and of which lots (明厨亮灶)",
)

dish_lot = Table(
    "dish_lot",
    metadata,
    Column("dish", Number, ForeignKey("dish.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("amount", BigInteger, nullable=False, comment="millionths"),
    Column("unit", String(3), nullable=False),
    PrimaryKeyConstraint("dish", "item", "unit"),
    Index("ix_dish_lot_item", "item"),
)
