"""The same command sent twice acts once: offline scanners and nervous fingers repeat themselves, even days later."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import client_request
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor


def once(
    session: Session,
    *,
    actor: Actor,
    client_key: str | None,
    action: str,
    request: Any,
    act: Callable[[], dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """`act()`, or its earlier answer if this organisation's client key was used for the same request before.

    Raises `Invalid` if the key was used for something else. Without a key the command simply acts.

    The primary key (organisation, client_key) of `client_request` decides between two at once: the row goes in before
    acting, the second inserter waits for the first transaction (PostgreSQL's unique index, SQLite's single writer)
    and then finds its answer, or, if the first rolled back, acts itself. Nothing is kept when acting failed, because
    the row is part of the same transaction.
    """
    if client_key is None:
        return act()
    digest = hashlib.sha256(json.dumps([action, request], sort_keys=True, default=str).encode()).digest()
    statement = insert_for(session, client_request).values(
        organisation=actor.organisation,
        client_key=client_key,
        action=action,
        request_digest=digest,
        created_at=now,
    )
    mine = (client_request.c.organisation == actor.organisation) & (client_request.c.client_key == client_key)
    # RETURNING tells whether the row went in; drivers do not agree on the row count of an INSERT.
    went_in = session.execute(statement.on_conflict_do_nothing().returning(client_request.c.client_key))
    if went_in.one_or_none() is None:
        return _earlier(session.execute(select(client_request).where(mine)).one(), action, digest)
    answer = act()
    session.execute(update(client_request).where(mine).values(answer=answer))
    return answer


def _earlier(row: Any, action: str, digest: bytes) -> dict[str, Any]:
    if bytes(row.request_digest) != digest:
        raise Invalid(
            N_(
                "The client key {key} was used on {day} for another request ({earlier}); this one ({action}) says"
                " something else. Send a new request with a new key."
            ),
            field="client_key",
            key=row.client_key,
            day=row.created_at.isoformat(),
            earlier=row.action,
            action=action,
        )
    return dict(row.answer)
