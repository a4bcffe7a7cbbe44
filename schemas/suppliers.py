"""What callers send about suppliers and blocked businesses."""

from marshmallow import fields, validate

from schemas.fields import Day, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.suppliers import Standing

MANY_ITEMS = 30


class OverrideRequest(CommandRequest):
    """A command with a number that may look wrong."""

    override_reason = Text(
        most=200, load_default="", metadata={"description": "Why a number that looks wrong is taken as it is (R20)."}
    )


class NewSupplierRequest(OverrideRequest):
    """A supplier's file: of an organisation on this system, or of a business by name."""

    organisation = Text(most=26, load_default=None, allow_none=True)
    name = Text(most=120, load_default="")
    kind = Word(OrganisationKind, load_default=None, allow_none=True)
    uscc = Text(most=40, load_default="")
    address = Text(most=200, load_default="")
    contact = Text(most=80, load_default="")


class SupplierChangeRequest(OverrideRequest):
    """What changes in a file, and why."""

    name = Text(most=120, least=1)
    kind = Word(OrganisationKind)
    uscc = Text(most=40)
    address = Text(most=200)
    contact = Text(most=80)
    standing = Word(Standing)
    reason = Text(most=200, least=1, required=True)


class SupplierLicenceRequest(OverrideRequest):
    """A licence, or its renewal under the same number."""

    kind = Word(LicenceKind, required=True)
    number = Text(most=40, least=1, required=True)
    expires_on = Day(load_default=None, allow_none=True)
    sha256 = fields.String(load_default=None, allow_none=True, validate=validate.Regexp(r"^[0-9a-f]{64}\Z"))


class FirstCheckRequest(CommandRequest):
    """What was looked at before the first delivery."""

    seen = fields.List(Text(most=40, least=1), required=True, validate=validate.Length(max=MANY_ITEMS))
    remark = Text(most=200, load_default="")


class BlockRequest(CommandRequest):
    """A business to block everywhere: an organisation on this system, or one by its credit code."""

    organisation = Text(most=26, load_default=None, allow_none=True)
    uscc = Text(most=40, load_default="")
    name = Text(most=120, load_default="")
    reason = Text(most=200, least=1, required=True)
    decision_no = Text(most=80, load_default="")


class LiftRequest(CommandRequest):
    """Why a block ends."""

    reason = Text(most=200, least=1, required=True)


class ReasonQuery(Strict):
    """Why somebody looks."""

    reason = Text(most=200, load_default="")
