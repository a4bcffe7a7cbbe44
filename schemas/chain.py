"""What a chain's headquarters sends: moves between its shops, one delivery for several of them."""

from decimal import Decimal

from marshmallow import fields, validate

from schemas.fields import Amount, Strict, Text
from schemas.requests import MANY_CODES, MANY_LINES, CommandRequest, LineRequest, SomeRequest, SupplierRequest

MANY_SHOPS = 200  # of one move or delivery


class ChainStockQuery(Strict):
    """Which goods: part of a product's name or of a lot's number, or one lot by its identifier."""

    text = Text(most=120, load_default="")
    lot = Text(most=2_000, load_default=None, allow_none=True)


class ChainCommandRequest(CommandRequest):
    """What both have: no place, because each shop's own first place is meant."""

    class Meta:
        """Not of the common fields."""

        exclude = ("place",)


class ChainPartRequest(Strict):
    """What of a move is for one shop."""

    shop = Text(most=26, least=1, required=True)
    goods = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=MANY_CODES))


class ChainMoveRequest(ChainCommandRequest):
    """Goods from one place of the chain to others."""

    sender = Text(most=26, least=1, required=True)
    parts = fields.List(fields.Nested(ChainPartRequest), required=True, validate=validate.Length(min=1, max=MANY_SHOPS))
    arrived = fields.Boolean(
        load_default=True, metadata={"description": "Received in the same step; else on the way, and the shop does it."}
    )
    delivery_note = Text(most=80, load_default="", metadata={"description": "Its number; one of ours where empty."})
    celsius = Amount(least=Decimal(-100), most=Decimal(100), load_default=None, allow_none=True)


class ChainShareRequest(Strict):
    """What of a delivery came to one shop."""

    shop = Text(most=26, least=1, required=True)
    lines = fields.List(fields.Nested(LineRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))


class ChainDeliveryRequest(ChainCommandRequest):
    """One delivery of a supplier to several places of the chain."""

    supplier = fields.Nested(SupplierRequest, required=True)
    delivery_note = Text(most=80, load_default="")
    parts = fields.List(
        fields.Nested(ChainShareRequest), required=True, validate=validate.Length(min=1, max=MANY_SHOPS)
    )
