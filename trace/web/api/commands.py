"""From a checked body to a command: who, when, with which key."""

from typing import Any

from flask import g, request

from trace.domain.failures import N_, Invalid
from trace.services.commands import Batch, Command, Some
from trace.services.lots import NewLot


def command_of(payload: dict[str, Any]) -> Command:
    """Take the common fields out of a body and make the command; the rest of the body is its request.

    The client's key comes as `client_key` or as the header `Idempotency-Key`; two different ones are refused.
    """
    asked = dict(payload)
    key = asked.pop("client_key", None)
    header = request.headers.get("Idempotency-Key")
    if header is not None and (not header.strip() or len(header) > 120 or not header.isprintable()):
        raise Invalid(N_("Idempotency-Key takes 1 to 120 printable characters."), field="Idempotency-Key")
    if key and header and key != header:
        raise Invalid(N_("client_key and Idempotency-Key differ; send one of them."), field="client_key")
    for name in ("client_key", "happened_at", "place"):
        payload.pop(name, None)
    return Command(
        actor=g.actor,
        now=g.now,
        client_key=key or header,
        happened_at=asked.pop("happened_at", None),
        place=asked.get("place"),
        request=asked,
    )


def batch_of(payload: dict[str, Any]) -> Batch:
    """A batch from its body."""
    lot = {
        name: payload[name] for name in ("product", "number", "produced_on", "expires_on", "origin_region", "origin")
    }
    return Batch(NewLot(**lot), payload["amount"], payload["unit"], tuple(payload["codes"]))


def some_of(payload: list[dict[str, Any]]) -> list[Some]:
    """Goods from their body."""
    return [Some(entry["code"], entry["amount"]) for entry in payload]
