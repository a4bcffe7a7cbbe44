"""the supermarket's desk: rule book, suppliers, papers that certify an amount, mass balance, recalls, self-checks"""

import sqlalchemy as sa
from alembic import op

from storage.tables.columns import Moment

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
# (table, column, type on PostgreSQL, type on SQLite, rest). Written out, because SQLite adds a column that refers to
# another table only so: a copy of the table would break what refers to it.
ADDED = (
    (
        "certificate",
        "signature",
        "VARCHAR(64)",
        "VARCHAR(64)",
        "CONSTRAINT fk_certificate_signature REFERENCES object (sha256)",
    ),
    ("certificate", "amount", "BIGINT", "BIGINT", ""),
    ("certificate", "unit", "VARCHAR(3)", "VARCHAR(3)", ""),
    ("certificate", "paper_key", "VARCHAR(64)", "VARCHAR(64)", ""),
    ("certificate", "number_key", "VARCHAR(64)", "VARCHAR(64)", ""),
    ("certificate", "incomplete", "BOOLEAN", "BOOLEAN", "DEFAULT false NOT NULL"),
    ("certificate", "filed_by", "BIGINT", "INTEGER", "CONSTRAINT fk_certificate_filed_by REFERENCES person (id)"),
    ("certificate", "issued_here", "BOOLEAN", "BOOLEAN", "DEFAULT FALSE NOT NULL"),
    ("certificate", "revoked_by", "BIGINT", "INTEGER", "CONSTRAINT fk_certificate_revoked_by REFERENCES person (id)"),
    ("product", "discontinued_on", "DATE", "DATE", ""),
    ("receipt", "supplier_file", "BIGINT", "INTEGER", "CONSTRAINT fk_receipt_supplier_file REFERENCES supplier (id)"),
    ("receipt", "undone_at", "TIMESTAMP WITH TIME ZONE", "DATETIME", ""),
    (
        "receipt_line",
        "overridden_by",
        "BIGINT",
        "INTEGER",
        "CONSTRAINT fk_receipt_line_overridden_by REFERENCES person (id)",
    ),
    ("receipt_line", "override_reason", "VARCHAR(200)", "VARCHAR(200)", "DEFAULT '' NOT NULL"),
    ("receipt_line", "corrected_at", "TIMESTAMP WITH TIME ZONE", "DATETIME", ""),
    ("stock", "came", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
    ("stock", "sent", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
    ("stock", "returned", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
    ("stock", "destroyed", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
    ("stock", "used", "BIGINT", "BIGINT", "DEFAULT 0 NOT NULL"),
)
# SQLite keeps no comments.
COMMENTS = (
    ("certificate", "signature", "picture of the signature or seal"),
    ("certificate", "amount", "millionths"),
    ("certificate", "paper_key", "the same for one paper, whoever files it; paper_head"),
    ("certificate", "number_key", "of its number: where only one filer had its QR; paper_head"),
    ("certificate", "incomplete", "something of it is not transcribed yet"),
    ("certificate", "issued_here", "by its organisation, on this system"),
    ("product", "discontinued_on", "who registered it says that it is made no more: proposed to nobody"),
    ("receipt", "undone_at", "taken back as a whole: its events are declared wrong"),
    ("receipt_line", "overridden_by", "the second person who accepts against a finding"),
    ("receipt_line", "corrected_at", "a later correction stands in `correction`"),
    ("stock", "came", "millionths that were received or made here"),
    ("stock", "sent", "millionths sent to others"),
    ("stock", "returned", "millionths sent back to suppliers"),
    ("stock", "destroyed", "millionths"),
    ("stock", "used", "millionths made into something else, or sampled"),
)


def upgrade() -> None:
    _create_tables()
    postgres = op.get_bind().dialect.name == "postgresql"
    for table, column, on_postgres, on_sqlite, rest in ADDED:
        op.execute(f"ALTER TABLE {table} ADD COLUMN {column} {on_postgres if postgres else on_sqlite} {rest}")
    for table, column, comment in COMMENTS if postgres else ():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{comment}'")
    op.create_index(op.f("ix_certificate_paper_key"), "certificate", ["paper_key"], unique=False)
    op.create_index(op.f("ix_certificate_number_key"), "certificate", ["number_key"], unique=False)
    op.create_index(op.f("ix_receipt_supplier_file"), "receipt", ["supplier_file"], unique=False)
    # What left before this version kept no account of left no trace in stock: it counts as never come.
    op.execute("UPDATE stock SET came = on_hand + held + sold")
    # A recall asks who has anything of a lot, wherever.
    op.drop_index("ix_stock_lot", table_name="stock")
    op.create_index("ix_stock_lot", "stock", ["lot", "organisation"], unique=False)
    # Until now only what was issued here had a number of this form and no picture.
    op.execute(
        "UPDATE certificate SET issued_here = TRUE WHERE kind = 'commitment_certificate' AND object IS NULL"
        " AND number LIKE 'HGZ________________' AND issuer = (SELECT name FROM organisation WHERE organisation.id = certificate.organisation)"
    )


def downgrade() -> None:
    op.drop_index("ix_stock_lot", table_name="stock")
    op.create_index("ix_stock_lot", "stock", ["organisation", "lot"], unique=False)
    op.drop_index(op.f("ix_receipt_supplier_file"), table_name="receipt")
    op.drop_index(op.f("ix_certificate_number_key"), table_name="certificate")
    op.drop_index(op.f("ix_certificate_paper_key"), table_name="certificate")
    for table, column, *_ in reversed(ADDED):
        with op.batch_alter_table(table) as batch_op:
            batch_op.drop_column(column)
    for table in (
        "stock_unmoved",
        "certificate_holder",
        "certificate_use",
        "supplier_licence",
        "recall_notice",
        "recall_lot",
        "recall_held",
        "rapid_test",
        "dish_lot",
        "certificate_source",
        "attributed_lot",
        "supplier",
        "self_check",
        "rule_entry",
        "recall",
        "disposal",
        "dish",
        "correction",
        "business_block",
        "bulk_import",
        "attributed_sale",
        "paper_head",
    ):
        op.drop_table(table)


def _create_tables() -> None:
    op.create_table(
        "paper_head",
        sa.Column("paper_key", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("paper_key", name=op.f("pk_paper_head")),
        comment="One row a paper: its lock lines up everybody who receives under it",
    )
    op.create_table(
        "attributed_sale",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("product", NUMBER, nullable=False),
        sa.Column("event", NUMBER, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths"),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("policy", sa.String(length=24), nullable=False, comment="the written policy it was attributed by"),
        sa.Column("sold_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_attributed_sale_event")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_attributed_sale_organisation")),
        sa.ForeignKeyConstraint(["product"], ["product.id"], name=op.f("fk_attributed_sale_product")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attributed_sale")),
        comment="Sold by PLU: of which lots is attributed, not known",
    )
    op.create_index(op.f("ix_attributed_sale_event"), "attributed_sale", ["event"], unique=False)
    op.create_index("ix_attributed_sale_organisation", "attributed_sale", ["organisation", "sold_at"], unique=False)

    op.create_table(
        "bulk_import",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False, comment="of the file, as it came"),
        sa.Column("object", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False, comment="checking, checked, storing, stored, refused"),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column(
            "report", sa.JSON(), nullable=False, comment="row by row: what would be, or was, stored; what is wrong"
        ),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("finished_at", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_bulk_import_api_key")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_bulk_import_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_bulk_import_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_bulk_import_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_import")),
        sa.UniqueConstraint("public_id", name=op.f("uq_bulk_import_public_id")),
    )
    op.create_index(op.f("ix_bulk_import_organisation"), "bulk_import", ["organisation"], unique=False)

    op.create_table(
        "business_block",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("blocked", NUMBER, nullable=True, comment="where it is on this system"),
        sa.Column("uscc", sa.String(length=18), nullable=False, comment="empty where nobody knows it"),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("name_key", sa.String(length=120), nullable=False, comment="trace.domain.suppliers.name_key"),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("decision_no", sa.String(length=80), nullable=False, comment="文号 of the decision"),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("blocked_by", NUMBER, nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("blocked_at", Moment(), nullable=False),
        sa.Column("lifted_at", Moment(), nullable=True),
        sa.Column("lifted_by", NUMBER, nullable=True),
        sa.Column("lifted_reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["blocked"], ["organisation.id"], name=op.f("fk_business_block_blocked")),
        sa.ForeignKeyConstraint(["blocked_by"], ["organisation.id"], name=op.f("fk_business_block_blocked_by")),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"], name=op.f("fk_business_block_lifted_by")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_business_block_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_business_block")),
        sa.UniqueConstraint("public_id", name=op.f("uq_business_block_public_id")),
        comment="一处违法、处处受限: a regulator's block holds in every shop",
    )
    op.create_index(op.f("ix_business_block_blocked"), "business_block", ["blocked"], unique=False)
    op.create_index(op.f("ix_business_block_uscc"), "business_block", ["uscc"], unique=False)
    op.create_index(op.f("ix_business_block_name_key"), "business_block", ["name_key"], unique=False)
    op.create_index(
        "uq_business_block_in_force",
        "business_block",
        ["blocked_by", "uscc", "name_key"],
        unique=True,
        sqlite_where=sa.text("lifted_at IS NULL"),
        postgresql_where=sa.text("lifted_at IS NULL"),
    )

    op.create_table(
        "correction",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column(
            "kind",
            sa.String(length=24),
            nullable=False,
            comment="of the record: receipt_line, receipt, supplier, certificate",
        ),
        sa.Column(
            "subject",
            sa.String(length=60),
            nullable=False,
            comment="public id of the record, for a line with its number",
        ),
        sa.Column("field", sa.String(length=40), nullable=False),
        sa.Column("old", sa.Text(), nullable=True),
        sa.Column("new", sa.Text(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("event", NUMBER, nullable=True, comment="the event that corrects, where there is one"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("device", sa.String(length=120), nullable=False, comment="kind of browser or program, no more"),
        sa.Column("corrected_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_correction_api_key")),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_correction_event")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_correction_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_correction_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_correction")),
        comment="What was corrected in a record, and why; insert-only (R16)",
    )
    op.create_index("ix_correction_subject", "correction", ["organisation", "kind", "subject"], unique=False)

    op.create_table(
        "dish",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("meal", sa.String(length=12), nullable=False, comment="breakfast, lunch, dinner"),
        sa.Column("event", NUMBER, nullable=False, comment="what was used for it"),
        sa.Column("item", NUMBER, nullable=False, comment="the dish as a lot of its own"),
        sa.Column("object", sa.String(length=64), nullable=True, comment="a photo"),
        sa.Column("retained_until", Moment(), nullable=True, comment="of the sample that was kept back (留样)"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("cooked_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_dish_event")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_dish_item")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_dish_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_dish_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_dish_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dish")),
        sa.UniqueConstraint("public_id", name=op.f("uq_dish_public_id")),
        comment="What a canteen serves, and of which lots (明厨亮灶)",
    )
    op.create_index("ix_dish_organisation", "dish", ["organisation", "day"], unique=False)

    op.create_table(
        "disposal",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("event", NUMBER, nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("witness", sa.String(length=80), nullable=False),
        sa.Column("object", sa.String(length=64), nullable=False, comment="the photo"),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("disposed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_disposal_event")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_disposal_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_disposal_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_disposal_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal")),
        sa.UniqueConstraint("public_id", name=op.f("uq_disposal_public_id")),
        comment="Destruction with photo and witness (R14; 食品安全法实施条例 Art. 29)",
    )
    op.create_index(op.f("ix_disposal_organisation"), "disposal", ["organisation"], unique=False)

    op.create_table(
        "recall",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="who recalls"),
        sa.Column("item", NUMBER, nullable=False, comment="the lot it starts from"),
        sa.Column("kind", sa.String(length=12), nullable=False, comment="hold (own shop), recall (everywhere)"),
        sa.Column("level", sa.SmallInteger(), nullable=True, comment="1 to 3, of a recall"),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("region", sa.String(length=6), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("opened_at", Moment(), nullable=False),
        sa.Column("due_at", Moment(), nullable=True, comment="when it has to be finished, by its level"),
        sa.Column("lifted_at", Moment(), nullable=True),
        sa.Column("lifted_by", NUMBER, nullable=True),
        sa.Column("lifted_reason", sa.String(length=200), nullable=False),
        sa.Column(
            "closed_at",
            Moment(),
            nullable=True,
            comment="finished: the goods went back or were destroyed, and stay blocked",
        ),
        sa.Column("closed_by", NUMBER, nullable=True),
        sa.Column("closed_reason", sa.String(length=200), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False, comment="whether the trace came to its end"),
        sa.ForeignKeyConstraint(["closed_by"], ["person.id"], name=op.f("fk_recall_closed_by")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_recall_item")),
        sa.ForeignKeyConstraint(["lifted_by"], ["person.id"], name=op.f("fk_recall_lifted_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_recall_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_recall_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recall")),
        sa.UniqueConstraint("public_id", name=op.f("uq_recall_public_id")),
        comment="One switch for a lot and everything made of it: no sale, transfer or split (R7, R13)",
    )
    op.create_index(op.f("ix_recall_item"), "recall", ["item"], unique=False)
    op.create_index(op.f("ix_recall_organisation"), "recall", ["organisation"], unique=False)

    op.create_table(
        "rule_entry",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="organisation.id of a house rule, 0 everywhere"),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=300), nullable=False),
        sa.Column("confidence", sa.String(length=1), nullable=False, comment="trace.domain.rules.book.Confidence"),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("api_key", NUMBER, nullable=True),
        sa.Column("written_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["api_key"], ["api_key.id"], name=op.f("fk_rule_entry_api_key")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_rule_entry_person")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_entry")),
        comment="Entries of the rule book beside those shipped; insert-only, what is written later counts",
    )
    op.create_index("ix_rule_entry_organisation", "rule_entry", ["organisation", "name"], unique=False)

    op.create_table(
        "self_check",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False, comment="daily, weekly, monthly"),
        sa.Column("first_day", sa.Date(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False, comment="JSON as it was signed"),
        sa.Column("sha256", sa.String(length=64), nullable=False, comment="of the content"),
        sa.Column("remarks", sa.Text(), nullable=False),
        sa.Column("signed_by", NUMBER, nullable=False),
        sa.Column("signed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_self_check_organisation")),
        sa.ForeignKeyConstraint(["signed_by"], ["person.id"], name=op.f("fk_self_check_signed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_self_check")),
        sa.UniqueConstraint(
            "organisation", "kind", "first_day", name=op.f("uq_self_check_organisation_kind_first_day")
        ),
        sa.UniqueConstraint("public_id", name=op.f("uq_self_check_public_id")),
        comment="日管控、周排查、月调度: filled from what was recorded, signed by a person (SAMR order 60)",
    )
    op.create_table(
        "supplier",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="whose file it is"),
        sa.Column("partner", NUMBER, nullable=True, comment="the supplier, where it is on this system"),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False, comment="OrganisationKind, where it is known"),
        sa.Column("uscc", sa.String(length=18), nullable=True, comment="also of those who are not on the system"),
        sa.Column("address", sa.String(length=200), nullable=False),
        sa.Column("contact", sa.String(length=80), nullable=False),
        sa.Column("standing", sa.String(length=12), nullable=False, comment="trace.domain.suppliers.Standing"),
        sa.Column("standing_reason", sa.String(length=200), nullable=False),
        sa.Column("checked_at", Moment(), nullable=True, comment="of the first-delivery check (首营企业)"),
        sa.Column("checked_by", NUMBER, nullable=True),
        sa.Column("checked", sa.JSON(), nullable=False, comment="what was looked at in that check"),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["checked_by"], ["person.id"], name=op.f("fk_supplier_checked_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_supplier_organisation")),
        sa.ForeignKeyConstraint(["partner"], ["organisation.id"], name=op.f("fk_supplier_partner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier")),
        sa.UniqueConstraint("organisation", "name", name=op.f("uq_supplier_organisation_name")),
        sa.UniqueConstraint("public_id", name=op.f("uq_supplier_public_id")),
        comment="What changes in it is kept in `correction`",
    )
    op.create_index("ix_supplier_uscc", "supplier", ["uscc"], unique=False)

    op.create_table(
        "attributed_lot",
        sa.Column("sale", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column(
            "amount",
            sa.BigInteger(),
            nullable=False,
            comment="millionths attributed; 0: it was open and may have been it",
        ),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_attributed_lot_item")),
        sa.ForeignKeyConstraint(["sale"], ["attributed_sale.id"], name=op.f("fk_attributed_lot_sale")),
        sa.PrimaryKeyConstraint("sale", "item", name=op.f("pk_attributed_lot")),
    )
    op.create_index("ix_attributed_lot_item", "attributed_lot", ["item"], unique=False)

    op.create_table(
        "certificate_source",
        sa.Column("certificate", NUMBER, nullable=False),
        sa.Column("source", NUMBER, nullable=False),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_certificate_source_certificate")),
        sa.ForeignKeyConstraint(["source"], ["certificate.id"], name=op.f("fk_certificate_source_source")),
        sa.PrimaryKeyConstraint("certificate", "source", name=op.f("pk_certificate_source")),
        comment="The papers of what was mixed or re-packed, under the new one (农产品质量安全法 Art. 39)",
    )
    op.create_index(op.f("ix_certificate_source_source"), "certificate_source", ["source"], unique=False)

    op.create_table(
        "dish_lot",
        sa.Column("dish", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths"),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["dish"], ["dish.id"], name=op.f("fk_dish_lot_dish")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_dish_lot_item")),
        sa.PrimaryKeyConstraint("dish", "item", "unit", name=op.f("pk_dish_lot")),
    )
    op.create_index("ix_dish_lot_item", "dish_lot", ["item"], unique=False)

    op.create_table(
        "rapid_test",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("public_id", sa.String(length=26), nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("tested_for", sa.String(length=120), nullable=False),
        sa.Column(
            "official", sa.Boolean(), nullable=False, comment="by the regulator: the 4 hours of FSL Art. 88 count"
        ),
        sa.Column("passed", sa.Boolean(), nullable=False),
        sa.Column("result_at", Moment(), nullable=False, comment="to the minute"),
        sa.Column("retest_until", Moment(), nullable=True, comment="a re-test may be asked for until then"),
        sa.Column("retest_asked_at", Moment(), nullable=True),
        sa.Column("retest_passed", sa.Boolean(), nullable=True),
        sa.Column("retest_at", Moment(), nullable=True),
        sa.Column("retest_by", sa.String(length=120), nullable=False, comment="the laboratory"),
        sa.Column("object", sa.String(length=64), nullable=True),
        sa.Column("recall", NUMBER, nullable=True, comment="the hold that a failed test set at once (R12)"),
        sa.Column("person", NUMBER, nullable=True),
        sa.Column("recorded_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_rapid_test_item")),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_rapid_test_object")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_rapid_test_organisation")),
        sa.ForeignKeyConstraint(["person"], ["person.id"], name=op.f("fk_rapid_test_person")),
        sa.ForeignKeyConstraint(["recall"], ["recall.id"], name=op.f("fk_rapid_test_recall")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rapid_test")),
        sa.UniqueConstraint("public_id", name=op.f("uq_rapid_test_public_id")),
    )
    op.create_index(op.f("ix_rapid_test_item"), "rapid_test", ["item"], unique=False)
    op.create_index(op.f("ix_rapid_test_organisation"), "rapid_test", ["organisation"], unique=False)

    op.create_table(
        "recall_lot",
        sa.Column("recall", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False, comment="a lot that is reached"),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_recall_lot_item")),
        sa.ForeignKeyConstraint(["recall"], ["recall.id"], name=op.f("fk_recall_lot_recall")),
        sa.PrimaryKeyConstraint("recall", "item", name=op.f("pk_recall_lot")),
    )
    op.create_index("ix_recall_lot_item", "recall_lot", ["item"], unique=False)

    op.create_table(
        "recall_held",
        sa.Column("recall", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths that it moved from on hand to held"),
        sa.Column(
            "gone", sa.BigInteger(), nullable=False, comment="millionths returned, destroyed and used before that"
        ),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_recall_held_item")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_recall_held_organisation")),
        sa.ForeignKeyConstraint(["recall"], ["recall.id"], name=op.f("fk_recall_held_recall")),
        sa.PrimaryKeyConstraint("recall", "organisation", "item", "unit", name=op.f("pk_recall_held")),
        comment="What a hold or recall holds, and lifting it releases",
    )

    op.create_table(
        "stock_unmoved",
        sa.Column("event", NUMBER, nullable=False),
        sa.Column("item", NUMBER, nullable=False),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["event"], ["event.id"], name=op.f("fk_stock_unmoved_event")),
        sa.ForeignKeyConstraint(["item"], ["ident.id"], name=op.f("fk_stock_unmoved_item")),
        sa.PrimaryKeyConstraint("event", "item", "unit", name=op.f("pk_stock_unmoved")),
        comment="What partners' events could not move, for want of goods: declared wrong, they bring nothing back",
    )

    op.create_table(
        "recall_notice",
        sa.Column("recall", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False, comment="a holder"),
        sa.Column(
            "had", sa.JSON(), nullable=False, comment="per lot and unit, when the notice went out: on hand, held, sold"
        ),
        sa.Column("due_at", Moment(), nullable=False, comment="acknowledge until"),
        sa.Column("acknowledged_at", Moment(), nullable=True),
        sa.Column("acknowledged_by", NUMBER, nullable=True),
        sa.Column("answer", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(["acknowledged_by"], ["person.id"], name=op.f("fk_recall_notice_acknowledged_by")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_recall_notice_organisation")),
        sa.ForeignKeyConstraint(["recall"], ["recall.id"], name=op.f("fk_recall_notice_recall")),
        sa.PrimaryKeyConstraint("recall", "organisation", name=op.f("pk_recall_notice")),
    )
    op.create_index(op.f("ix_recall_notice_organisation"), "recall_notice", ["organisation"], unique=False)

    op.create_table(
        "supplier_licence",
        sa.Column("id", NUMBER, nullable=False),
        sa.Column("supplier", NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(length=40), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("object", sa.String(length=64), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column(
            "override_reason", sa.String(length=200), nullable=False, comment="why a doubtful number was taken (R20)"
        ),
        sa.Column("filed_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["object"], ["object.sha256"], name=op.f("fk_supplier_licence_object")),
        sa.ForeignKeyConstraint(["supplier"], ["supplier.id"], name=op.f("fk_supplier_licence_supplier")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_supplier_licence")),
        sa.UniqueConstraint("supplier", "kind", "number", name=op.f("uq_supplier_licence_supplier_kind_number")),
    )
    op.create_table(
        "certificate_holder",
        sa.Column("certificate", NUMBER, nullable=False),
        sa.Column("organisation", NUMBER, nullable=False),
        sa.Column("shown_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_certificate_holder_certificate")),
        sa.ForeignKeyConstraint(["organisation"], ["organisation.id"], name=op.f("fk_certificate_holder_organisation")),
        sa.PrimaryKeyConstraint("certificate", "organisation", name=op.f("pk_certificate_holder")),
        comment="Who showed the QR text of a certificate that was issued here: they have the paper",
    )
    op.create_index(op.f("ix_certificate_holder_organisation"), "certificate_holder", ["organisation"], unique=False)
    op.create_table(
        "certificate_use",
        sa.Column("receipt", NUMBER, nullable=False),
        sa.Column("line", sa.SmallInteger(), nullable=False),
        sa.Column("certificate", NUMBER, nullable=False),
        sa.Column("paper_key", sa.String(length=64), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False, comment="millionths accepted or held"),
        sa.Column("unit", sa.String(length=3), nullable=False),
        sa.ForeignKeyConstraint(["certificate"], ["certificate.id"], name=op.f("fk_certificate_use_certificate")),
        sa.ForeignKeyConstraint(["receipt"], ["receipt.id"], name=op.f("fk_certificate_use_receipt")),
        sa.PrimaryKeyConstraint("receipt", "line", "certificate", name=op.f("pk_certificate_use")),
        comment="What was received under which paper, over all shops (R5)",
    )
    op.create_index(op.f("ix_certificate_use_paper_key"), "certificate_use", ["paper_key"], unique=False)
