"""The one definition of an event document: the five event types of EPCIS 2.0 (ISO/IEC 19987) and their elements.

Section numbers are those of the EPCIS 2.0 standard. `json_schema` exports these classes, `validation` judges by what it
exports and comes back here to explain. An event document is EPCIS 2.0 JSON with the words of the CBV bare and the
namespaces of its extension fields in its own `@context`; rules between fields are in `event_rules`.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any

from marshmallow import EXCLUDE, RAISE, Schema, ValidationError, validates_schema

from schemas.epcis.event_fields import (
    LARGEST_AMOUNT,
    CbvWord,
    HexBinary,
    Identifier,
    Many,
    Numeric,
    Offset,
    OneOf,
    OneOrMany,
    Part,
    Prefixes,
    Text,
    Time,
    Truth,
    Unit,
    Uri,
    is_extension_key,
)
from schemas.epcis.faults import MOST_FAULTS, refusal
from schemas.epcis.identifiers import Level
from trace.domain.epcis.cbv import Kind
from trace.domain.failures import N_


class Closed(Schema):
    """An element that takes no extension fields."""

    class Meta:
        """What nobody knows is refused."""

        unknown = RAISE


class Open(Schema):
    """An element that takes extension fields, whose keys have a prefix (section 9.4 for XML, 10 for JSON)."""

    class Meta:
        """Extension fields are judged by `extensions`, not by fields."""

        unknown = EXCLUDE

    @validates_schema(pass_original=True, skip_on_field_errors=False)
    def refuse_bare_keys(self, _data: Any, original: Any, **_kwargs: Any) -> None:
        """Refuse keys that are neither of the standard nor in anybody's namespace."""
        if not isinstance(original, Mapping):
            return
        known = {field.data_key or name for name, field in self.fields.items()}
        bare = (key for key in original if key not in known and not is_extension_key(key))
        message = N_("{key} is no field of this element; an extension field has a prefix, as in example:{key}.")
        faults = {key: refusal(message, key=key).messages for key in islice(bare, MOST_FAULTS)}
        if faults:
            raise ValidationError(faults)


class QuantityElement(Closed):
    """An amount of a class or lot (7.3.3.3)."""

    epcClass = Identifier(Level.CLASS, required=True)  # noqa: N815 - names of fields are the standard's
    quantity = Numeric(above=0, below=LARGEST_AMOUNT)
    uom = Unit()


class BizTransaction(Closed):
    """A business document (7.3.5.3)."""

    type = CbvWord(Kind.BIZ_TRANSACTION_TYPE)
    bizTransaction = Identifier(required=True)  # noqa: N815


class Source(Closed):
    """Where a transfer begins (7.3.5.4)."""

    type = CbvWord(Kind.SOURCE_DESTINATION_TYPE, required=True)
    source = Identifier(required=True)


class Destination(Closed):
    """Where a transfer ends (7.3.5.4)."""

    type = CbvWord(Kind.SOURCE_DESTINATION_TYPE, required=True)
    destination = Identifier(required=True)


class Location(Open):
    """A read point or business location (7.3.4)."""

    id = Identifier(required=True)


class PersistentDisposition(Closed):
    """Dispositions that begin or cease to hold whatever comes later (7.3.5.6)."""

    set = Many(CbvWord(Kind.DISPOSITION), least=1, unique=True)
    unset = Many(CbvWord(Kind.DISPOSITION), least=1, unique=True)


class ErrorDeclaration(Open):
    """Says that an event of this eventID was wrong (7.4.1.2)."""

    declarationTime = Time(required=True)  # noqa: N815
    reason = CbvWord(Kind.ERROR_REASON)
    correctiveEventIDs = Many(Identifier(Level.EVENT))  # noqa: N815


class SensorMetadata(Open):
    """What holds for all reports of a sensor element (7.3.7)."""

    time = Time()
    startTime = Time()  # noqa: N815
    endTime = Time()  # noqa: N815
    deviceID = Identifier()  # noqa: N815
    deviceMetadata = Uri()  # noqa: N815
    rawData = Uri()  # noqa: N815
    dataProcessingMethod = Uri()  # noqa: N815
    bizRules = Uri()  # noqa: N815


class SensorReport(Open):
    """One observation (7.3.7); `event_rules` wants a type or an exception."""

    type = CbvWord(Kind.MEASUREMENT)
    exception = CbvWord(Kind.SENSOR_ALERT)
    deviceID = Identifier()  # noqa: N815
    deviceMetadata = Uri()  # noqa: N815
    rawData = Uri()  # noqa: N815
    dataProcessingMethod = Uri()  # noqa: N815
    bizRules = Uri()  # noqa: N815
    time = Time()
    microorganism = Uri()
    chemicalSubstance = Uri()  # noqa: N815
    coordinateReferenceSystem = Uri()  # noqa: N815
    component = CbvWord(Kind.COMPONENT)
    value = Numeric()
    minValue = Numeric()  # noqa: N815
    maxValue = Numeric()  # noqa: N815
    meanValue = Numeric()  # noqa: N815
    sDev = Numeric()  # noqa: N815
    percRank = Numeric()  # noqa: N815
    percValue = Numeric()  # noqa: N815
    stringValue = Text()  # noqa: N815
    booleanValue = Truth()  # noqa: N815
    hexBinaryValue = HexBinary()  # noqa: N815
    uriValue = Uri()  # noqa: N815
    uom = Unit()


class SensorElement(Open):
    """Observations with what they have in common (7.3.7)."""

    sensorMetadata = Part(SensorMetadata)  # noqa: N815
    sensorReport = Many(Part(SensorReport), least=1, required=True)  # noqa: N815


class Ilmd(Open):
    """Master data of an instance or lot: nothing but fields with a prefix (7.3.6)."""


class EventFields(Open):
    """What all five types have (7.4.1, and the dimensions where and why of 7.3)."""

    context = Prefixes(data_key="@context")
    eventID = Identifier(Level.EVENT)  # noqa: N815
    eventTime = Time(required=True)  # noqa: N815
    eventTimeZoneOffset = Offset(required=True)  # noqa: N815
    recordTime = Time()  # noqa: N815
    bizStep = CbvWord(Kind.BIZ_STEP)  # noqa: N815
    disposition = CbvWord(Kind.DISPOSITION)
    persistentDisposition = Part(PersistentDisposition)  # noqa: N815
    readPoint = Part(Location)  # noqa: N815
    bizLocation = Part(Location)  # noqa: N815
    bizTransactionList = Many(Part(BizTransaction))  # noqa: N815
    sourceList = Many(Part(Source))  # noqa: N815
    destinationList = Many(Part(Destination))  # noqa: N815
    sensorElementList = Many(Part(SensorElement))  # noqa: N815
    certificationInfo = OneOrMany(Uri())  # noqa: N815
    errorDeclaration = Part(ErrorDeclaration)  # noqa: N815


def _action() -> OneOf:
    return OneOf("ADD", "OBSERVE", "DELETE", required=True)


class ObjectEvent(EventFields):
    """Something happened to these objects (7.4.2)."""

    type = OneOf("ObjectEvent", required=True)
    action = _action()
    epcList = Many(Identifier(Level.OBJECT), unique=True)  # noqa: N815
    quantityList = Many(Part(QuantityElement))  # noqa: N815
    ilmd = Part(Ilmd)


class AggregationEvent(EventFields):
    """Children were put into, seen in, or taken out of a parent (7.4.3)."""

    type = OneOf("AggregationEvent", required=True)
    action = _action()
    parentID = Identifier()  # noqa: N815
    childEPCs = Many(Identifier(Level.OBJECT))  # noqa: N815
    childQuantityList = Many(Part(QuantityElement))  # noqa: N815


class TransactionEvent(EventFields):
    """Objects were tied to a business transaction (7.4.4)."""

    type = OneOf("TransactionEvent", required=True)
    action = _action()
    bizTransactionList = Many(Part(BizTransaction), least=1, required=True)  # noqa: N815
    parentID = Identifier()  # noqa: N815
    epcList = Many(Identifier(Level.OBJECT))  # noqa: N815
    quantityList = Many(Part(QuantityElement))  # noqa: N815


class TransformationEvent(EventFields):
    """Inputs became outputs (7.4.5)."""

    type = OneOf("TransformationEvent", required=True)
    transformationID = Identifier()  # noqa: N815
    inputEPCList = Many(Identifier(Level.OBJECT), unique=True)  # noqa: N815
    inputQuantityList = Many(Part(QuantityElement))  # noqa: N815
    outputEPCList = Many(Identifier(Level.OBJECT), unique=True)  # noqa: N815
    outputQuantityList = Many(Part(QuantityElement))  # noqa: N815
    ilmd = Part(Ilmd)


class AssociationEvent(EventFields):
    """A lasting tie between a parent and what belongs to it (7.4.6)."""

    type = OneOf("AssociationEvent", required=True)
    action = _action()
    parentID = Identifier(required=True)  # noqa: N815
    childEPCs = Many(Identifier(Level.OBJECT))  # noqa: N815
    childQuantityList = Many(Part(QuantityElement))  # noqa: N815


EVENT_SCHEMAS: Mapping[str, type[EventFields]] = {
    schema.__name__: schema
    for schema in (ObjectEvent, AggregationEvent, TransactionEvent, TransformationEvent, AssociationEvent)
}
