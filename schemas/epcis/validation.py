"""Whether an event document is an event of EPCIS 2.0: judged by the compiled schema, explained by marshmallow.

The schemas of `event_schemas` are the one definition. Their export, compiled, answers yes or no in microseconds; for
what it refuses, marshmallow loads the document and says which field, what was wanted and what came.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any

from marshmallow import Schema

from schemas.epcis.event_rules import find_rule_faults
from schemas.epcis.event_schemas import EVENT_SCHEMAS
from schemas.epcis.extensions import find_extension_faults
from schemas.epcis.faults import MOST_FAULTS, Fault, located, shown
from schemas.epcis.json_schema import compiled, json_schema
from trace.domain.failures import N_

__all__ = ["Fault", "check_events", "find_faults", "json_schema"]


def check_events(documents: Sequence[Any]) -> dict[int, list[Fault]]:
    """The faults of those event documents that have any, by their number in the sequence (from 0)."""
    found = ((number, find_faults(document)) for number, document in enumerate(documents))
    return {number: faults for number, faults in found if faults}


def find_faults(document: Any) -> list[Fault]:
    """What is wrong with an event document, the first faults of it; empty for a valid event. Raises nothing."""
    if not isinstance(document, dict):
        return [Fault("", N_("An event is an object; {value} came."), {"value": shown(document)})]
    if "type" not in document:
        return [Fault("/type", N_("Missing data for required field."))]
    event_type = document["type"]
    if not isinstance(event_type, str) or event_type not in EVENT_SCHEMAS:
        message = N_("An EPCIS event has one of five types; {type} came.")
        return [Fault("/type", message, {"type": shown(event_type)})]
    if not _has_right_form(document, event_type):
        return explain(document, event_type)
    faults = find_extension_faults(document)
    faults += find_rule_faults(document)
    return faults[:MOST_FAULTS] if faults else faults


def _has_right_form(document: Mapping[str, Any], event_type: str) -> bool:
    try:
        return bool(compiled(event_type).is_valid(document))
    except ValueError:
        return False  # a lone surrogate, a key that is no text: that is no JSON, and marshmallow says where


def explain(document: Mapping[str, Any], event_type: str) -> list[Fault]:
    """The faults of form that marshmallow finds in an event of a known type."""
    messages = _schema(event_type).validate(document)
    return list(islice(located(messages), MOST_FAULTS)) or [Fault("", N_("This is no EPCIS 2.0 event."))]


@cache
def _schema(event_type: str) -> Schema:
    return EVENT_SCHEMAS[event_type]()
