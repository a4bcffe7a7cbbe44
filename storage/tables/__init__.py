"""The tables, in SQLAlchemy Core for events (the bulk path) and as mapped rows for everything people edit.

Two kinds live here. *Facts*: `event`, `event_document`, `event_item`, `event_party`, `event_mention`: insert-only,
never changed.
*Records and projections*: organisations, products, receipts ...; what can be derived from events (`stock`, `transit`,
`dispensing`) is kept beside them in the same transaction, because a counter at the shop cannot wait for a trace.

Times of events are UTC milliseconds (bigint) plus minutes of offset; amounts are millionths of a unit (bigint): no
floats, and the same arithmetic on SQLite and PostgreSQL.
"""

from storage.tables.columns import MICRO, Moment, metadata
from storage.tables.epcis import (
    capture_job,
    event_mention,
    event_vocabulary,
    job,
    master_data,
    named_query,
    subscription,
)
from storage.tables.facts import (
    event,
    event_document,
    event_item,
    event_party,
    event_withdrawn,
    ident,
    pending_proof,
)
from storage.tables.goods import (
    certificate,
    certificate_lot,
    lot,
    lot_change,
    object_owner,
    product,
    product_code,
    scan,
    stored_object,
)
from storage.tables.people import (
    api_key,
    client_request,
    licence,
    lookup_log,
    organisation,
    person,
    place,
    store_setting,
)
from storage.tables.trade import alert, dispensing, dispensing_head, receipt, receipt_line, receipt_scan, stock, transit

__all__ = [
    "MICRO",
    "Moment",
    "alert",
    "api_key",
    "capture_job",
    "certificate",
    "certificate_lot",
    "client_request",
    "dispensing",
    "dispensing_head",
    "event",
    "event_document",
    "event_item",
    "event_mention",
    "event_party",
    "event_vocabulary",
    "event_withdrawn",
    "ident",
    "job",
    "licence",
    "lookup_log",
    "lot",
    "lot_change",
    "master_data",
    "metadata",
    "named_query",
    "object_owner",
    "organisation",
    "pending_proof",
    "person",
    "place",
    "product",
    "product_code",
    "receipt",
    "receipt_line",
    "receipt_scan",
    "scan",
    "stock",
    "store_setting",
    "stored_object",
    "subscription",
    "transit",
]
