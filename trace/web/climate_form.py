"""From checked fields to what the services of the climate take; used by the API and by the pages."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from flask import g, request

from trace.domain.climate import Bounds
from trace.domain.failures import N_, Invalid
from trace.services.climate_record import zone_record

_ENDS = ("low", "high", "humidity_low", "humidity_high")
_A_WEEK = timedelta(days=6)


def bounds_from(payload: Mapping[str, Any]) -> Bounds | None:
    """The house's own bounds in hundredths; None where none is given."""
    ends: dict[str, Decimal | None] = {end: payload[end] for end in _ENDS}
    if all(value is None for value in ends.values()):
        return None
    return Bounds(**{end: None if value is None else round(value * 100) for end, value in ends.items()})


def record_from(public_id: str, first: date | None, last: date | None, shop: str) -> dict[str, Any]:
    """The record of a zone over the days asked for, the last seven where none are."""
    end = last or g.now.date()
    return zone_record(
        g.session, actor=g.actor, public_id=public_id, first=first or end - _A_WEEK, last=end, now=g.now, shop=shop
    )


def uploaded() -> bytes:
    """The logger's file of this request (form field `file`)."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid(N_("Choose the logger's file (CSV)."), field="file")
    return bytes(file.read())
