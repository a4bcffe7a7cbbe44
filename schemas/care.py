"""The shapes of stock care on the wire: checks, quarantine, stock-taking."""

from decimal import Decimal

from marshmallow import fields, validate

from schemas.fields import MAX_INTEGER, Amount, Number, Strict, Text, Word
from schemas.requests import MANY_CODES, AgreementRequest, CommandRequest
from trace.domain.care import CareOutcome
from trace.domain.products import Category

MANY_LOTS = 500
REASON = 200
_LOTS = validate.Length(min=1, max=MANY_LOTS)


class ExpiringRequest(Strict):
    """Of which category."""

    category = Word(Category, load_default=None, allow_none=True)


class LookedRequest(Strict):
    """What was seen of a lot; a doubt says what is wrong."""

    lot = Text(most=2_000, least=1, required=True)
    outcome = Word(CareOutcome, load_default=CareOutcome.GOOD)
    note = Text(most=REASON, load_default="")


class CareCheckRequest(CommandRequest):
    """A maintenance check: the lots that were looked at."""

    lots = fields.List(fields.Nested(LookedRequest), required=True, validate=_LOTS)
    remarks = Text(most=REASON, load_default="")


class CareChecksRequest(Strict):
    """A page of checks, newest first; `before` is the last one's number."""

    limit = Number(least=1, most=200, load_default=20)
    before = Number(least=1, most=MAX_INTEGER, load_default=None, allow_none=True)


class KeepApartRequest(CommandRequest):
    """Lots of which everything on hand is kept apart, and why."""

    lots = fields.List(Text(most=2_000, least=1), required=True, validate=_LOTS)
    reason = Text(most=REASON, least=1, required=True)


class StocktakeRequest(CommandRequest):
    """A stock-taking of everything, of a category, or of one product (its public id)."""

    note = Text(most=REASON, load_default="")
    category = Word(Category, load_default=None, allow_none=True)
    product = Text(most=26, least=1, load_default=None, allow_none=True)


class CountedRequest(Strict):
    """How much of a lot was counted; nothing of it counts only where it is counted anew."""

    code = Text(most=2_000, least=1, required=True)
    amount = Amount(least=Decimal(0), load_default=None, allow_none=True)


class CountRequest(CommandRequest):
    """What was counted: packs by their codes, lots by quantity; `anew` writes over what was counted of these before."""

    codes = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=MANY_CODES))
    goods = fields.List(fields.Nested(CountedRequest), load_default=list, validate=validate.Length(max=MANY_LOTS))
    anew = fields.Boolean(load_default=False, truthy={True}, falsy={False})


class StocktakeClosingRequest(CommandRequest):
    """The end of a stock-taking: why it differs, and the second person who answers for it."""

    reason = Text(most=REASON, load_default="")
    override = fields.Nested(AgreementRequest, load_default=None, allow_none=True)
