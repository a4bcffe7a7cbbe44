"""What holds between the fields of an event that is otherwise of the right form; sections are those of EPCIS 2.0.

JSON Schema could say some of it, but no reader of its complaints would know what to do: so these are functions, cheap
enough for every event of a large document.
"""

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from itertools import islice
from typing import Any

from schemas.epcis.extensions import MOST_DIGITS, is_modest
from schemas.epcis.faults import MOST_FAULTS, Fault, pointer, shown
from trace.domain.failures import N_

Document = Mapping[str, Any]
_INPUTS, _OUTPUTS = ("inputEPCList", "inputQuantityList"), ("outputEPCList", "outputQuantityList")


def find_rule_faults(document: Document) -> list[Fault]:
    """What contradicts the standard in an event whose every element has the right form."""
    find, quantity_lists = _OF_TYPE[document["type"]]
    faults = find(document)
    for name in quantity_lists:
        if name in document:
            faults += islice(_quantity_faults(name, document[name]), MOST_FAULTS)
    if document.get("persistentDisposition") == {}:  # 7.3.5.6: at least one of the two
        faults.append(Fault("/persistentDisposition", N_("Sets nothing and unsets nothing.")))
    if "sensorElementList" in document:
        faults += islice(_sensor_faults(document), MOST_FAULTS)
    return faults


def _object_faults(document: Document) -> list[Fault]:
    faults = []
    # 7.4.2: a sensor's report on a place alone needs the place and the report.
    is_reading = document.get("sensorElementList") and "readPoint" in document
    if not document.get("epcList") and not document.get("quantityList") and not is_reading:
        message = N_("Names no object: an object event has an epcList, a quantityList, or readings of a readPoint.")
        faults.append(Fault("", message))
    if "ilmd" in document and document["action"] != "ADD":  # 7.3.6: it describes what comes to be
        message = N_("Master data of instances and lots stands in object events of action ADD only.")
        faults.append(Fault("/ilmd", message))
    return faults


def _aggregation_faults(document: Document) -> list[Fault]:
    faults = _child_faults(document)
    if document["action"] != "OBSERVE" and "parentID" not in document:  # 7.4.3: optional for OBSERVE, else required
        message = N_("An aggregation event of action {action} names the parent.")
        faults.insert(0, Fault("/parentID", message, {"action": document["action"]}))
    return faults


def _child_faults(document: Document) -> list[Fault]:
    # 7.4.3 and 7.4.6: both lists may be empty for DELETE alone, which then means all children.
    if document["action"] == "DELETE" or document.get("childEPCs") or document.get("childQuantityList"):
        return []
    message = N_("Names no child: action {action} wants some in childEPCs or childQuantityList.")
    return [Fault("", message, {"action": document["action"]})]


def _transaction_faults(document: Document) -> list[Fault]:
    # 7.4.4: both lists may be empty for DELETE alone, which then means all objects of the transaction.
    if document["action"] == "DELETE" or document.get("epcList") or document.get("quantityList"):
        return []
    message = N_("Names no object: action {action} wants some in epcList or quantityList.")
    return [Fault("", message, {"action": document["action"]})]


def _transformation_faults(document: Document) -> list[Fault]:
    # 7.4.5: an input and an output, or a transformationID that ties this event to others that have the rest.
    has_input = any(document.get(name) for name in _INPUTS)
    has_output = any(document.get(name) for name in _OUTPUTS)
    if has_input and has_output:
        return []
    if "transformationID" not in document:
        return [Fault("", N_("Names no input or no output; without a transformationID a transformation has both."))]
    if not has_input and not has_output:
        return [Fault("", N_("Names neither input nor output; a transformation has one of them in every event."))]
    return []


_OF_TYPE: Mapping[str, tuple[Callable[[Document], list[Fault]], tuple[str, ...]]] = {
    "ObjectEvent": (_object_faults, ("quantityList",)),
    "AggregationEvent": (_aggregation_faults, ("childQuantityList",)),
    "AssociationEvent": (_child_faults, ("childQuantityList",)),
    "TransactionEvent": (_transaction_faults, ("quantityList",)),
    "TransformationEvent": (_transformation_faults, ("inputQuantityList", "outputQuantityList")),
}


def _quantity_faults(name: str, elements: list[Document]) -> Iterator[Fault]:
    """7.3.3.3: no unit without a quantity; without a unit the quantity counts pieces."""
    for number, element in enumerate(elements):
        quantity = element.get("quantity")
        if quantity is None:
            if "uom" in element:
                yield Fault(pointer(name, number, "uom"), N_("A unit without a quantity says nothing."))
        elif type(quantity) is not int and not is_modest(quantity):
            yield _immodest(pointer(name, number, "quantity"), quantity)
        elif "uom" not in element and quantity % 1:
            message = N_("{value} is no number of pieces; a measure has a unit in uom.")
            yield Fault(pointer(name, number, "quantity"), message, {"value": shown(quantity)})


def _sensor_faults(document: Document) -> Iterator[Fault]:
    for number, element in enumerate(document.get("sensorElementList", ())):
        for nth, report in enumerate(element["sensorReport"]):
            place = ("sensorElementList", number, "sensorReport", nth)
            # 7.3.7: what is reported is a measurement or an alert. GS1's JSON schema wants a type always, GS1's XSD and
            # its example of alerts in XML do not: what one of the two forms may say, the other may, too.
            if "type" not in report and "exception" not in report:
                yield Fault(pointer(*place, "type"), N_("A sensor report has a type, or an exception."))
            rank = report.get("percRank")
            if rank is not None and not 0 <= rank <= 100:
                message = N_("{value} is no percentile rank between 0 and 100.")
                yield Fault(pointer(*place, "percRank"), message, {"value": shown(rank)})
            for key, value in report.items():
                if type(value) is Decimal and ":" not in key and not is_modest(value):
                    yield _immodest(pointer(*place, key), value)


def _immodest(path: str, value: Any) -> Fault:
    message = N_("{value} is no number of at most {most} digits.")
    return Fault(path, message, {"value": shown(value), "most": str(MOST_DIGITS)})
