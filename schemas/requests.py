"""What callers send."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from schemas.fields import Amount, Day, Moment, Number, Secret, Strict, Text, Word
from trace.domain.certificate_fields import OLD_BASES, SHAPES, Shape
from trace.domain.papers import CertificateKind, CommitmentBasis
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Role
from trace.domain.products import Category, Prescription

MANY_LINES = 500
MANY_PHOTOS = 10  # files of one request
MANY_SCANS = 40  # photos and pages of one delivery
MANY_CODES = 5_000
UNITS = ("KGM", "EA", "LTR", "GRM")


class CommandRequest(Strict):
    """What every command may carry: the client's key against doubling, when it happened and where."""

    client_key = Text(most=120, least=1, metadata={"description": "Same key and same body: done once, answered alike."})
    happened_at = Moment(metadata={"description": "When it happened, with offset; now where absent."})
    place = Text(most=200, least=1, metadata={"description": "URI of one of your own places; the first where absent."})


class PageQuery(Strict):
    """How many."""

    limit = Number(least=1, most=500, load_default=100)


class SearchQuery(PageQuery):
    """A part of a name."""

    text = Text(most=80, load_default="")


class OrganisationRequest(Strict):
    """A new organisation."""

    name = Text(most=120, least=1, required=True)
    kind = Word(OrganisationKind, required=True)
    uscc = Text(most=18)
    region = fields.String(required=True, validate=validate.Regexp(r"^\d{6}\Z"))
    address = Text(most=200, load_default="")
    contact = Text(most=80, load_default="")
    headquarters = Text(most=26)


class LicenceRequest(Strict):
    """A licence for one's own file."""

    kind = Word(LicenceKind, required=True)
    number = Text(most=40, least=1, required=True)
    expires_on = Day(load_default=None, allow_none=True)


class PlaceRequest(Strict):
    """A further place of one's own organisation."""

    name = Text(most=120, least=1, required=True)
    region = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^\d{6}\Z"))


class PersonRequest(Strict):
    """A colleague's account."""

    sign_in = fields.String(required=True, validate=validate.Regexp(r"^[A-Za-z0-9._@-]{3,64}\Z"))
    name = Text(most=80, least=1, required=True)
    password = Secret(least=10, required=True)
    role = Word(Role, required=True)
    organisation = Text(most=26, load_default=None)


class KeyRequest(Strict):
    """A new API key of one's own organisation."""

    role = Word(Role, required=True)
    label = Text(most=80, load_default="")


class ProductRequest(Strict):
    """A product for the file."""

    name = Text(most=120, least=1, required=True)
    category = Word(Category, required=True)
    unit = fields.String(required=True, validate=validate.OneOf(UNITS))
    code = Text(most=200, least=1)
    specification = Text(most=80, load_default="")
    producer = Text(most=120, load_default="")
    shelf_life_days = Number(least=1, most=36_500)
    approval_no = Text(most=40)
    national_drug_code = Text(most=14)
    dosage_form = Text(most=40)
    prescription = Word(Prescription)
    celsius_low = Amount(least=Decimal(-100), most=Decimal(100), metadata={"description": "Cold goods: the coldest."})
    celsius_high = Amount(least=Decimal(-100), most=Decimal(100), metadata={"description": "Cold goods: the warmest."})

    @validates_schema
    def check_range(self, data: dict[str, Any], **_: Any) -> None:
        """Both ends of the cold range or none (R11), the colder one first."""
        low, high = data.get("celsius_low"), data.get("celsius_high")
        if (low is None) != (high is None) or (low is not None and low > high):
            raise ValidationError("Give both ends of the range, the colder one first.", "celsius_low")

    @post_load
    def as_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The plain word of the prescription class, temperatures in hundredths of a degree."""
        if "prescription" in data:
            data["prescription"] = data["prescription"].value
        for name in data.keys() & {"celsius_low", "celsius_high"}:
            data[name] = int(data[name] * 100)
        return data


class DiscontinuedRequest(Strict):
    """From which day on a product is made no more."""

    on = Day(required=True, allow_none=True, metadata={"description": "null: it is made again."})


class SomeRequest(Strict):
    """Some of a lot, or one pack."""

    code = Text(most=2_000, least=1, required=True)
    amount = Amount(load_default=None, allow_none=True)


class LotRequest(Strict):
    """A new lot."""

    product = Text(most=26, least=1, required=True)
    number = Text(most=60, least=1, required=True)
    produced_on = Day(load_default=None, allow_none=True)
    expires_on = Day(load_default=None, allow_none=True)
    origin_region = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^\d{6}\Z"))
    origin = Text(most=120, load_default="")


class BatchRequest(LotRequest):
    """A new lot with its amount and, if it has them, the codes of its packs."""

    amount = Amount(required=True)
    unit = fields.String(validate=validate.OneOf(UNITS), load_default=None, allow_none=True)
    codes = fields.List(Text(most=2_000, least=1), validate=validate.Length(max=MANY_CODES), load_default=list)


class CommissionRequest(CommandRequest):
    """Harvest, slaughter, catch or manufacture."""

    batch = fields.Nested(BatchRequest, required=True)


class ProcessRequest(CommandRequest):
    """Inputs become outputs."""

    inputs = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))
    outputs = fields.List(fields.Nested(BatchRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))


class PackRequest(CommandRequest):
    """Goods into a container."""

    container = Text(most=2_000, least=1, required=True)
    goods = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=MANY_CODES))


class UnpackRequest(CommandRequest):
    """Goods out of a container; none named: all."""

    container = Text(most=2_000, least=1, required=True)
    goods = fields.List(fields.Nested(SomeRequest), load_default=list, validate=validate.Length(max=MANY_CODES))


class ShipRequest(CommandRequest):
    """Goods to another organisation."""

    receiver = Text(most=26, least=1, required=True)
    goods = fields.List(fields.Nested(SomeRequest), load_default=list, validate=validate.Length(max=MANY_CODES))
    containers = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=MANY_LINES))
    delivery_note = Text(most=80, load_default=None, allow_none=True)


class GoodsRequest(CommandRequest):
    """Goods something happens to."""

    goods = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=MANY_CODES))


class ReasonedGoodsRequest(GoodsRequest):
    """Goods something happens to, and why."""

    reason = Text(most=200, least=1, required=True)


class SampleRequest(GoodsRequest):
    """Goods taken for a test."""

    report = Text(most=80, load_default=None, allow_none=True)


class SupplierRequest(Strict):
    """Who delivered: a supplier of one's own file, an organisation on this system, or name, address and contact."""

    id = Text(
        most=26,
        data_key="id",
        load_default=None,
        allow_none=True,
        metadata={"description": "Public id of the supplier's file (`GET /suppliers`), or of an organisation."},
    )
    name = Text(most=120, load_default="")
    address = Text(most=200, load_default="")
    contact = Text(most=80, load_default="")


class LineRequest(Strict):
    """One line of a delivery."""

    product = Text(most=26, load_default=None, allow_none=True)
    code = Text(most=2_000, load_default=None, allow_none=True)
    lot_number = Text(most=60, load_default="")
    amount = Amount(load_default=None, allow_none=True)
    produced_on = Day(load_default=None, allow_none=True)
    expires_on = Day(load_default=None, allow_none=True)
    origin_region = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^\d{6}\Z"))
    origin = Text(most=120, load_default="")
    codes = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=MANY_CODES))
    new_identifiers = fields.List(
        Text(most=200, least=1),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "Beginnings of codes that the drug file does not know: they are of this product."},
    )
    no_code_reason = Text(most=40, load_default="")
    container = Text(most=2_000, load_default=None, allow_none=True)
    certificates = fields.List(Text(most=26), load_default=list, validate=validate.Length(max=50))
    cites = Text(most=60, load_default="", metadata={"description": "Of cut meat: the number of its slaughter batch."})
    celsius = Amount(least=Decimal(-100), most=Decimal(100), load_default=None, allow_none=True)
    price = Amount(load_default=None, allow_none=True)
    decision = fields.String(load_default="accept", validate=validate.OneOf(["accept", "hold", "refuse"]))
    reason = Text(most=200, load_default="")


class AgreementRequest(Strict):
    """A second person's word for what two people have to accept or release; the password is checked and forgotten."""

    sign_in = Text(most=64, least=1, required=True)
    password = Secret(least=1, required=True)
    reason = Text(most=200, load_default="")


class ReleaseRequest(ReasonedGoodsRequest):
    """Held goods that are in order, and why; a second person where their findings ask for two."""

    override = fields.Nested(AgreementRequest, load_default=None, allow_none=True)


class ReceiptRequest(CommandRequest):
    """A delivery."""

    supplier = fields.Nested(SupplierRequest, required=True)
    delivery_note = Text(most=80, load_default="")
    scans = fields.List(Text(most=26), load_default=list, validate=validate.Length(max=MANY_SCANS))
    lines = fields.List(fields.Nested(LineRequest), required=True, validate=validate.Length(min=1, max=MANY_LINES))
    override = fields.Nested(AgreementRequest, load_default=None, allow_none=True)


class DispenseRequest(CommandRequest):
    """Packs over the counter."""

    codes = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=200))
    goods = fields.List(
        fields.Nested(SomeRequest),
        load_default=list,
        validate=validate.Length(max=200),
        metadata={"description": "Lots by quantity, for old packs that carry no code."},
    )
    prescription = Text(most=80, load_default=None, allow_none=True)


class CodesRequest(CommandRequest):
    """Packs by their codes."""

    codes = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=200))


def _paper_field(shape: Shape) -> fields.Field[Any]:
    match shape:
        case Shape.DAY:
            return Day(allow_none=True)
        case Shape.YES:
            return fields.Boolean(allow_none=True)
        case Shape.BASES:
            words = validate.OneOf([*(basis.value for basis in CommitmentBasis), *OLD_BASES])
            return fields.List(fields.String(validate=words), validate=validate.Length(max=4))
        case Shape.LONG_TEXT:
            return Text(most=4_000)
    return Text(most=200)


# Every field that any paper has; which of them its kind has is `trace.domain.certificate_fields`.
CertificateFieldsRequest = Strict.from_dict(
    {name: _paper_field(shape) for name, shape in SHAPES.items()}, name="CertificateFieldsRequest"
)


class CertificateRequest(CommandRequest):
    """A paper that came with goods."""

    kind = Word(CertificateKind, required=True)
    lots = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=100))
    issuer = Text(most=120, least=1, required=True)
    issued_on = Day(required=True)
    valid_until = Day(load_default=None, allow_none=True)
    number = Text(most=80, load_default="")
    form = Text(most=24, load_default="")
    amount = Amount(load_default=None, allow_none=True)
    unit = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(UNITS))
    contents = fields.Nested(CertificateFieldsRequest, data_key="fields", load_default=dict)
    sha256 = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^[0-9a-f]{64}\Z"))


class TraceQuery(Strict):
    """What to look up, and how."""

    code = Text(most=2_000, least=1, required=True)
    direction = fields.String(validate=validate.OneOf(["backward", "forward"]), load_default=None)
    reason = Text(most=200, load_default="")
    limit = Number(least=1, most=2_000, load_default=2_000)
    at = Moment(load_default=None)
    after = Text(most=40, load_default="", metadata={"description": "The value `next` of the part before."})


class HistoryQuery(Strict):
    """Which page of an organisation's events, and why."""

    limit = Number(least=1, most=200, load_default=50)
    before = Text(most=40, load_default=None, metadata={"description": "The value `next` of the page before."})
    reason = Text(most=200, load_default="")


class SearchTextQuery(Strict):
    """What somebody typed, and why."""

    text = Text(most=120, least=1, required=True)
    reason = Text(most=200, load_default="")


class ProposalRequest(Strict):
    """Texts that were scanned or typed, photos that were read: at least one of either."""

    codes = fields.List(Text(most=2_000, least=1), load_default=list, validate=validate.Length(max=MANY_LINES))
    scans = fields.List(
        Text(most=26),
        load_default=list,
        validate=validate.Length(max=MANY_SCANS),
        metadata={"description": "Photos of one's own: codes of one box are one line, what is doubtful is none."},
    )

    @validates_schema
    def check_some(self, data: dict[str, Any], **_: Any) -> None:
        """Something to propose lines from."""
        if not data.get("codes") and not data.get("scans"):
            raise ValidationError("Missing data for required field.", "codes")


class LabelQuery(Strict):
    """The lot that a label is for, and the dots per inch of the printer."""

    lot = Text(most=2_000, least=1, required=True)
    resolution = Number(least=150, most=1_200, load_default=300)


class LabelPageQuery(Strict):
    """The lot that labels are for, and how many."""

    lot = Text(most=2_000, least=1, required=True)
    copies = Number(least=1, most=200, load_default=1)


class CodeQuery(Strict):
    """A text to name."""

    text = Text(most=8_000, least=1, required=True)
    symbology = Text(most=20, load_default=None)
