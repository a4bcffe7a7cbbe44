"""What is asked of the records."""

from marshmallow import fields, validate

from schemas.fields import Day, Number, Strict, Text

DECISIONS = ("", "accept", "hold", "refuse")


class RecordsQuery(Strict):
    """Which purchase inspection records: a period of days, both included, and what else they have to be."""

    first = Day(required=True)
    last = Day(required=True)
    supplier = Text(most=120, load_default="", metadata={"description": "A part of the name."})
    product = Text(most=120, load_default="", metadata={"description": "A part of the name."})
    decision = fields.String(load_default="", validate=validate.OneOf(DECISIONS))
    organisation = Text(most=26, load_default="", metadata={"description": "Inspectors: whose records."})


class RecordsPageQuery(RecordsQuery):
    """A page of them."""

    limit = Number(least=1, most=500, load_default=100)
    after = Text(most=40, load_default="", metadata={"description": "`next` of the page before."})


class LotQuery(Strict):
    """Which lot."""

    lot = Text(most=2_000, least=1, required=True, metadata={"description": "URI or scanned text of the lot."})
