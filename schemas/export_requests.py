"""What callers send about exports: settings of a target, codes of the insurance, what came of a file."""

from marshmallow import fields, validate

from schemas.fields import Moment, Secret, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.exports import State

MANY_DRUGS = 500  # codes entered at once


class ExportAccountRequest(Strict):
    """What the other side knows a pharmacy by, as it gave it out: each kind of target has some of these."""

    code = Text(most=12)
    region = Text(most=6)
    system = Text(most=30)
    operator = Text(most=50)
    gateway = Text(most=60)
    app_key = Text(most=40)
    ref_user_id = Text(most=60)
    session = Text(most=100)


class InsuranceCodeRequest(Strict):
    """What the insurance calls a drug; empty: it does not list it."""

    product = Text(most=26, least=1, required=True, metadata={"description": "Public id of the drug."})
    code = Text(most=50, required=True)


class ExportTargetRequest(CommandRequest):
    """Settings of a target; a secret only where it is a new one."""

    address = Text(most=400, load_default="", metadata={"description": "https://...; empty: files to fetch by hand."})
    account = fields.Nested(ExportAccountRequest, load_default=dict)
    secret = Secret(least=0, load_default="", metadata={"description": "Sealed, and never answered."})
    enabled = fields.Boolean(load_default=True)
    begins_on = Moment(load_default=None, allow_none=True)


class ExportRequest(Strict):
    """Make files, or send one again."""

    client_key = Text(most=120, least=1, metadata={"description": "Same key: done once, answered alike."})


class ExportSettlementRequest(CommandRequest):
    """What came of a file that was handed in by hand."""

    taken = fields.Boolean(required=True)
    note = Text(most=200, least=1, required=True)


class ExportFilesQuery(Strict):
    """Which files."""

    target = Text(most=26, load_default="")
    state = Word(State, load_default=None, allow_none=True)
    before = Text(most=26, load_default="")


class InsuranceCodesRequest(CommandRequest):
    """Codes of the insurance."""

    codes = fields.List(
        fields.Nested(InsuranceCodeRequest), required=True, validate=validate.Length(min=1, max=MANY_DRUGS)
    )
