"""What holds between the fields of an event, by the clauses of EPCIS 2.0."""

from decimal import Decimal
from typing import Any

import pytest

from schemas.epcis.validation import find_faults
from tests.schemas.epcis.events import (
    AGGREGATION,
    ASSOCIATION,
    OBJECT,
    OURS,
    SENSOR,
    TRANSACTION,
    TRANSFORMATION,
    with_value,
    without,
)

Document = dict[str, Any]


def faults(document: Document) -> list[tuple[str, str]]:
    """(path, sentence) of each fault."""
    return [(fault.path, str(fault)) for fault in find_faults(document)]


def cut(document: Document, *keys: str, **fields: Any) -> Document:
    """The event without some fields, and with others replaced."""
    return {key: value for key, value in document.items() if key not in keys} | fields


# ---- objects -------------------------------------------------------------------------------------------------------


def test_an_object_event_without_objects_is_refused() -> None:
    message = "Names no object: an object event has an epcList, a quantityList, or readings of a readPoint."
    assert faults(cut(OBJECT, "epcList", "quantityList")) == [("", message)]
    assert faults(cut(OBJECT, epcList=[], quantityList=[])) == [("", message)]


def test_a_sensor_may_report_on_a_place_alone() -> None:
    assert faults(SENSOR) == []
    assert [path for path, _ in faults(cut(SENSOR, "readPoint"))] == [""]
    assert [path for path, _ in faults(cut(SENSOR, sensorElementList=[]))] == [""]


@pytest.mark.parametrize("action", ["OBSERVE", "DELETE"])
def test_master_data_of_a_lot_comes_with_its_beginning_only(action: str) -> None:
    message = "Master data of instances and lots stands in object events of action ADD only."
    assert faults(cut(OBJECT, action=action)) == [("/ilmd", message)]


@pytest.mark.parametrize("name", ["aggregation", "transaction", "association"])
def test_only_object_and_transformation_events_have_master_data_of_lots(name: str) -> None:
    assert [path for path, _ in faults(cut(OURS[name], ilmd={}))] == ["/ilmd"]


def test_persistent_dispositions_are_allowed_on_every_type() -> None:
    for document in OURS.values():
        assert faults(cut(document, persistentDisposition={"unset": ["recalled"]})) == []
    assert faults(cut(AGGREGATION, persistentDisposition={})) == [
        ("/persistentDisposition", "Sets nothing and unsets nothing.")
    ]
    assert [path for path, _ in faults(cut(AGGREGATION, persistentDisposition={"set": []}))] == [
        "/persistentDisposition/set"
    ]


# ---- parents and children ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ["ADD", "DELETE"])
def test_an_aggregation_names_its_parent_unless_it_only_observes(action: str) -> None:
    message = f"An aggregation event of action {action} names the parent."
    assert faults(cut(AGGREGATION, "parentID", action=action)) == [("/parentID", message)]
    assert faults(cut(AGGREGATION, "parentID", action="OBSERVE")) == []


@pytest.mark.parametrize("action", ["ADD", "OBSERVE", "DELETE"])
def test_an_association_always_names_its_parent(action: str) -> None:
    assert [path for path, _ in faults(cut(ASSOCIATION, "parentID", action=action))] == ["/parentID"]


@pytest.mark.parametrize("document", [AGGREGATION, ASSOCIATION], ids=["aggregation", "association"])
def test_children_are_missing_only_where_all_are_taken_out(document: Document) -> None:
    for action in ("ADD", "OBSERVE"):
        message = f"Names no child: action {action} wants some in childEPCs or childQuantityList."
        assert faults(cut(document, "childEPCs", "childQuantityList", action=action)) == [("", message)]
        assert faults(cut(document, action=action, childEPCs=[], childQuantityList=[])) == [("", message)]
    assert faults(cut(document, "childEPCs", "childQuantityList", action="DELETE")) == []


def test_a_transaction_names_objects_unless_it_takes_all_away() -> None:
    for action in ("ADD", "OBSERVE"):
        message = f"Names no object: action {action} wants some in epcList or quantityList."
        assert faults(cut(TRANSACTION, "epcList", "quantityList", action=action)) == [("", message)]
    assert faults(cut(TRANSACTION, "epcList", "quantityList", action="DELETE")) == []


# ---- transformations -----------------------------------------------------------------------------------------------


def test_a_transformation_has_inputs_and_outputs_or_an_id_that_ties_it_to_others() -> None:
    only_inputs = cut(TRANSFORMATION, "outputEPCList", "outputQuantityList")
    assert faults(only_inputs) == []
    message = "Names no input or no output; without a transformationID a transformation has both."
    assert faults(cut(only_inputs, "transformationID")) == [("", message)]
    assert faults(cut(TRANSFORMATION, "transformationID")) == []
    message = "Names neither input nor output; a transformation has one of them in every event."
    assert faults(cut(only_inputs, "inputEPCList", inputQuantityList=[])) == [("", message)]


def test_a_transformation_has_no_action() -> None:
    assert [path for path, _ in faults(cut(TRANSFORMATION, action="ADD"))] == ["/action"]


# ---- quantities and readings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["quantityList", "inputQuantityList"])
def test_a_quantity_without_a_unit_counts_pieces(name: str) -> None:
    document = OBJECT if name == "quantityList" else TRANSFORMATION
    element = {"epcClass": "https://id.gs1.org/01/06901234567892", "quantity": Decimal("1.5")}
    message = "1.5 is no number of pieces; a measure has a unit in uom."
    assert faults(cut(document, **{name: [element]})) == [(f"/{name}/0/quantity", message)]
    assert faults(cut(document, **{name: [element | {"uom": "KGM"}]})) == []
    assert faults(cut(document, **{name: [element | {"quantity": Decimal("2.0")}]})) == []


def test_a_unit_without_a_quantity_is_refused() -> None:
    element = {"epcClass": "https://id.gs1.org/01/06901234567892", "uom": "KGM"}
    document = cut(OBJECT, quantityList=[element])
    assert faults(document) == [("/quantityList/0/uom", "A unit without a quantity says nothing.")]


@pytest.mark.parametrize("quantity", [0, -1, Decimal("-0.5"), 10**12])
def test_a_quantity_is_more_than_nothing(quantity: Any) -> None:
    document = with_value(OBJECT, ("quantityList", 0, "quantity"), quantity)
    message = f"{quantity} is not between 0 and 1000000000000."
    assert faults(document) == [("/quantityList/0/quantity", message)]


def test_a_sensor_report_has_a_type_or_an_exception() -> None:
    place = ("sensorElementList", 0, "sensorReport", 0)
    document = without(SENSOR, (*place, "type"))
    path = "/sensorElementList/0/sensorReport/0/type"
    assert faults(document) == [(path, "A sensor report has a type, or an exception.")]
    assert faults(with_value(document, (*place, "exception"), "ALARM_CONDITION")) == []


@pytest.mark.parametrize("rank", [-1, Decimal("100.1")])
def test_a_percentile_rank_is_between_0_and_100(rank: Any) -> None:
    document = with_value(SENSOR, ("sensorElementList", 0, "sensorReport", 0, "percRank"), rank)
    path = "/sensorElementList/0/sensorReport/0/percRank"
    assert faults(document) == [(path, f"{rank} is no percentile rank between 0 and 100.")]


# ---- lists and times -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "name"), [(OBJECT, "epcList"), (TRANSFORMATION, "inputEPCList"), (TRANSFORMATION, "outputEPCList")]
)
def test_an_object_stands_once_in_a_list(document: Document, name: str) -> None:
    twice = cut(document, **{name: [document[name][0], document[name][0]]})
    assert faults(twice) == [(f"/{name}", f"{document[name][0]} stands twice in the list.")]


def test_the_offset_of_a_place_need_not_be_that_of_the_time() -> None:
    assert faults(cut(AGGREGATION, eventTime="2026-11-24T00:30:00Z", eventTimeZoneOffset="+08:00")) == []


@pytest.mark.parametrize(
    "time",
    [
        "2024-02-29T00:00:00Z",
        "2000-02-29T23:59:59.999999999+14:00",
        "1999-12-31T00:00:00-13:59",
        "2026-11-24T00:00:00Z",
    ],
)
def test_times_of_the_calendar_are_taken(time: str) -> None:
    assert faults(cut(AGGREGATION, eventTime=time)) == []


@pytest.mark.parametrize(
    "time",
    [
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-11-24T24:00:00Z",
        "2026-11-24T00:00:60Z", "2026-11-24T00:00:00+14:01", "2026-11-24T00:00:00", "2026-11-24t00:00:00z",
        "2026-11-24T00:00Z", "20261124T000000Z", "２０２６-11-24T00:00:00Z", "0000-01-01T00:00:00Z",
        "2026-11-24T00:00:00Z\n",
    ],
)  # fmt: skip
def test_times_of_no_calendar_are_refused(time: str) -> None:
    message = "is no time with an offset, such as 2026-11-26T08:30:00.000+08:00, of the years 1900 to 2199."
    ((path, said),) = faults(cut(AGGREGATION, eventTime=time))
    assert (path, said.removeprefix(time).strip()) == ("/eventTime", message)
