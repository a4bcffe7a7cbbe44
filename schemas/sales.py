"""What tills and the shop's preparation table send."""

from marshmallow import fields, validate

from schemas.fields import Amount, Strict, Text
from schemas.requests import MANY_LINES, CommandRequest, SomeRequest


class SoldRequest(Strict):
    """One sale: a code (lot, pack, GTIN, PLU, scale label) or a product of the file, and how much of it."""

    code = Text(most=2_000, least=1, load_default=None, allow_none=True)
    product = Text(most=26, least=1, load_default=None, allow_none=True)
    amount = Amount(load_default=None, allow_none=True)


class SalesRequest(CommandRequest):
    """Sales, as a till reports them: all or none are recorded."""

    sold = fields.List(fields.Nested(SoldRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))


class PortionRequest(Strict):
    """A new lot that comes out."""

    amount = Amount(required=True)
    product = Text(most=26, least=1, load_default=None, allow_none=True)
    number = Text(most=60, load_default="")


class RepackRequest(CommandRequest):
    """Lots in stock become new lots: split, mixed, re-packed."""

    inputs = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))
    portions = fields.List(
        fields.Nested(PortionRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES)
    )
