"""What callers send about drugs: the drug file, what identifiers stand for, scanned codes to be read."""

from decimal import Decimal
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from schemas.fields import Amount, Number, Strict, Text, Word
from schemas.requests import MANY_CODES, CommandRequest
from trace.domain.drugs import LEVELS, DrugClass, Storage
from trace.domain.products import Prescription


class DrugFields(CommandRequest):
    """What the file says of a drug."""

    name = Text(most=120, least=1)
    specification = Text(most=80)
    dosage_form = Text(most=40)
    producer = Text(most=120)
    mah = Text(most=120, metadata={"description": "上市许可持有人"})
    approval_no = Text(most=40)
    national_drug_code = Text(most=14)
    prescription = Word(Prescription)
    drug_class = Word(DrugClass, allow_none=True)
    storage = Word(Storage)
    celsius_low = Amount(least=Decimal(-100), most=Decimal(100), metadata={"description": "Cold drugs: the coldest."})
    celsius_high = Amount(least=Decimal(-100), most=Decimal(100), metadata={"description": "Cold drugs: the warmest."})
    split_units = Number(least=2, most=100_000, metadata={"description": "Smallest units in a pack (拆零)."})
    split_unit_name = Text(most=12)

    @validates_schema
    def check_pairs(self, data: dict[str, Any], **_: Any) -> None:
        """Both ends of a range or none, the colder one first."""
        low, high = data.get("celsius_low"), data.get("celsius_high")
        if (low is None) != (high is None) or (low is not None and low > high):
            raise ValidationError("Give both ends of the range, the colder one first.", "celsius_low")

    @post_load
    def as_stored(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """Plain words for enumerations, temperatures in hundredths of a degree."""
        for name in ("prescription", "drug_class", "storage"):
            if data.get(name) is not None:
                data[name] = data[name].value
        for name in data.keys() & {"celsius_low", "celsius_high"}:
            data[name] = int(data[name] * 100)
        return data


class NewDrugRequest(DrugFields):
    """A drug for the file."""

    name = Text(most=120, least=1, required=True)
    code = Text(most=200, least=1, metadata={"description": "A trace code of it, its 7-digit identifier, or its GTIN."})


class DrugChangeRequest(DrugFields):
    """What changes in the file, and why: what is missing may be added without a reason."""

    reason = Text(most=200, load_default="")


class IdentifierRequest(CommandRequest):
    """What an identifier stands for; `length` where it is the beginning of a maker's own codes."""

    identifier = Text(most=200, least=1, required=True)
    level = Number(least=1, most=LEVELS, load_default=None, allow_none=True)
    cascade = Text(most=24, load_default=None, allow_none=True)
    length = Number(least=8, most=100, load_default=None, allow_none=True)


class IdentifierCorrectionRequest(CommandRequest):
    """What an identifier really stands for."""

    identifier = Text(most=200, least=1, required=True)
    product = Text(most=26, load_default=None, allow_none=True)
    level = Number(least=1, most=LEVELS, load_default=None, allow_none=True)
    cascade = Text(most=24, load_default=None, allow_none=True)
    reason = Text(most=200, least=1, required=True)


class DrugsQuery(Strict):
    """Which drugs of the file."""

    text = Text(most=60, load_default="")
    unchecked = fields.Boolean(load_default=False)


class ReadCodesRequest(Strict):
    """Scanned texts to be read."""

    codes = fields.List(Text(most=2_000, least=1), required=True, validate=validate.Length(min=1, max=MANY_CODES))
