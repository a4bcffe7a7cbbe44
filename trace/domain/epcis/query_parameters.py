"""The parameters of the query language by name (EPCIS 2.0 section 8.2.7.1): 61 that are fixed, 108 families.

A parameter becomes a `Condition`: a test of an event document, and a `Hint` where an index can serve it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from trace.domain.epcis import predicates as p
from trace.domain.epcis import query_values as v
from trace.domain.epcis.cbv import Kind, word_of
from trace.domain.epcis.epc_patterns import identifiers_in, matcher
from trace.domain.epcis.extension_fields import FieldName, comparable, parse_field
from trace.domain.failures import N_, Invalid

EVENT_TYPES = ("ObjectEvent", "AggregationEvent", "TransactionEvent", "TransformationEvent", "AssociationEvent")


class Index(Enum):
    """What a store may have an index or a column for."""

    ACTION = auto()
    BIZ_LOCATION = auto()
    BIZ_STEP = auto()
    DECLARES_ERROR = auto()
    DESTINATION = auto()
    DISPOSITION = auto()
    EVENT_BEFORE = auto()
    EVENT_FROM = auto()
    EVENT_ID = auto()
    ITEM = auto()
    READ_POINT = auto()
    RECORD_BEFORE = auto()
    RECORD_FROM = auto()
    SOURCE = auto()
    TRANSACTION = auto()
    TYPE = auto()
    WITHIN_BIZ_LOCATION = auto()
    WITHIN_READ_POINT = auto()


@dataclass(frozen=True, slots=True)
class Hint:
    """Every event that meets the condition has one of these values there: canonical URIs, words, or one datetime."""

    index: Index
    values: frozenset[Any]


@dataclass(frozen=True, slots=True)
class Condition:
    """One parameter of a query; `test` None is for a parameter that asks for nothing (`EXISTS_...=false`)."""

    parameter: str
    test: p.Test | None
    hint: Hint | None = None
    needs_master_data: bool = False


Namespaces = Mapping[str, str]
Build = Callable[[str, Any, Namespaces], Condition]

_REPORT = ("sensorElementList", "sensorReport")
_METADATA = ("sensorElementList", "sensorMetadata")
_EPCS = {
    "epc": p.either(p.at("epcList"), p.at("childEPCs")),
    "parentID": p.at("parentID"),
    "inputEPC": p.at("inputEPCList"),
    "outputEPC": p.at("outputEPCList"),
}
_CLASSES = {
    "epcClass": p.either(p.at("quantityList", "epcClass"), p.at("childQuantityList", "epcClass")),
    "inputEPCClass": p.at("inputQuantityList", "epcClass"),
    "outputEPCClass": p.at("outputQuantityList", "epcClass"),
}
_QUANTITIES = p.either(*(p.at(key) for key in p.QUANTITY_LISTS))
# Where the fields of a vocabulary type stand, for HASATTR_ and EQ_ATTR_.
_VOCABULARY_FIELDS: Mapping[str, p.Pick] = {
    "bizStep": p.at("bizStep"),
    "disposition": p.at("disposition"),
    "readPoint": p.at("readPoint", "id"),
    "bizLocation": p.at("bizLocation", "id"),
    "bizTransaction": p.at("bizTransactionList", "bizTransaction"),
    "source": p.at("sourceList", "source"),
    "destination": p.at("destinationList", "destination"),
    "epcClass": p.either(*(p.at(key, "epcClass") for key in p.QUANTITY_LISTS)),
}
_SECTIONS: Mapping[str, p.Pick] = {
    "ILMD": p.at("ilmd"),
    "ERROR_DECLARATION": p.at("errorDeclaration"),
    "SENSORELEMENT": p.at("sensorElementList"),
    "SENSORMETADATA": p.at(*_METADATA),
    "SENSORREPORT": p.at(*_REPORT),
    "readPoint": p.at("readPoint"),
    "bizLocation": p.at("bizLocation"),
}
_PAIRS: Mapping[str, tuple[str, Kind, Index]] = {
    "bizTransaction": ("bizTransactionList", Kind.BIZ_TRANSACTION_TYPE, Index.TRANSACTION),
    "source": ("sourceList", Kind.SOURCE_DESTINATION_TYPE, Index.SOURCE),
    "destination": ("destinationList", Kind.SOURCE_DESTINATION_TYPE, Index.DESTINATION),
}

_PAIR = re.compile(rf"EQ_({'|'.join(_PAIRS)})_(.+)")
_AMOUNT = re.compile(
    r"(EQ|GT|GE|LT|LE)_(value|minValue|maxValue|meanValue|sDev|percValue|quantity)_([A-Z0-9]{2,4})", re.ASCII
)
_EXTENSION = re.compile(rf"(EQ|GT|GE|LT|LE|EXISTS)_(INNER_)?(?:({'|'.join(_SECTIONS)})_)?(.*[:#].*)", re.DOTALL)
_HAS_ATTRIBUTE = re.compile(r"HASATTR_(.+)", re.DOTALL)
_ATTRIBUTE = re.compile(r"EQ_?ATTR_([^_]+)_(.+)", re.DOTALL)  # EQATTR_ is how EPCIS 1.2 writes it
_MDA = re.compile(r"(?:urn:epcglobal:cbv:mda[:#]|cbvmda:)?(.+)", re.DOTALL)


def takes_list(parameter: str) -> bool:
    """Whether a parameter takes several values, which a URL parts by `|`."""
    return parameter == "eventType" or (
        parameter.startswith(("EQ_", "EQATTR_", "MATCH_", "WD_", "HASATTR_")) and parameter != "EQ_booleanValue"
    )


def parse_condition(parameter: str, raw: Any, namespaces: Namespaces) -> Condition:
    """The condition a parameter and its value put. Raises `Invalid`, its field the parameter's name."""
    build = _FIXED.get(parameter)
    if build is not None:
        return build(parameter, raw, namespaces)
    if match := _PAIR.fullmatch(parameter):
        return _pair(parameter, match[1], match[2], raw, namespaces)
    if match := _AMOUNT.fullmatch(parameter):
        return _amount(parameter, match[1], match[2], match[3], raw)
    if match := _HAS_ATTRIBUTE.fullmatch(parameter):
        return _has_attribute(parameter, match[1], raw, namespaces)
    if match := _ATTRIBUTE.fullmatch(parameter):
        return _attribute(parameter, match[1], match[2], raw, namespaces)
    if match := _EXTENSION.fullmatch(parameter):
        field = parse_field(match[4], namespaces)
        if field is not None:
            elements = _SECTIONS[match[3]] if match[3] else p.at()
            return _extension(parameter, match[1], elements, field, raw, inner=match[2] is not None)
    raise Invalid(
        N_(
            "EPCIS has no query parameter {parameter}. Names are case-sensitive, and a field of your own is given with"
            " its namespace: EQ_example:myField."
        ),
        field=parameter[:200],
        parameter=parameter[:200],
    )


def attribute_name(text: str) -> str:
    """The name of a master data attribute, without the prefix of those that CBV defines."""
    match = _MDA.fullmatch(text)
    return match[1] if match else text


# ---- fixed names ---------------------------------------------------------------------------------------------------


def _types(parameter: str, raw: Any, _: Namespaces) -> Condition:
    values = frozenset(value.removeprefix("epcis:") for value in v.texts(parameter, raw))
    for value in values - set(EVENT_TYPES):
        if ":" not in value:
            v.one_of(parameter, value, EVENT_TYPES)
    return Condition(parameter, p.text_in(p.at("type"), values), Hint(Index.TYPE, values))


def _actions(parameter: str, raw: Any, _: Namespaces) -> Condition:
    values = frozenset(v.one_of(parameter, value, ("ADD", "OBSERVE", "DELETE")) for value in v.listed(parameter, raw))
    return Condition(parameter, p.text_in(p.at("action"), values), Hint(Index.ACTION, values))


def _words(pick: p.Pick, kind: Kind, index: Index | None = None) -> Build:
    def build(parameter: str, raw: Any, namespaces: Namespaces) -> Condition:
        values = v.words(parameter, raw, kind, namespaces)
        test = p.text_in(pick, values, lambda text: word_of(kind, text))
        return Condition(parameter, test, Hint(index, values) if index else None)

    return build


def _identifiers(pick: p.Pick, index: Index | None = None) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        values = v.identifiers(parameter, raw)
        return Condition(parameter, p.text_in(pick, values, comparable), Hint(index, values) if index else None)

    return build


def _within(pick: p.Pick, index: Index) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        values = v.identifiers(parameter, raw)
        return Condition(parameter, p.within(pick, values), Hint(index, values), needs_master_data=True)

    return build


def _texts(pick: p.Pick, read: Callable[[str], str] = str, index: Index | None = None) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        values = frozenset(read(text) for text in v.texts(parameter, raw))
        return Condition(parameter, p.text_in(pick, values, read), Hint(index, values) if index else None)

    return build


def _uris(pick: p.Pick, index: Index | None = None) -> Build:
    """URIs that name events: compared letter by letter."""

    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        values = frozenset(v.uris(parameter, raw))
        return Condition(parameter, p.text_in(pick, values), Hint(index, values) if index else None)

    return build


def _match(*picks: p.Pick, classes: bool = False) -> Build:
    pick = p.either(*picks)

    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        values = v.uris(parameter, raw)
        test = p.identifier_in(pick, matcher(parameter, values, classes=classes))
        named = identifiers_in(values, classes=classes)
        return Condition(parameter, test, None if named is None else Hint(Index.ITEM, named))

    return build


def _moment(pick: p.Pick, index: Index | None = None) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        value = v.when(parameter, raw)
        hint = Hint(index, frozenset({value})) if index else None
        return Condition(parameter, p.moment(pick, parameter[:2], value), hint)

    return build


def _number(pick: p.Pick) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        equal = parameter.startswith("EQ")
        values = v.numbers(parameter, raw) if equal else [v.one_number(parameter, raw)]
        return Condition(parameter, p.number(pick, parameter[:2], values))

    return build


def _exists(pick: p.Pick, index: Index | None = None) -> Build:
    def build(parameter: str, raw: Any, _: Namespaces) -> Condition:
        if not v.truth(parameter, raw):
            return Condition(parameter, None)
        return Condition(parameter, p.exists(pick), Hint(index, frozenset({True})) if index else None)

    return build


def _truth(parameter: str, raw: Any, _: Namespaces) -> Condition:
    return Condition(parameter, p.truth(p.at(*_REPORT, "booleanValue"), v.truth(parameter, raw)))


def _sensor(name: str) -> p.Pick:
    """An attribute that a sensor element's metadata and each of its reports may have."""
    return p.either(p.at(*_METADATA, name), p.at(*_REPORT, name))


_DECLARED = p.at("errorDeclaration", "declarationTime")
_FIXED: Mapping[str, Build] = {
    "eventType": _types,
    "GE_eventTime": _moment(p.at("eventTime"), Index.EVENT_FROM),
    "LT_eventTime": _moment(p.at("eventTime"), Index.EVENT_BEFORE),
    "GE_recordTime": _moment(p.at("recordTime"), Index.RECORD_FROM),
    "LT_recordTime": _moment(p.at("recordTime"), Index.RECORD_BEFORE),
    "EQ_action": _actions,
    "EQ_bizStep": _words(p.at("bizStep"), Kind.BIZ_STEP, Index.BIZ_STEP),
    "EQ_disposition": _words(p.at("disposition"), Kind.DISPOSITION, Index.DISPOSITION),
    "EQ_persistentDisposition_set": _words(p.at("persistentDisposition", "set"), Kind.DISPOSITION),
    "EQ_persistentDisposition_unset": _words(p.at("persistentDisposition", "unset"), Kind.DISPOSITION),
    "EQ_readPoint": _identifiers(p.at("readPoint", "id"), Index.READ_POINT),
    "WD_readPoint": _within(p.at("readPoint", "id"), Index.WITHIN_READ_POINT),
    "EQ_bizLocation": _identifiers(p.at("bizLocation", "id"), Index.BIZ_LOCATION),
    "WD_bizLocation": _within(p.at("bizLocation", "id"), Index.WITHIN_BIZ_LOCATION),
    "EQ_transformationID": _identifiers(p.at("transformationID"), Index.ITEM),
    **{f"MATCH_{name}": _match(pick) for name, pick in _EPCS.items()},
    "MATCH_anyEPC": _match(*_EPCS.values()),
    **{f"MATCH_{name}": _match(pick, classes=True) for name, pick in _CLASSES.items()},
    "MATCH_anyEPCClass": _match(*_CLASSES.values(), classes=True),
    **{
        f"{comparison}_quantity": _number(p.either(*(p.at(key, "quantity") for key in p.QUANTITY_LISTS)))
        for comparison in p.COMPARISONS
    },
    "EQ_eventID": _uris(p.at("eventID"), Index.EVENT_ID),
    "EXISTS_errorDeclaration": _exists(p.at("errorDeclaration"), Index.DECLARES_ERROR),
    # The query schema of GS1 writes errorDeclaration_Time, the standard and its OpenAPI file errorDeclarationTime.
    **{f"{comparison}_errorDeclarationTime": _moment(_DECLARED) for comparison in ("GE", "LT")},
    **{f"{comparison}_errorDeclaration_Time": _moment(_DECLARED) for comparison in ("GE", "LT")},
    "EQ_errorReason": _words(p.at("errorDeclaration", "reason"), Kind.ERROR_REASON),
    "EQ_correctiveEventID": _uris(p.at("errorDeclaration", "correctiveEventIDs")),
    "EXISTS_sensorElementList": _exists(p.at("sensorElementList")),
    **{f"{comparison}_time": _moment(_sensor("time")) for comparison in ("GE", "LT")},
    **{
        f"{comparison}_{name}": _moment(p.at(*_METADATA, name))
        for comparison in ("GE", "LT")
        for name in ("startTime", "endTime")
    },
    "EQ_type": _words(p.at(*_REPORT, "type"), Kind.MEASUREMENT),
    **{f"EQ_{name}": _identifiers(_sensor(name)) for name in ("deviceID", "dataProcessingMethod", "bizRules")},
    **{f"EQ_{name}": _identifiers(p.at(*_REPORT, name)) for name in ("microorganism", "chemicalSubstance", "uriValue")},
    "EQ_stringValue": _texts(p.at(*_REPORT, "stringValue")),
    "EQ_booleanValue": _truth,
    "EQ_hexBinaryValue": _texts(p.at(*_REPORT, "hexBinaryValue"), str.upper),
    **{f"{comparison}_percRank": _number(p.at(*_REPORT, "percRank")) for comparison in p.COMPARISONS},
}


# ---- families ------------------------------------------------------------------------------------------------------


def _pair(parameter: str, part: str, type_: str, raw: Any, namespaces: Namespaces) -> Condition:
    key, kind, index = _PAIRS[part]
    values = v.identifiers(parameter, raw)
    test = p.pair_in(key, part, kind, v.word(parameter, type_, kind, namespaces), values)
    return Condition(parameter, test, Hint(index, values))


def _amount(parameter: str, comparison: str, field: str, unit: str, raw: Any) -> Condition:
    values = v.numbers(parameter, raw) if comparison == "EQ" else [v.one_number(parameter, raw)]
    elements = _QUANTITIES if field == "quantity" else p.at(*_REPORT)
    return Condition(parameter, p.amount(elements, field, comparison, values, unit))


def _extension(
    parameter: str, comparison: str, elements: p.Pick, field: FieldName, raw: Any, *, inner: bool
) -> Condition:
    if comparison == "EXISTS":
        there = v.truth(parameter, raw)
        return Condition(parameter, p.has_extension(elements, field, inner=inner) if there else None)
    values = v.wanted(parameter, raw) if comparison == "EQ" else [v.one_ordered(parameter, raw)]
    return Condition(parameter, p.extension(elements, field, comparison, values, inner=inner))


def _has_attribute(parameter: str, field: str, raw: Any, namespaces: Namespaces) -> Condition:
    names = frozenset(attribute_name(text) for text in v.texts(parameter, raw))
    test = p.has_attribute(_vocabulary_field(parameter, field, namespaces), None, names)
    return Condition(parameter, test, needs_master_data=True)


def _attribute(parameter: str, field: str, name: str, raw: Any, namespaces: Namespaces) -> Condition:
    if "_" in name:
        raise Invalid(
            N_("{parameter} names a field and an attribute of master data; neither may have an underscore."),
            field=parameter[:200],
            parameter=parameter[:200],
        )
    values = frozenset(v.texts(parameter, raw))
    test = p.has_attribute(_vocabulary_field(parameter, field, namespaces), attribute_name(name), values)
    return Condition(parameter, test, needs_master_data=True)


def _vocabulary_field(parameter: str, name: str, namespaces: Namespaces) -> p.Pick:
    if name in _VOCABULARY_FIELDS:
        return _VOCABULARY_FIELDS[name]
    field = parse_field(name, namespaces)
    if field is None:
        v.one_of(parameter, name, tuple(_VOCABULARY_FIELDS))
        raise AssertionError("a field that is none of the standard's is refused above")
    return p.field_pick(field)
