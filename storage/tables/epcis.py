"""What the EPCIS binding keeps beside the events: indices of what they name, capture jobs, queries, subscriptions."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
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

from storage.tables.columns import Moment, Number, metadata

event_mention = Table(
    "event_mention",
    metadata,
    Column("ident", Number, nullable=False),
    Column("time", BigInteger, nullable=False),
    Column("event", Number, nullable=False),
    Column("kind", SmallInteger, nullable=False, comment="storage.events.Mention"),
    PrimaryKeyConstraint("ident", "time", "event", "kind"),
    sqlite_with_rowid=False,
    comment="Business transactions, sources and destinations an event names: they are no items, and pass no goods on",
)

event_vocabulary = Table(
    "event_vocabulary",
    metadata,
    Column("organisation", Number, nullable=False),
    Column("kind", SmallInteger, nullable=False, comment="storage.events.Named"),
    Column("ident", Number, nullable=False, comment="ident.id; of an event type its number"),
    PrimaryKeyConstraint("organisation", "kind", "ident"),
    sqlite_with_rowid=False,
    comment="What the events an organisation may see name: the top-level resources of EPCIS 2.0 (section 12.5)",
)

master_data = Table(
    "master_data",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("item", Number, ForeignKey("ident.id"), nullable=False),
    Column("kind", String(120), nullable=False, comment="vocabulary type, such as urn:epcglobal:epcis:vtype:Location"),
    Column("document", LargeBinary, nullable=False, comment="JSON of the vocabulary element, as captured last"),
    Column("record_time", BigInteger, nullable=False, comment="UTC milliseconds"),
    PrimaryKeyConstraint("organisation", "item", "kind"),
    comment="Master data from headers of captured documents; what an organisation sent last counts (section 6.5)",
)

capture_job = Table(
    "capture_job",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("behaviour", String(8), nullable=False, comment="rollback or proceed"),
    Column("success", Boolean, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("finished_at", Moment, nullable=False),
    Column("stored", Integer, nullable=False, comment="events this job stored; known ones are not counted"),
    Column("errors", LargeBinary, nullable=False, comment="JSON list of what was refused"),
    Index("ix_capture_job_organisation", "organisation", "id"),
)

named_query = Table(
    "named_query",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("name", String(120), nullable=False),
    Column("parameters", LargeBinary, nullable=False, comment="JSON, as the query was put"),
    Column("created_at", Moment, nullable=False),
    UniqueConstraint("organisation", "name"),
)

subscription = Table(
    "subscription",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("query", Number, ForeignKey("named_query.id"), nullable=False, index=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    # For whom the events go out: when that person or key may no longer look, nothing is sent.
    Column("person", Number, comment="person.id, where a person subscribed"),
    Column("api_key", Number, comment="api_key.id, where a machine did"),
    Column("dest", Text, nullable=False, comment="https address of the receiver"),
    Column("signature_token", Text, comment="the receiver's secret that signs what is sent; never logged"),
    Column("stream", Boolean, nullable=False),
    Column("schedule", LargeBinary, comment="JSON of the schedule; null for a stream"),
    Column("report_if_empty", Boolean, nullable=False),
    Column("initial_record_time", Moment),
    Column("created_at", Moment, nullable=False),
    # The low-water mark: everything up to here was taken by the receiver.
    Column("mark_xact", BigInteger, nullable=False),
    Column("mark_event", BigInteger, nullable=False),
    # The last event that there was when it was made: what is behind is sent whatever a clock said of its time.
    Column("made_xact", BigInteger),
    Column("made_event", BigInteger),
    Column("last_notified_at", Moment),
    Column("failures", Integer, nullable=False, default=0, comment="in a row"),
    Column("last_failure", Text),
)

job = Table(
    "job",
    metadata,
    Column("id", Number, primary_key=True),
    Column("kind", String(40), nullable=False, comment="trace.services.job_kinds"),
    Column("subject", BigInteger, nullable=False, comment="what it is about, by the kind: a subscription's number"),
    Column("organisation", Number, ForeignKey("organisation.id"), comment="whose work it is; null: the service's own"),
    Column("due_at", Moment, nullable=False),
    Column("lease", String(36), comment="token of the worker that has it"),
    Column("lease_until", Moment),
    Column("set_at", Moment, comment="when due_at or lease_until was written, by the clock of whoever wrote it"),
    Column("attempts", Integer, nullable=False, default=0, comment="failed in a row"),
    Column("failing_since", Moment, comment="the first failure of the row"),
    Column("dead_at", Moment, comment="nobody takes it any more until somebody says so"),
    Column("last_error", Text),
    UniqueConstraint("kind", "subject"),
    Index("ix_job_due", "due_at"),
    Index("ix_job_organisation", "organisation"),
    comment="Work waiting, put in the same transaction as the fact that needs it",
)

job_decision = Table(
    "job_decision",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, comment="of whoever decided"),
    Column("job", Number, nullable=False, comment="job.id; no foreign key, the work may be done and gone"),
    Column("kind", String(40), nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("whose", Number, ForeignKey("organisation.id"), comment="job.organisation"),
    Column("decision", String(12), nullable=False, comment="trace.services.job_list.Decision"),
    Column("reason", String(200), nullable=False, default=""),
    Column("last_error", Text, comment="of the job, when it was decided"),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("decided_at", Moment, nullable=False),
    Index("ix_job_decision_organisation", "organisation", "id"),
    comment="Who had work tried again or given up, and why; insert-only",
)
