"""Searches that were told in part: what is needed to go on with them."""

from sqlalchemy import Column, ForeignKey, Index, LargeBinary, String, Table

from storage.tables.columns import Moment, Number, metadata

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
