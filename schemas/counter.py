"""What the counter of a pharmacy sends."""

from decimal import Decimal

from marshmallow import fields, validate

from schemas.fields import Amount, Day, Number, Strict, Text, Word
from schemas.requests import CommandRequest, DispenseRequest, PageQuery
from trace.domain.dispensing import NoCodeReason

PAPERS = ("58mm", "a4")


class PartRequest(Strict):
    """Units of a pack (拆零)."""

    code = Text(most=2_000, least=1, required=True)
    units = Number(least=1, most=10_000, required=True)


class PriceRequest(Strict):
    """What one of a product is sold for; never told to another organisation."""

    product = Text(most=26, least=1, required=True, metadata={"description": "Public id of the product."})
    price = Amount(most=Decimal(9_999_999), required=True, metadata={"description": "Yuan for one (pack)."})


class PricesRequest(CommandRequest):
    """What the shop sells products for from now on."""

    prices = fields.List(fields.Nested(PriceRequest), required=True, validate=validate.Length(min=1, max=1_000))


class PricesQuery(Strict):
    """Which products: a part of the name; of one's own stock where nothing is named."""

    text = Text(most=60, load_default="")
    limit = Number(least=1, most=1_000, load_default=200)


class CounterRequest(DispenseRequest):
    """A sale: whole packs, units of packs, packs without codes."""

    parts = fields.List(
        fields.Nested(PartRequest),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "拆零: so many of a pack's smallest units; the pack stays open on the counter."},
    )
    reviewed_by = Text(
        most=26,
        least=1,
        load_default=None,
        allow_none=True,
        metadata={"description": "Of a key: the public id of the pharmacist on duty who reviewed the prescription."},
    )
    passed_by = Text(
        most=200,
        load_default="",
        metadata={"description": "Why a lot that expires earlier and is on the shelf is not taken first."},
    )
    no_code_reason = Word(NoCodeReason, load_default=None, allow_none=True)
    prices = fields.List(
        fields.Nested(PriceRequest),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "Where the shop has no price of a product yet, or this sale departs from it."},
    )


class SaleReturnRequest(CommandRequest):
    """Lines of a receipt that come back, and why."""

    lines = fields.List(Number(least=1, most=600), required=True, validate=validate.Length(min=1, max=600))
    reason = Text(most=200, least=1, required=True)


class DrugSalesQuery(PageQuery):
    """Receipts of a day; of all days where there is none."""

    day = Day(load_default=None)


class SaleRecordsQuery(Strict):
    """A period of days, both included."""

    first = Day(required=True)
    last = Day(required=True)


class CheckQuery(Strict):
    """A scanned code."""

    code = Text(most=2_000, least=1, required=True)


class PaperQuery(Strict):
    """What the receipt is printed on."""

    paper = fields.String(load_default="58mm", validate=validate.OneOf(PAPERS))
