"""What callers send about alerts."""

from marshmallow import fields

from schemas.fields import MAX_INTEGER, Number, Text
from schemas.requests import CommandRequest, PageQuery


class AlertsQuery(PageQuery):
    """A page of alerts, newest first: those that are open, or those that one's own organisation has settled."""

    settled = fields.Boolean(load_default=False)
    before = Number(
        least=1,
        most=MAX_INTEGER,
        load_default=None,
        allow_none=True,
        metadata={"description": "The value `next` of the page before."},
    )


class SettlementRequest(CommandRequest):
    """What was done with the pack, and who was told."""

    action = Text(most=200, least=1, required=True)
