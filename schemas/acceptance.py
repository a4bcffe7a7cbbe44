"""What callers send about orders and acceptance at a pharmacy."""

from decimal import Decimal

from marshmallow import fields, validate

from schemas.fields import Amount, Day, Moment, Number, Strict, Text, Word
from schemas.requests import MANY_CODES, MANY_LINES, MANY_SCANS, AgreementRequest, CommandRequest, SupplierRequest
from trace.domain.acceptance import AcceptanceState, OrderState

DECISIONS = ("accept", "hold", "refuse", "absent")


class OrderLineRequest(Strict):
    """So much of a product, in its own unit."""

    product = Text(most=26, least=1, required=True)
    amount = Amount(required=True)
    price = Amount(load_default=None, allow_none=True, metadata={"description": "Yuan for one."})


class OrderRequest(CommandRequest):
    """An order at a supplier of one's own file."""

    supplier = Text(most=26, least=1, required=True, metadata={"description": "Public id of the supplier's file."})
    number = Text(most=60, load_default="")
    ordered_on = Day(load_default=None, allow_none=True)
    lines = fields.List(fields.Nested(OrderLineRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))


class StateQuery(Strict):
    """Which of them."""

    state = Word(OrderState, load_default=None)
    limit = Number(least=1, most=500, load_default=100)


class AcceptanceQuery(Strict):
    """Which of them."""

    state = Word(AcceptanceState, load_default=None)
    limit = Number(least=1, most=500, load_default=100)


class LineFields(Strict):
    """What may be typed on a line of an acceptance; what is left out stays as it is."""

    lot_number = Text(most=60)
    produced_on = Day(allow_none=True)
    expires_on = Day(allow_none=True)
    amount = Amount(allow_none=True, metadata={"description": "As the delivery note says."})
    price = Amount(allow_none=True)
    certificates = fields.List(Text(most=26), validate=validate.Length(max=50))
    decision = fields.String(
        validate=validate.OneOf(DECISIONS), metadata={"description": "absent: nothing of this line came."}
    )
    reason = Text(most=200)
    no_code_reason = Text(most=40)
    celsius = Amount(least=Decimal(-100), most=Decimal(100), allow_none=True)
    origin = Text(most=120)


class NoteLineRequest(LineFields):
    """A line of the delivery note."""

    product = Text(most=26, least=1, required=True)


class CodedLineRequest(NoteLineRequest):
    """A line of the delivery note with the codes of its packs."""

    codes = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=MANY_CODES))


class TransportRequest(Strict):
    """How cold goods came."""

    mode = Text(most=80)
    left_at = Moment(allow_none=True)
    arrived_at = Moment(allow_none=True)


class OpenRequest(CommandRequest):
    """A delivery that arrives: by its supplier, an order, or what a sender announced."""

    supplier = fields.Nested(SupplierRequest, load_default=None, allow_none=True)
    order = Text(most=26, load_default=None, allow_none=True)
    announced = Text(
        most=26,
        load_default=None,
        allow_none=True,
        metadata={"description": "Public id of a sender of goods on the way."},
    )
    delivery_note = Text(most=80, load_default="")
    lines = fields.List(fields.Nested(NoteLineRequest), load_default=list, validate=validate.Length(max=MANY_LINES))


class WholeRequest(OpenRequest):
    """A whole acceptance in one request."""

    lines = fields.List(fields.Nested(CodedLineRequest), load_default=list, validate=validate.Length(max=MANY_LINES))
    codes = fields.List(
        Text(most=2_000, least=1),
        load_default=list,
        validate=validate.Length(max=MANY_CODES),
        metadata={"description": "Packs that fall to their lines by product and batch."},
    )
    override = fields.Nested(AgreementRequest, load_default=None, allow_none=True)


class NoteLinesRequest(CommandRequest):
    """Further lines of the delivery note."""

    lines = fields.List(fields.Nested(NoteLineRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))


class ScannedRequest(CommandRequest):
    """Codes that were scanned, in any order, any number of times."""

    codes = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=MANY_CODES))
    line = Number(most=MANY_LINES, load_default=None, allow_none=True)
    scans = fields.List(Text(most=26), load_default=list, validate=validate.Length(max=MANY_SCANS))


class LeftOutRequest(CommandRequest):
    """Codes that were scanned by mistake."""

    codes = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=MANY_CODES))


class ApartRequest(LeftOutRequest):
    """Boxes of a line that are held or refused."""

    line = Number(most=MANY_LINES, required=True)
    decision = fields.String(load_default="refuse", validate=validate.OneOf(("hold", "refuse")))
    reason = Text(most=200, least=1, required=True)


class LineChangeRequest(LineFields):
    """What is typed on one line."""

    line = Number(most=MANY_LINES, required=True)


class ChangeRequest(CommandRequest):
    """What is typed on the lines, on the note's number, on how it came."""

    lines = fields.List(fields.Nested(LineChangeRequest), load_default=list, validate=validate.Length(max=MANY_LINES))
    delivery_note = Text(most=80, load_default=None, allow_none=True)
    transport = fields.Nested(TransportRequest, load_default=None, allow_none=True)


class LearnRequest(CommandRequest):
    """Which product an identifier is of, that nobody named yet."""

    identifier = Text(most=200, least=1, required=True)
    product = Text(most=26, least=1, required=True)
    level = Number(least=1, most=5, load_default=1)
    length = Number(least=8, most=100, load_default=None, allow_none=True)


class AcceptRequest(CommandRequest):
    """The end of an acceptance; a second person's word where two are wanted."""

    override = fields.Nested(AgreementRequest, load_default=None, allow_none=True)
