"""The shapes of stock on the wire: what is asked for, and goods that are destroyed."""

from marshmallow import fields, validate

from schemas.fields import MAX_INTEGER, Number, Strict, Text
from schemas.requests import ReasonedGoodsRequest

SHELVES = ("open", "near_expiry", "expired", "held", "gone")


class StockRequest(Strict):
    """Which lots: on hand or held, near expiry, expired, held, gone; of a category, with a text in name or number."""

    shelf = fields.String(load_default="open", validate=validate.OneOf(SHELVES))
    category = Text(most=24, load_default=None, allow_none=True)
    text = Text(most=120, load_default="")
    after = Text(most=1_000, load_default=None, allow_none=True)
    limit = Number(least=1, most=500, load_default=50)


class DisposalRequest(ReasonedGoodsRequest):
    """Goods that are destroyed: how, before whose eyes, with the photo (`sha256` of an upload)."""

    method = Text(most=40, least=1, required=True)
    witness = Text(most=80, least=1, required=True)
    sha256 = fields.String(required=True, validate=validate.Regexp(r"^[0-9a-f]{64}\Z"))
    where = Text(most=120, load_default="", metadata={"description": "Where it was done, in words."})


class DisposalsRequest(Strict):
    """A page of destructions, newest first; `before` is the last one's number."""

    limit = Number(least=1, most=500, load_default=50)
    before = Number(least=1, most=MAX_INTEGER, load_default=None, allow_none=True)
