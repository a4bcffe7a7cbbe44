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
    certificate_source,
    certificate_use,
    lot,
    lot_change,
    object_owner,
    paper_head,
    product,
    product_code,
    scan,
    stored_object,
)
from storage.tables.law import bulk_import, correction, rule_entry, self_check
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
from storage.tables.safety import (
    attributed_lot,
    attributed_sale,
    dish,
    dish_lot,
    disposal,
    rapid_test,
    recall,
    recall_held,
    recall_lot,
    recall_notice,
)
from storage.tables.suppliers import business_block, supplier, supplier_licence
from storage.tables.trade import alert, dispensing, dispensing_head, receipt, receipt_line, receipt_scan, stock, transit

__all__ = [
    "MICRO",
    "Moment",
    "alert",
    "api_key",
    "attributed_lot",
    "attributed_sale",
    "bulk_import",
    "business_block",
    "capture_job",
    "certificate",
    "certificate_lot",
    "certificate_source",
    "certificate_use",
    "client_request",
    "correction",
    "dish",
    "dish_lot",
    "dispensing",
    "dispensing_head",
    "disposal",
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
    "paper_head",
    "pending_proof",
    "person",
    "place",
    "product",
    "product_code",
    "rapid_test",
    "recall",
    "recall_held",
    "recall_lot",
    "recall_notice",
    "receipt",
    "receipt_line",
    "receipt_scan",
    "rule_entry",
    "scan",
    "self_check",
    "stock",
    "store_setting",
    "stored_object",
    "subscription",
    "supplier",
    "supplier_licence",
    "transit",
]
