"""the sunshine pharmacy: acceptance, dispensing, stock care, exports, the public window"""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Moment

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# (table, column, type on PostgreSQL, type on SQLite, rest). Written out, because SQLite adds a column that refers to
# another table only so: a copy of the table would break what refers to it.
ADDED = (
    ("dispensing", "split_units", "INTEGER", "INTEGER", ""),
    ("dispensing_head", "split_units", "INTEGER", "INTEGER", "DEFAULT 0 NOT NULL"),
    ("product", "mah", "VARCHAR(120)", "VARCHAR(120)", "DEFAULT '' NOT NULL"),
    ("product", "storage", "VARCHAR(8)", "VARCHAR(8)", ""),
    ("product", "drug_class", "VARCHAR(16)", "VARCHAR(16)", ""),
    ("product", "split_units", "INTEGER", "INTEGER", ""),
    ("product", "split_unit_name", "VARCHAR(12)", "VARCHAR(12)", ""),
    ("product_code", "pack_level", "SMALLINT", "SMALLINT", ""),
    ("product_code", "pack_cascade", "VARCHAR(24)", "VARCHAR(24)", ""),
    (
        "product_code",
        "learnt_by",
        "BIGINT",
        "INTEGER",
        "CONSTRAINT fk_product_code_learnt_by REFERENCES organisation (id)",
    ),
    ("product_code", "learnt_at", "TIMESTAMP WITH TIME ZONE", "DATETIME", ""),
    ("stock", "missing", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
)
# SQLite keeps no comments.
COMMENTS = (
    ("dispensing", "split_units", "拆零: how many of the pack's smallest units; NULL: the whole pack"),
    ("dispensing_head", "split_units", "sold in parts and not returned, in all shops"),
    ("product", "mah", "drugs: 上市许可持有人"),
    ("product", "storage", "drugs: room, cool, cold"),
    ("product", "drug_class", "trace.domain.drugs.DrugClass; NULL: a drug like most"),
    ("product", "split_units", "drugs: smallest units in a sales package (拆零)"),
    ("product", "split_unit_name", "drugs: 片, 粒, 支"),
    ("product_code", "pack_level", "drugs: 1 is the smallest pack; NULL: not known"),
    ("product_code", "pack_cascade", "drugs: smallest packs in each level, as 1:5:2500"),
    ("stock", "missing", "millionths that a stock-taking did not find"),
)
TABLES = (
    "record_key",
    "export_target",
    "storage_zone",
    "care_check",
    "climate_action",
    "climate_reading",
    "duty",
    "export_file",
    "inspection",
    "insurance_code",
    "maker_code",
    "pharmacist",
    "product_change",
    "product_check",
    "public_window",
    "relation_file",
    "selling_price",
    "split_pack",
    "stocktake",
    "care_check_line",
    "export_answer",
    "export_entry",
    "prescription",
    "purchase_order",
    "stocktake_count",
    "acceptance",
    "drug_sale",
    "purchase_order_line",
    "acceptance_code",
    "acceptance_line",
    "drug_sale_line",
    "temperature_log",
)


def upgrade() -> None:
    _create_tables()
    postgres = op.get_bind().dialect.name == "postgresql"
    for table, column, on_postgres, on_sqlite, rest in ADDED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {on_postgres if postgres else on_sqlite} {rest}")
    for table, column, comment in COMMENTS if postgres else ():
        quoted = comment.replace("'", "''")
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{quoted}'")
    # A pack is sold whole once; in parts as often as there are parts.
    _one_sale("returned_event IS NULL AND split_units IS NULL")


def _one_sale(condition: str) -> None:
    op.drop_index("uq_dispensing_open", table_name="dispensing")
    where = sa.text(condition)
    op.create_index(
        "uq_dispensing_open",
        "dispensing",
        ["organisation", "item"],
        unique=True,
        sqlite_where=where,
        postgresql_where=where,
    )


def _create_tables() -> None:
    op.create_table(
        "record_key",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column(
            "wrapped",
            sa.LargeBinary(),
            nullable=True,
            comment="the record's key, itself encrypted; NULL: destroyed, and the record with it",
        ),
        sa.Column("made_at", Moment(), nullable=False),
        sa.Column("destroyed_at", Moment(), nullable=True),
        sa.Column("destroyed_reason", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_key")),
        comment="One key a record: to erase the record is to destroy its key (PIPL Art. 47)",
    )
    op.create_table(
        "export_target",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column(
            "kind",
            sa.String(length=24),
            nullable=False,
            comment="medical_insurance, trace_platform, epcis_2_0, epcis_1_2",
        ),
        sa.Column("address", sa.String(length=400), nullable=False, comment="empty: files to fetch, nothing is sent"),
        sa.Column("account", sa.JSON(), nullable=False, comment="numbers the other side knows this pharmacy by"),
        sa.Column("secret", sa.LargeBinary(), nullable=True, comment="what opens the other side, encrypted"),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("begins_at", Moment(), nullable=False, comment="nothing that happened before is sent"),
        sa.Column("reached", sa.JSON(), nullable=False, comment="how far the records were put into files, by form"),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_export_target_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_target")),
        sa.UniqueConstraint("organisation", "kind", name=op.f("uq_export_target_organisation_kind")),
        sa.UniqueConstraint("public_id", name=op.f("uq_export_target_public_id")),
    )
    op.create_table(
        "storage_zone",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="room, cool, cold, quarantine"),
        sa.Column("celsius_low", sa.Integer(), nullable=True, comment="hundredths of a degree"),
        sa.Column("celsius_high", sa.Integer(), nullable=True, comment="hundredths of a degree"),
        sa.Column("humidity_low", sa.SmallInteger(), nullable=True, comment="hundredths of a percent"),
        sa.Column("humidity_high", sa.SmallInteger(), nullable=True, comment="hundredths of a percent"),
        sa.Column(
            "sensor",
            sa.String(length=40),
            nullable=True,
            comment="the last part of the topic on which its sensor tells",
        ),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_storage_zone_organisation")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_storage_zone")),
        sa.UniqueConstraint("organisation", "name", name=op.f("uq_storage_zone_organisation_name")),
        sa.UniqueConstraint("organisation", "sensor", name=op.f("uq_storage_zone_organisation_sensor")),
        sa.UniqueConstraint("public_id", name=op.f("uq_storage_zone_public_id")),
    )
    op.create_table(
        "care_check",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("checked_on", sa.Date(), nullable=False),
        sa.Column("remarks", sa.String(length=200), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_care_check_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_care_check_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_care_check")),
        sa.UniqueConstraint("public_id", name=op.f("uq_care_check_public_id")),
        comment="养护检查 (GSP)",
    )
    op.create_index("ix_care_check_organisation", "care_check", ["organisation", "checked_on"], unique=False)
    op.create_table(
        "climate_action",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("zone", NUMBER, nullable=False),
        sa.Column("about", Moment(), nullable=False, comment="when a reading outside the range was measured"),
        sa.Column("action", sa.String(length=200), nullable=False, comment="what was done about it"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_climate_action_person")),
        sa.ForeignKeyConstraint(["zone"], ["storage_zone.id"], name=op.f("fk_climate_action_zone")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_climate_action")),
        comment="Added to, never changed: a second action is a second row",
    )
    op.create_index("ix_climate_action_zone", "climate_action", ["zone", "about"], unique=False)
    op.create_table(
        "climate_reading",
        sa.Column("zone", NUMBER, nullable=False),
        sa.Column("measured_at", Moment(), nullable=False),
        sa.Column("celsius", sa.Integer(), nullable=True, comment="hundredths of a degree"),
        sa.Column("humidity", sa.SmallInteger(), nullable=True, comment="hundredths of a percent"),
        sa.Column("source", sa.String(length=8), nullable=False, comment="typed, file, sensor"),
        sa.Column("inside", sa.Boolean(), nullable=False, comment="whether it lies within the zone's range"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("event", NUMBER, nullable=True, comment="of a reading that is part of the record"),
        sa.Column(
            "late_reason",
            sa.String(length=200),
            nullable=True,
            comment="why it was typed long after it was read; NULL: it was not",
        ),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_climate_reading_event")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_climate_reading_person")),
        sa.ForeignKeyConstraint(["zone"], ["storage_zone.id"], name=op.f("fk_climate_reading_zone")),
        sa.PrimaryKeyConstraint("zone", "measured_at", name=op.f("pk_climate_reading")),
    )
    op.create_index("ix_climate_reading_inside", "climate_reading", ["zone", "inside", "measured_at"], unique=False)
    op.create_table(
        "duty",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("person", NUMBER, nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("until", Moment(), nullable=False, comment="at the latest: nobody is on duty for ever"),
        sa.Column("ended_at", Moment(), nullable=True),
        sa.Column("remote", sa.Boolean(), nullable=False, comment="reviews for the shops of the chain, too (远程审方)"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_duty_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_duty_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duty")),
    )
    op.create_index("ix_duty_organisation", "duty", ["organisation", "started_at"], unique=False)
    op.create_index(
        "uq_duty_open",
        "duty",
        ["person"],
        unique=True,
        sqlite_where=sa.text("ended_at IS NULL"),
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "export_file",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("target", NUMBER, nullable=False),
        sa.Column(
            "form", sa.String(length=16), nullable=False, comment="3503 to 3507, retail_bill, retail_return, epcis"
        ),
        sa.Column(
            "bill",
            sa.String(length=60),
            nullable=False,
            comment="number by which the other side knows it; sent twice is once",
        ),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="the bytes that are sent"),
        sa.Column("media_type", sa.String(length=60), nullable=False),
        sa.Column("records", sa.Integer(), nullable=False),
        sa.Column(
            "state",
            sa.String(length=12),
            nullable=False,
            comment="queued, sent, confirmed, refused, reconciled, dropped",
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lost", sa.SmallInteger(), nullable=False, comment="how often they had taken it and did not hold it"),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("sent_at", Moment(), nullable=True),
        sa.Column("settled_at", Moment(), nullable=True),
        sa.Column("replaces", NUMBER, nullable=True, comment="a refused file whose records stand here now"),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_export_file_organisation")),
        sa.ForeignKeyConstraint(["replaces"], ["export_file.id"], name=op.f("fk_export_file_replaces")),
        sa.ForeignKeyConstraint(["target"], ["export_target.id"], name=op.f("fk_export_file_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_file")),
        sa.UniqueConstraint("public_id", name=op.f("uq_export_file_public_id")),
        sa.UniqueConstraint("target", "bill", name=op.f("uq_export_file_target_bill")),
        comment="Scan once, export many: one file a target, with its state",
    )
    op.create_index("ix_export_file_organisation", "export_file", ["organisation", "id"], unique=False)
    op.create_index("ix_export_file_state", "export_file", ["target", "state"], unique=False)
    op.create_table(
        "inspection",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="who was inspected"),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("inspected_on", sa.Date(), nullable=False),
        sa.Column("outcome", sa.String(length=16), nullable=False, comment="passed, to_correct, failed"),
        sa.Column("grade", sa.String(length=1), nullable=True, comment="A to D"),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("inspectors", sa.JSON(), nullable=False, comment="two names; never public"),
        sa.Column("inspected_by", NUMBER, nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["inspected_by"], ["organisation.id"], name=op.f("fk_inspection_inspected_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_inspection_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_inspection_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inspection")),
        sa.UniqueConstraint("public_id", name=op.f("uq_inspection_public_id")),
    )
    op.create_index("ix_inspection_organisation", "inspection", ["organisation", "inspected_on"], unique=False)
    op.create_table(
        "insurance_code",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column(
            "code",
            sa.String(length=50),
            nullable=False,
            comment="医疗目录编码; empty: not listed, the insurance is not told of it",
        ),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("entered_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_insurance_code_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_insurance_code_person")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_insurance_code_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_insurance_code")),
        comment="What the insurance calls a drug; insert-only, the latest counts (R16)",
    )
    op.create_index("ix_insurance_code", "insurance_code", ["organisation", "product", "id"], unique=False)
    op.create_table(
        "maker_code",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("prefix", sa.String(length=20), nullable=False, comment="what all codes of this pack begin with"),
        sa.Column("length", sa.SmallInteger(), nullable=False, comment="characters of a whole code"),
        sa.Column("pack_level", sa.SmallInteger(), nullable=False, comment="1 is the smallest pack"),
        sa.Column("learnt_by", NUMBER, nullable=False),
        sa.Column("learnt_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["learnt_by"], ["organisation.id"], name=op.f("fk_maker_code_learnt_by")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_maker_code_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_maker_code")),
        sa.UniqueConstraint("prefix", "length", name=op.f("uq_maker_code_prefix_length")),
        comment="Makers' own trace codes (NHSA's second kind): known by how they begin and how long they are",
    )
    op.create_index(op.f("ix_maker_code_product"), "maker_code", ["product"], unique=False)
    op.create_table(
        "pharmacist",
        sa.Column("person", NUMBER, autoincrement=False, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("registration_no", sa.String(length=40), nullable=False, comment="执业药师注册证"),
        sa.Column("title", sa.String(length=40), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("filed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_pharmacist_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_pharmacist_person")),
        sa.PrimaryKeyConstraint("person", name=op.f("pk_pharmacist")),
    )
    op.create_index(op.f("ix_pharmacist_organisation"), "pharmacist", ["organisation"], unique=False)
    op.create_table(
        "product_change",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("code", sa.String(length=64), nullable=False, comment="the code identifier it is about, if any"),
        sa.Column("field", sa.String(length=24), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("device", sa.String(length=120), nullable=False, comment="kind of browser or program, no more"),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_product_change_api_key")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_product_change_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_product_change_person")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_product_change_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_product_change")),
        comment="What was corrected or added in the drug file, by whoever; insert-only (R16)",
    )
    op.create_index(op.f("ix_product_change_product"), "product_change", ["product"], unique=False)
    op.create_table(
        "product_check",
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("checked", sa.JSON(), nullable=False, comment="what was looked at"),
        sa.Column("remarks", sa.String(length=200), nullable=False),
        sa.Column("checked_by", NUMBER, nullable=True),
        sa.Column("checked_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["checked_by"], ["person.id"], name=op.f("fk_product_check_checked_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_product_check_organisation")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_product_check_product")),
        sa.PrimaryKeyConstraint("organisation", "product", name=op.f("pk_product_check")),
        comment="首营品种: the file of a product before its first purchase (GSP)",
    )
    op.create_table(
        "public_window",
        sa.Column("organisation", NUMBER, autoincrement=False, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("shown", sa.Boolean(), nullable=False),
        sa.Column("names", sa.Boolean(), nullable=False, comment="whether pharmacists are shown by their names"),
        sa.Column("complaint_number", sa.String(length=40), nullable=False),
        sa.Column("notice", sa.String(length=200), nullable=False),
        sa.Column("zone", NUMBER, nullable=True, comment="the cold cabinet whose last reading is shown"),
        sa.Column("changed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_public_window_organisation")),
        sa.ForeignKeyConstraint(["zone"], ["storage_zone.id"], name=op.f("fk_public_window_zone")),
        sa.PrimaryKeyConstraint("organisation", name=op.f("pk_public_window")),
        sa.UniqueConstraint("public_id", name=op.f("uq_public_window_public_id")),
        comment="阳光药店: what the public sees of a pharmacy",
    )
    op.create_table(
        "relation_file",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False, comment="what was in it: cases, boxes, lots"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("brought_in_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_relation_file_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_relation_file_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_relation_file_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relation_file")),
        sa.UniqueConstraint("organisation", "object", name=op.f("uq_relation_file_organisation_object")),
        sa.UniqueConstraint("public_id", name=op.f("uq_relation_file_public_id")),
        comment="关联关系: files that say which boxes are in which case, as they came",
    )
    op.create_table(
        "selling_price",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column(
            "price", sa.BigInteger(), nullable=False, comment="millionths of a yuan for one; never shown to others"
        ),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("set_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_selling_price_api_key")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_selling_price_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_selling_price_person")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_selling_price_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_selling_price")),
        comment="What a shop sells a product for: the latest row; insert-only, so that what stood is kept (R16)",
    )
    op.create_index("ix_selling_price_product", "selling_price", ["organisation", "product", "id"], unique=False)
    op.create_table(
        "split_pack",
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("units", sa.Integer(), nullable=False, comment="smallest units in the pack"),
        sa.Column("unit_name", sa.String(length=12), nullable=False, comment="片, 粒, 支"),
        sa.Column("sold", sa.Integer(), nullable=False, comment="of them sold and not returned, never more than units"),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("opened_by", NUMBER, nullable=True),
        sa.Column("use_by", sa.Date(), nullable=True, comment="an open pack keeps shorter than a closed one"),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_split_pack_item")),
        sa.ForeignKeyConstraint(["opened_by"], ["person.id"], name=op.f("fk_split_pack_opened_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_split_pack_organisation")),
        sa.PrimaryKeyConstraint("organisation", "item", name=op.f("pk_split_pack")),
        comment="拆零: a pack that is open on the counter and sold in parts (GSP Art. 169)",
    )
    op.create_index(op.f("ix_split_pack_item"), "split_pack", ["item"], unique=False)
    op.create_table(
        "stocktake",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column(
            "category",
            sa.String(length=24),
            nullable=True,
            comment="what is counted; NULL: everything that is in stock",
        ),
        sa.Column("product", NUMBER, nullable=True, comment="what is counted; NULL: not one product alone"),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.Column("closed_by", NUMBER, nullable=True),
        sa.Column("second_person", NUMBER, nullable=True, comment="who agreed to the difference"),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column(
            "result",
            sa.JSON(),
            nullable=True,
            comment="what agreed, was missing, surplus or strange when it was closed; its events",
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["person.id"], name=op.f("fk_stocktake_closed_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_stocktake_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_stocktake_person")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_stocktake_product")),
        sa.ForeignKeyConstraint(["second_person"], ["person.id"], name=op.f("fk_stocktake_second_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stocktake")),
        sa.UniqueConstraint("public_id", name=op.f("uq_stocktake_public_id")),
    )
    op.create_index(op.f("ix_stocktake_organisation"), "stocktake", ["organisation"], unique=False)
    op.create_table(
        "care_check_line",
        sa.Column("care_check", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False, comment="the lot"),
        sa.Column("outcome", sa.String(length=12), nullable=False, comment="good, held"),
        sa.Column("note", sa.String(length=200), nullable=False),
        sa.Column("event", NUMBER, nullable=True, comment="what was seen, or held"),
        sa.ForeignKeyConstraint(["care_check"], ["care_check.id"], name=op.f("fk_care_check_line_care_check")),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_care_check_line_event")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_care_check_line_item")),
        sa.PrimaryKeyConstraint("care_check", "item", name=op.f("pk_care_check_line")),
    )
    op.create_index(op.f("ix_care_check_line_item"), "care_check_line", ["item"], unique=False)
    op.create_table(
        "export_answer",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("export_file", NUMBER, nullable=False),
        sa.Column("answered_at", Moment(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=True, comment="of HTTP; NULL: nobody answered"),
        sa.Column("body", sa.Text(), nullable=False, comment="as it came, kept for ever"),
        sa.Column("person", NUMBER, nullable=True, comment="who says so, where a person entered the answer"),
        sa.ForeignKeyConstraint(["export_file"], ["export_file.id"], name=op.f("fk_export_answer_export_file")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_export_answer_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_export_answer")),
    )
    op.create_index(op.f("ix_export_answer_export_file"), "export_answer", ["export_file"], unique=False)
    op.create_table(
        "export_entry",
        sa.Column("target", NUMBER, nullable=False),
        sa.Column("form", sa.String(length=16), nullable=False),
        sa.Column(
            "subject",
            sa.String(length=40),
            nullable=False,
            comment="of the record: sale and line, receipt and line, return",
        ),
        sa.Column("export_file", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["export_file"], ["export_file.id"], name=op.f("fk_export_entry_export_file")),
        sa.ForeignKeyConstraint(["target"], ["export_target.id"], name=op.f("fk_export_entry_target")),
        sa.PrimaryKeyConstraint("target", "form", "subject", name=op.f("pk_export_entry")),
        comment="What is in which file: the key keeps a record from being told twice",
    )
    op.create_index(op.f("ix_export_entry_export_file"), "export_entry", ["export_file"], unique=False)
    op.create_table(
        "prescription",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False, comment="of the reviews under this reference, from 1"),
        sa.Column("prescribed_on", sa.Date(), nullable=True),
        sa.Column("reviewed_by", NUMBER, nullable=False, comment="a pharmacist on duty then"),
        sa.Column("duty", NUMBER, nullable=False),
        sa.Column("reviewed_at", Moment(), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=True, comment="encrypted image, only where a setting asks"),
        sa.Column("record_key", NUMBER, nullable=True),
        sa.Column("keep_until", sa.Date(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["duty"], ["duty.id"], name=op.f("fk_prescription_duty")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_prescription_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_prescription_organisation")),
        sa.ForeignKeyConstraint(["record_key"], ["record_key.id"], name=op.f("fk_prescription_record_key")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["person.id"], name=op.f("fk_prescription_reviewed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_prescription")),
        sa.UniqueConstraint(
            "organisation", "reference", "number", name=op.f("uq_prescription_organisation_reference_number")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_prescription_public_id")),
    )
    op.create_table(
        "purchase_order",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("supplier", NUMBER, nullable=False),
        sa.Column("number", sa.String(length=60), nullable=False),
        sa.Column("ordered_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="open, received, cancelled"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_purchase_order_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_purchase_order_person")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.id"], name=op.f("fk_purchase_order_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_purchase_order")),
        sa.UniqueConstraint("organisation", "number", name=op.f("uq_purchase_order_organisation_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_purchase_order_public_id")),
    )
    op.create_table(
        "stocktake_count",
        sa.Column("stocktake", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths that were counted"),
        sa.Column(
            "book", sa.BigInteger(), nullable=False, comment="millionths that were in stock when counting of it began"
        ),
        sa.Column("moved", sa.Boolean(), nullable=False, comment="between two counts of it stock was another"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("counted_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_stocktake_count_item")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_stocktake_count_person")),
        sa.ForeignKeyConstraint(["stocktake"], ["stocktake.id"], name=op.f("fk_stocktake_count_stocktake")),
        sa.PrimaryKeyConstraint("stocktake", "item", "unit", name=op.f("pk_stocktake_count")),
    )
    op.create_table(
        "acceptance",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("purchase_order", NUMBER, nullable=True),
        sa.Column(
            "supplier", sa.JSON(), nullable=False, comment="as a delivery names it: id, or name, address, contact"
        ),
        sa.Column("delivery_note", sa.String(length=80), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="open, done, cancelled"),
        sa.Column("transport", sa.JSON(), nullable=False, comment="of cold goods: how, left at, arrived at, seal"),
        sa.Column("scans", sa.JSON(), nullable=False, comment="public ids of the photos its codes were read from"),
        sa.Column("receipt", NUMBER, nullable=True),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("second_person", NUMBER, nullable=True, comment="the second signature for special drugs"),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("closed_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_acceptance_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_acceptance_person")),
        sa.ForeignKeyConstraint(["purchase_order"], ["purchase_order.id"], name=op.f("fk_acceptance_purchase_order")),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_acceptance_receipt")),
        sa.ForeignKeyConstraint(["second_person"], ["person.id"], name=op.f("fk_acceptance_second_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_acceptance")),
        sa.UniqueConstraint("public_id", name=op.f("uq_acceptance_public_id")),
        comment="验收: a delivery while it is scanned, by one or several people; then its receipt",
    )
    op.create_index("ix_acceptance_organisation", "acceptance", ["organisation", "opened_at"], unique=False)
    op.create_index(op.f("ix_acceptance_purchase_order"), "acceptance", ["purchase_order"], unique=False)
    op.create_index(op.f("ix_acceptance_receipt"), "acceptance", ["receipt"], unique=False)
    op.create_table(
        "drug_sale",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column(
            "number", sa.Integer(), nullable=False, comment="running number of the organisation's receipts, from 1"
        ),
        sa.Column("sold_at", Moment(), nullable=False),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("prescription", NUMBER, nullable=True),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_drug_sale_api_key")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_drug_sale_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_drug_sale_person")),
        sa.ForeignKeyConstraint(["prescription"], ["prescription.id"], name=op.f("fk_drug_sale_prescription")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_drug_sale")),
        sa.UniqueConstraint("organisation", "number", name=op.f("uq_drug_sale_organisation_number")),
        sa.UniqueConstraint("public_id", name=op.f("uq_drug_sale_public_id")),
        comment="A receipt of the counter: retail receipts show the trace codes (医保发〔2025〕7号)",
    )
    op.create_index("ix_drug_sale_organisation", "drug_sale", ["organisation", "sold_at"], unique=False)
    op.create_index(op.f("ix_drug_sale_prescription"), "drug_sale", ["prescription"], unique=False)
    op.create_table(
        "purchase_order_line",
        sa.Column("purchase_order", NUMBER, nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths"),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="millionths of a yuan per unit"),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_purchase_order_line_product")),
        sa.ForeignKeyConstraint(
            ["purchase_order"], ["purchase_order.id"], name=op.f("fk_purchase_order_line_purchase_order")
        ),
        sa.PrimaryKeyConstraint("purchase_order", "line", name=op.f("pk_purchase_order_line")),
    )
    op.create_table(
        "acceptance_code",
        sa.Column("acceptance", NUMBER, nullable=False),
        sa.Column("uri", sa.Text(), nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=True, comment="NULL: read, and not of any line yet"),
        sa.Column("parent", sa.Text(), nullable=True, comment="the case whose relation file told of it"),
        sa.Column("lot_number", sa.String(length=60), nullable=False, comment="as the code itself says (GS1)"),
        sa.Column("expires_on", sa.Date(), nullable=True, comment="as the code itself says (GS1)"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("scanned_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["acceptance"], ["acceptance.id"], name=op.f("fk_acceptance_code_acceptance")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_acceptance_code_person")),
        sa.PrimaryKeyConstraint("acceptance", "uri", name=op.f("pk_acceptance_code")),
        comment="The primary key makes a code that is read again and again one code",
    )
    op.create_table(
        "acceptance_line",
        sa.Column("acceptance", NUMBER, nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("lot_number", sa.String(length=60), nullable=False),
        sa.Column("produced_on", sa.Date(), nullable=True),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("amount", sa.BigInteger(), nullable=True, comment="millionths, as the delivery note says"),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True, comment="millionths of a yuan per unit"),
        sa.Column("more", sa.JSON(), nullable=False, comment="papers, decision, reason, why there are no codes"),
        sa.ForeignKeyConstraint(["acceptance"], ["acceptance.id"], name=op.f("fk_acceptance_line_acceptance")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_acceptance_line_product")),
        sa.PrimaryKeyConstraint("acceptance", "line", name=op.f("pk_acceptance_line")),
        comment="随货同行单, line by line",
    )
    op.create_table(
        "drug_sale_line",
        sa.Column("sale", NUMBER, nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("item", NUMBER, nullable=False, comment="the pack; a lot without codes"),
        sa.Column("lot", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column(
            "amount", sa.BigInteger(), nullable=False, comment="millionths of the unit; of a split pack its part of one"
        ),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("split_units", sa.Integer(), nullable=True, comment="拆零: how many of the pack's smallest units"),
        sa.Column(
            "price", sa.BigInteger(), nullable=True, comment="millionths of a yuan for the line; never shown to others"
        ),
        sa.Column("no_code_reason", sa.String(length=16), nullable=False),
        sa.Column(
            "passed_by", sa.String(length=200), nullable=False, comment="why an earlier lot was left on the shelf"
        ),
        sa.Column("event", NUMBER, nullable=False),
        sa.Column("returned_event", NUMBER, nullable=True),
        sa.Column("returned_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_drug_sale_line_event")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_drug_sale_line_item")),
        sa.ForeignKeyConstraint(["lot"], ["lot.item"], name=op.f("fk_drug_sale_line_lot")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_drug_sale_line_product")),
        sa.ForeignKeyConstraint(["returned_event"], ["event.id"], name=op.f("fk_drug_sale_line_returned_event")),
        sa.ForeignKeyConstraint(["sale"], ["drug_sale.id"], name=op.f("fk_drug_sale_line_sale")),
        sa.PrimaryKeyConstraint("sale", "line", name=op.f("pk_drug_sale_line")),
    )
    op.create_index(op.f("ix_drug_sale_line_item"), "drug_sale_line", ["item"], unique=False)
    op.create_index(op.f("ix_drug_sale_line_lot"), "drug_sale_line", ["lot"], unique=False)
    op.create_table(
        "temperature_log",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("acceptance", NUMBER, nullable=True),
        sa.Column("receipt", NUMBER, nullable=True),
        sa.Column("object", sa.String(length=64), nullable=False, comment="the file as it came"),
        sa.Column("logger", sa.String(length=80), nullable=False),
        sa.Column("started_at", Moment(), nullable=False),
        sa.Column("ended_at", Moment(), nullable=False),
        sa.Column("readings", sa.Integer(), nullable=False),
        sa.Column("missing", sa.Integer(), nullable=False, comment="lines of the file without a reading"),
        sa.Column("gap_seconds", sa.Integer(), nullable=False, comment="the longest time between two readings"),
        sa.Column("low", sa.Integer(), nullable=False, comment="allowed, hundredths of a degree"),
        sa.Column("high", sa.Integer(), nullable=False, comment="allowed, hundredths of a degree"),
        sa.Column("coldest", sa.Integer(), nullable=False, comment="hundredths of a degree"),
        sa.Column("warmest", sa.Integer(), nullable=False, comment="hundredths of a degree"),
        sa.Column("kinetic", sa.Integer(), nullable=False, comment="mean kinetic temperature, hundredths of a degree"),
        sa.Column("excursion_count", sa.Integer(), nullable=False, comment="stays outside the range"),
        sa.Column(
            "excursions", sa.JSON(), nullable=False, comment="the first of them: [{from, until, coldest, warmest}]"
        ),
        sa.Column(
            "points", sa.JSON(), nullable=False, comment="the curve, thinned: [seconds since the start, hundredths]"
        ),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("filed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["acceptance"], ["acceptance.id"], name=op.f("fk_temperature_log_acceptance")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_temperature_log_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_temperature_log_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_temperature_log_person")),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_temperature_log_receipt")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_temperature_log")),
        sa.UniqueConstraint("public_id", name=op.f("uq_temperature_log_public_id")),
        comment="The log of a cold delivery's way (SAMR 84 Art. 41)",
    )
    op.create_index(op.f("ix_temperature_log_acceptance"), "temperature_log", ["acceptance"], unique=False)
    op.create_index(op.f("ix_temperature_log_organisation"), "temperature_log", ["organisation"], unique=False)
    op.create_index(op.f("ix_temperature_log_receipt"), "temperature_log", ["receipt"], unique=False)


def downgrade() -> None:
    # What was sold in parts has no place in the version before.
    op.execute("DELETE FROM dispensing WHERE split_units IS NOT NULL")
    _one_sale("returned_event IS NULL")
    for table, column, *_ in reversed(ADDED):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
    for table in reversed(TABLES):
        op.drop_table(table)
