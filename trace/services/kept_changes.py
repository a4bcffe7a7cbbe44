"""What stood in a file before, and what stands there now: every change of a file is kept (R16)."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from storage.tables import correction
from trace.services.commands import Command


def keep_changes(
    session: Session,
    command: Command,
    *,
    kind: str,
    subject: str,
    before: Any,
    now: Mapping[str, Any],
    device: str,
    reason: str = "filed",
) -> None:
    """Write down each field that is said differently from the row `before` (None: there was none)."""
    rows = [
        {
            "organisation": command.actor.organisation,
            "kind": kind,
            "subject": subject,
            "field": field,
            "old": _text(None if before is None else getattr(before, field)),
            "new": _text(value),
            "reason": reason,
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "device": device[:120],
            "corrected_at": command.now,
        }
        for field, value in now.items()
        if before is None or getattr(before, field) != value
    ]
    if rows:
        session.execute(insert(correction), rows)


def _text(value: Any) -> str | None:
    return None if value is None else str(value)
