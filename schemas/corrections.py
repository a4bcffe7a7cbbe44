"""The shapes of taking back and correcting on the wire."""

from marshmallow import fields, validate

from schemas.fields import Amount, Day, Text
from schemas.requests import CommandRequest


class UndoRequest(CommandRequest):
    """Take back what was just recorded; nothing has to be said."""


class CorrectionRequest(CommandRequest):
    """What a line of a record should say, and why; what is absent stays as it is."""

    amount = Amount(load_default=None, allow_none=True)
    decision = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(("accept", "hold")))
    produced_on = Day(load_default=None, allow_none=True)
    expires_on = Day(load_default=None, allow_none=True)
    price = Amount(load_default=None, allow_none=True, metadata={"description": "Yuan for one."})
    reason = Text(most=200, least=1, required=True)
