"""What callers send about alerts."""

from marshmallow import fields

from schemas.fields import Strict, Text
from schemas.requests import CommandRequest


class AlertsQuery(Strict):
    """Which alerts: those that are open, or those that one's own organisation has settled."""

    settled = fields.Boolean(load_default=False)


class SettlementRequest(CommandRequest):
    """What was done with the pack, and who was told."""

    action = Text(most=200, least=1, required=True)
