"""The shapes on the wire of the commitment certificate: issued, revoked, printed."""

from marshmallow import fields, validate

from schemas.fields import Amount, Number, Strict, Text, Word
from schemas.requests import UNITS, CommandRequest
from trace.domain.commitment import LabelSize
from trace.domain.papers import CommitmentBasis, CommitmentForm


class CommitmentRequest(CommandRequest):
    """A commitment certificate to issue; what is left out of its contents is taken from the lot and one's own file."""

    lots = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=100))
    product_name = Text(most=120, load_default="")
    amount = Amount(load_default=None, allow_none=True)
    unit = fields.String(validate=validate.OneOf(UNITS), load_default=None, allow_none=True)
    quantity = Text(
        most=60, load_default="", metadata={"description": "A text, for who has no number: `amount` goes before."}
    )
    region = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^\d{6}\Z"))
    origin = Text(most=120, load_default="")
    contact = Text(most=80, load_default="")
    basis = fields.List(Word(CommitmentBasis), required=True, validate=validate.Length(min=1, max=3))
    statement_accepted = fields.Boolean(required=True)
    form = Word(CommitmentForm, load_default=None, allow_none=True)
    signature = fields.String(
        load_default=None,
        allow_none=True,
        validate=validate.Regexp(r"^[0-9a-f]{64}\Z"),
        metadata={"description": "SHA-256 of a picture of one's own (POST /objects)."},
    )
    replaces = Text(most=26, load_default=None, allow_none=True)


class RevocationRequest(CommandRequest):
    """Why a certificate is taken back."""

    reason = Text(most=200, least=1, required=True)


class CertificateLabelQuery(Strict):
    """The paper of the label printer, and how many."""

    size = Word(LabelSize, load_default=LabelSize.SMALL)
    copies = Number(least=1, most=200, load_default=1)
