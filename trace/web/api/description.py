"""What the OpenAPI document says beyond the shapes of bodies: how calls are refused, and which need no key.

Read off the routes themselves, their marks and their arguments, so that none can be forgotten.
"""

from http import HTTPStatus
from typing import Any

from flask import Flask
from flask_smorest.spec.plugins import FlaskPlugin
from marshmallow import INCLUDE, Schema, fields

from trace.errors import TITLES

PROBLEM_TYPE = "application/problem+json"
# An address that cannot be read, a key that is not known, a store that is busy: every call may meet these.
_ANYWHERE = {HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE}
_WITH_BODY = {
    HTTPStatus.NOT_FOUND,
    HTTPStatus.CONFLICT,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INSUFFICIENT_STORAGE,
}
_WAIT = {"Retry-After": {"schema": {"type": "integer"}, "description": "Seconds to wait"}}
_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": {"schema": {"type": "string"}}},
    HTTPStatus.TOO_MANY_REQUESTS: _WAIT,
    HTTPStatus.SERVICE_UNAVAILABLE: _WAIT,
}
_IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": False,
    "schema": {"type": "string", "minLength": 1, "maxLength": 120},
    "description": "The same as client_key in the body; send one of the two.",
}


class Problem(Schema):
    """A refusal (RFC 9457), and what else helps: extensions are allowed there."""

    class Meta:
        """More members may come."""

        unknown = INCLUDE

    type = fields.String(required=True, metadata={"format": "uri"})
    title = fields.String(required=True)
    status = fields.Integer(required=True, metadata={"minimum": 400, "maximum": 599})
    detail = fields.String(required=True, metadata={"description": "A sentence: what was wrong, and what to do."})
    instance = fields.String(required=True, metadata={"format": "uri", "description": "The request's number."})
    field = fields.String(metadata={"description": "The input at fault, as a dotted path: lines.0.amount."})
    errors = fields.Dict(metadata={"description": "Every complaint of the shape's check, by field."})


def problem_responses() -> dict[str, dict[str, Any]]:
    """{name of the status: response} for every refusal there are words for; one schema for all."""
    content = {PROBLEM_TYPE: {"schema": Problem}}
    found: dict[str, dict[str, Any]] = {"DEFAULT_ERROR": {"description": "Any other refusal", "content": content}}
    for number, title in TITLES.items():
        status = HTTPStatus(number)
        found[status.name] = {"description": title, "content": content}
        if status in _HEADERS:
            found[status.name]["headers"] = _HEADERS[status]
    return found


def describe(app: Flask, document: dict[str, Any]) -> dict[str, Any]:
    """Put the refusals on every operation of the document, and `security: []` on those that need no key."""
    shapes = document["components"]["schemas"]
    for rule in app.url_map.iter_rules():
        path = document["paths"].get(FlaskPlugin.flaskpath2openapi(rule.rule), {})
        for method in path.keys() & {str(name).lower() for name in rule.methods or ()}:
            operation = path[method]
            public = getattr(app.view_functions[rule.endpoint], "access", None) is None
            for status in sorted(_refusals(operation, public=public, names_record=bool(rule.arguments))):
                operation["responses"][str(int(status))] = {"$ref": f"#/components/responses/{status.name}"}
            for answer in (operation["responses"].get(code, {}) for code in ("200", "201")):
                if "description" in answer:
                    answer.setdefault("content", {"application/json": {"schema": {"type": "object"}}})
            if public:
                operation["security"] = []
            if _takes_key(operation, shapes):
                operation["parameters"] = [*operation.get("parameters", ()), _IDEMPOTENCY_KEY]
    return document


def _refusals(operation: dict[str, Any], *, public: bool, names_record: bool) -> set[HTTPStatus]:
    found = set(_ANYWHERE)
    found |= {HTTPStatus.NOT_FOUND, HTTPStatus.TOO_MANY_REQUESTS} if public else {HTTPStatus.FORBIDDEN}
    if names_record:
        found.add(HTTPStatus.NOT_FOUND)
    if operation.get("requestBody"):
        found |= _WITH_BODY
    if operation.get("parameters"):
        found |= {HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.NOT_FOUND}
    return found


def _takes_key(operation: dict[str, Any], shapes: dict[str, Any]) -> bool:
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    return "client_key" in shapes.get(name, {}).get("properties", {})
