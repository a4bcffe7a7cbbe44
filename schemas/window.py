"""The shapes on the wire of the public window and of inspections."""

from marshmallow import fields, validate

from schemas.fields import Day, Strict, Text, Word
from schemas.requests import CommandRequest
from trace.domain.inspections import Grade, Outcome


class WindowRequest(CommandRequest):
    """What a pharmacy's window shows, and whether it is open."""

    shown = fields.Boolean(required=True)
    names = fields.Boolean(load_default=False)
    complaint_number = Text(most=40, load_default="")
    notice = Text(most=200, load_default="")
    zone = Text(most=26, load_default=None, allow_none=True)


class PackQuery(Strict):
    """A trace code as it stands on the pack."""

    code = Text(most=200, least=1, required=True)


class InspectionRequest(CommandRequest):
    """An inspection that was made: of whom, when, by whom, and what it ended in."""

    organisation = Text(most=26, least=1, required=True)
    inspected_on = Day(required=True)
    outcome = Word(Outcome, required=True)
    grade = Word(Grade, load_default=None, allow_none=True)
    inspectors = fields.List(Text(most=40, least=1), required=True, validate=validate.Length(min=1, max=10))
    remarks = Text(most=1_000, load_default="")


class InspectionsQuery(Strict):
    """Inspections of one business, for a watcher; left out: of the region."""

    organisation = Text(most=26, load_default=None, allow_none=True)
