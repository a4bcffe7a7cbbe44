"""Who: organisations with their licences and places, people, keys, what they asked; settings of the store."""

from sqlalchemy import (
    Boolean,
    Column,
    Date,
    ForeignKey,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.types import JSON

from storage.tables.columns import Moment, Number, metadata

store_setting = Table(
    "store_setting",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", String(200), nullable=False),
    comment="What a store was made with and must not change: the domain of its identifiers",
)


organisation = Table(
    "organisation",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("name", String(120), nullable=False, unique=True),
    Column("kind", String(32), nullable=False),
    Column("uscc", String(18), unique=True),
    Column("region", String(6), nullable=False),
    Column("address", String(200), nullable=False, default=""),
    Column("contact", String(80), nullable=False, default="", comment="telephone of the business, no person"),
    Column("party_uri", Text, nullable=False, unique=True),
    Column("headquarters", Number, ForeignKey("organisation.id")),
    Column("warnings", JSON, nullable=False, default=list),
    Column("created_at", Moment, nullable=False),
)

licence = Table(
    "licence",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("kind", String(32), nullable=False),
    Column("number", String(40), nullable=False),
    Column("expires_on", Date),
    Column("object", String(64), ForeignKey("object.sha256"), index=True),
    Column("warnings", JSON, nullable=False, default=list),
    UniqueConstraint("kind", "number"),
)

place = Table(
    "place",
    metadata,
    Column("id", Number, primary_key=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("name", String(120), nullable=False),
    Column("uri", Text, nullable=False, unique=True),
    Column("region", String(6), nullable=False),
    UniqueConstraint("organisation", "name"),
)

person = Table(
    "person",
    metadata,
    Column("id", Number, primary_key=True),
    Column("public_id", String(26), nullable=False, unique=True),
    Column("sign_in", String(64), nullable=False, unique=True),
    Column("name", String(80), nullable=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("active", Boolean, nullable=False, default=True),
    Column("created_at", Moment, nullable=False),
)

credential = Table(
    "credential",
    metadata,
    Column("person", Number, ForeignKey("person.id"), primary_key=True, autoincrement=False),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, comment="person.organisation"),
    Column("password_hash", String(200), nullable=False),
    comment="What a person signs in with, apart from the name they sign by, which shops see of their headquarters",
)

api_key = Table(
    "api_key",
    metadata,
    Column("id", Number, primary_key=True),
    Column("prefix", String(12), nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False, comment="SHA-256 of 256 random bits: no salt needed"),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False, index=True),
    Column("role", String(32), nullable=False),
    Column("label", String(80), nullable=False, default=""),
    Column("revoked_at", Moment),
    Column("created_at", Moment, nullable=False),
)

lookup_log = Table(
    "lookup_log",
    metadata,
    Column("id", Number, primary_key=True),
    Column("looked_up_at", Moment, nullable=False, index=True),
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("person", Number, ForeignKey("person.id")),
    Column("api_key", Number, ForeignKey("api_key.id")),
    Column("region", String(6), nullable=False),
    Column("what", String(40), nullable=False),
    Column("subject", Text, nullable=False),
    Column("reason", String(200), nullable=False, default=""),
    comment="Every look-up by an inspector or auditor (R18)",
)

client_request = Table(
    "client_request",
    metadata,
    Column("organisation", Number, ForeignKey("organisation.id"), nullable=False),
    Column("client_key", String(120), nullable=False),
    Column("action", String(40), nullable=False),
    Column("request_digest", LargeBinary, nullable=False),
    Column("answer", JSON),
    Column("created_at", Moment, nullable=False),
    PrimaryKeyConstraint("organisation", "client_key"),
    comment="What a client key was used for: the same again gets the same answer, for ever",
)
