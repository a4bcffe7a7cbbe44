"""What callers send of papers that are filed: which they look for, what they transcribe, which lots they link."""

from marshmallow import fields, validate

from schemas.fields import Amount, Day, Number, Strict, Text, Word
from schemas.requests import UNITS, CertificateFieldsRequest, CommandRequest
from trace.domain.papers import CertificateKind


class PapersQuery(Strict):
    """Which papers: a part of number, issuer, product or lot; a kind; those to be transcribed; a page."""

    text = Text(most=80, load_default="")
    kind = Word(CertificateKind, load_default=None, allow_none=True)
    incomplete = fields.Boolean(load_default=False)
    limit = Number(least=1, most=500, load_default=100)
    after = Text(most=24, load_default="", metadata={"description": "The value `next` of the page before."})


class PaperChangeRequest(CommandRequest):
    """What stands on a paper, transcribed or corrected: what is named becomes so, null takes a value away."""

    form = Text(most=24, allow_none=True)
    number = Text(most=80, allow_none=True)
    issuer = Text(most=120, allow_none=True)
    issued_on = Day(allow_none=True)
    valid_until = Day(allow_none=True)
    amount = Amount(allow_none=True)
    unit = fields.String(allow_none=True, validate=validate.OneOf(UNITS))
    contents = fields.Nested(CertificateFieldsRequest, data_key="fields", load_default=dict)
    reason = Text(most=200, load_default="")


class PaperLotsRequest(CommandRequest):
    """Lots that a paper is for, too."""

    lots = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=200))
