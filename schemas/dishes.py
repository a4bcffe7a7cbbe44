"""What a canteen sends of a dish."""

from marshmallow import fields, validate

from schemas.fields import Text, Word
from schemas.requests import CommandRequest, SomeRequest
from trace.domain.dishes import Meal


class CookRequest(CommandRequest):
    """A dish and what goes into it."""

    name = Text(most=60, least=1, required=True)
    meal = Word(Meal, required=True)
    goods = fields.List(fields.Nested(SomeRequest), required=True, validate=validate.Length(min=1, max=60))
    retained = fields.Boolean(load_default=False)
