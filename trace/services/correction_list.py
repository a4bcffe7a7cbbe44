"""What was corrected in a record: old beside new (R16)."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.prefixes import begins_with
from storage.tables import correction, person


def corrections_of(session: Session, *, receipt_id: str, organisation: int) -> dict[int, list[dict[str, Any]]]:
    """{line: what was corrected, in order}: field, old, new, reason, by, device, corrected_at.

    Whoever may read the record may read this: ask `trace.services.receipts.get_receipt` first.
    """
    query = (
        select(correction, person.c.name.label("by"))
        .outerjoin(person, person.c.id == correction.c.person)
        .where(
            correction.c.organisation == organisation,
            correction.c.kind == "receipt_line",
            begins_with(correction.c.subject, f"{receipt_id}/"),
        )
        .order_by(correction.c.id)
    )
    found: dict[int, list[dict[str, Any]]] = {}
    for row in session.execute(query):
        told = {
            "field": row.field,
            "old": row.old,
            "new": row.new,
            "reason": row.reason,
            "by": row.by or "",
            "device": row.device,
            "corrected_at": row.corrected_at,
        }
        found.setdefault(int(row.subject.rpartition("/")[2]), []).append(told)
    return found
