"""The JSON Schema (draft 2020-12) of event documents, exported from the marshmallow schemas, and compiled.

The schema says what one element must look like. Formats `gs1-*` (see `identifiers.Level`), the values of extension
fields and what holds between fields (`event_rules`) are more than a JSON Schema can say: `validation` adds them.
"""

from functools import cache
from typing import Any

import jsonschema_rs
from marshmallow import Schema
from marshmallow import fields as base

from schemas.epcis.event_fields import EXTENSION_KEY, Many, Numeric, OneOf, OneOrMany, Part, Shaped, name_of
from schemas.epcis.event_schemas import EVENT_SCHEMAS, Open
from schemas.epcis.identifiers import FORMATS, USUAL

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@cache
def json_schema() -> dict[str, Any]:
    """The schema of one event document of any of the five types."""
    definitions: dict[str, Any] = {}
    for schema in EVENT_SCHEMAS.values():
        _define(schema, definitions)
    return {
        "$schema": DIALECT,
        "title": "EPCIS 2.0 event document",
        "type": "object",
        "required": ["type"],
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in EVENT_SCHEMAS],
        "$defs": definitions,
    }


@cache
def compiled(event_type: str) -> Any:
    """The validator of one event type; its patterns are matched in linear time.

    A format is asked of Python, ten times as long as a pattern: only of identifiers that look like few others.
    """
    definitions = dict(json_schema()["$defs"])
    for level, pattern in USUAL.items():
        usual = {"type": "string", "pattern": f"^(?:{pattern})$"}
        definitions[name_of(level)] = {"anyOf": [usual, definitions[name_of(level)]]}
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"#/$defs/{event_type}", "$defs": definitions},
        formats=dict(FORMATS),
        validate_formats=True,
        pattern_options=jsonschema_rs.RegexOptions(),
    )


def _define(schema: type[Schema], definitions: dict[str, Any]) -> dict[str, str]:
    """A reference to the definition of an element, which is made the first time."""
    name = schema.__name__
    if name not in definitions:
        definitions[name] = {}
        fields = {field.data_key or key: field for key, field in schema().fields.items()}
        definitions[name] = {
            "type": "object",
            "description": (schema.__doc__ or "").partition("\n")[0],
            "properties": {key: _shape(field, definitions) for key, field in fields.items()},
            "required": [key for key, field in fields.items() if field.required],
            "additionalProperties": False,
        }
        if issubclass(schema, Open):
            definitions[name]["patternProperties"] = {f"^{EXTENSION_KEY}$": {}}
    return {"$ref": f"#/$defs/{name}"}


def _shape(field: base.Field[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    match field:
        case OneOf() | Numeric() | OneOrMany():  # they differ from field to field
            return field.shape()
        case Shaped():
            definitions.setdefault(field.title, field.shape())
            return {"$ref": f"#/$defs/{field.title}"}
        case Part():
            return _define(type(field.schema), definitions)
        case Many():
            listed: dict[str, Any] = {"type": "array", "items": _shape(field.inner, definitions)}
            return (
                listed
                | ({"minItems": field.least} if field.least else {})
                | ({"uniqueItems": True} if field.unique else {})
            )
    raise TypeError(f"{type(field).__name__} has no JSON Schema")
