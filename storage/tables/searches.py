"""What searches need: names by their parts, and how to go on where an answer was told in part."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, PrimaryKeyConstraint, SmallInteger, String, Table

from storage.tables.columns import Moment, Number, metadata

name_part = Table(
    "name_part",
    metadata,
    Column("kind", SmallInteger, nullable=False, comment="storage.names.Name"),
    # Bytes, because texts are compared by the rules of a language.
    Column("part", LargeBinary, nullable=False, comment="some letters of the name in small, in UTF-8"),
    Column("number", Number, nullable=False, comment="id of the row whose name it is"),
    PrimaryKeyConstraint("kind", "part", "number"),
    sqlite_with_rowid=False,
    comment="What begins at each letter of a name, so that it is found by any part of it",
)

trace_pause = Table(
    "trace_pause",
    metadata,
    Column("id", Number, primary_key=True),
    Column("token", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("state", LargeBinary, nullable=False, comment="trace.services.trace_parts"),
    Column("created_at", Moment, nullable=False, index=True),
    Index("ix_trace_pause_organisation", "organisation", "id"),  # the newest of an organisation are kept
    comment="Traces longer than one answer: what the next part begins with; kept for a while only",
)
