"""What is asked of the self-checks, and what a signature sends."""

from marshmallow import fields, validate

from schemas.fields import Day, Strict, Text
from schemas.requests import CommandRequest


class ChecksQuery(Strict):
    """The signed self-checks of a span of days."""

    first = Day(required=True)
    last = Day(required=True)


class SignatureRequest(CommandRequest):
    """A person signs: what is wrong at the points they looked at, and remarks."""

    problems = fields.Dict(
        keys=Text(most=40, least=1), values=Text(most=200, least=1), load_default=dict, validate=validate.Length(max=60)
    )
    remarks = Text(most=1_000, load_default="")
