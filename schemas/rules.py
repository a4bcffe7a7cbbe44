"""What callers send about the rule book."""

from marshmallow import fields

from schemas.fields import Day, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.rules.book import Confidence


class RulesQuery(Strict):
    """Which day's rules."""

    on = Day(load_default=None, metadata={"description": "The rules in force on this day; today where absent."})


class RuleRequest(CommandRequest):
    """An entry of the rule book: what holds from a day on, where that is written, and why it is written here."""

    name = Text(most=80, least=1, required=True, metadata={"description": "Such as retest.rapid."})
    effective_from = Day(required=True)
    value = fields.Raw(required=True, metadata={"description": "As the other entries of the family have it."})
    source = Text(most=300, least=1, required=True)
    confidence = Word(Confidence, load_default=Confidence.HOUSE)
    reason = Text(most=200, least=1, required=True)
    everywhere = fields.Boolean(load_default=False, metadata={"description": "For everybody, not as a house rule."})
