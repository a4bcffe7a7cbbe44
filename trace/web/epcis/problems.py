"""Refusals as EPCIS 2.0 names them: RFC 7807 problems whose type is an `epcisException:`, as JSON or as XML."""

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, jsonify, request
from flask_babel import gettext

from schemas.epcis.xml_answers import problem_xml
from trace.domain.failures import N_, Failure, QueryTooComplex, QueryTooLarge
from trace.services.epcis_capture import Refusal

PREFIX = "/epcis/"
PROBLEM_JSON, PROBLEM_XML = "application/problem+json", "application/problem+xml"
# The names of GS1's OpenAPI file; a status it does not have gets the nearest one.
_NAMES: dict[int, str] = {
    HTTPStatus.UNAUTHORIZED: "SecurityException",
    HTTPStatus.FORBIDDEN: "SecurityException",
    HTTPStatus.NOT_FOUND: "NoSuchResourceException",
    HTTPStatus.NOT_ACCEPTABLE: "NotAcceptableException",
    HTTPStatus.CONFLICT: "ResourceAlreadyExistsException",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "CaptureLimitExceededException",
    HTTPStatus.REQUEST_URI_TOO_LONG: "URITooLongException",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "UnsupportedMediaTypeException",
}
_JSON_FORMS = (PROBLEM_JSON, "application/json", "application/ld+json")
_XML_FORMS = (PROBLEM_XML, "application/xml", "text/xml")

_REFUSED, _KNOWN = N_("The event is not valid"), N_("The eventID is known with other content")


def is_epcis() -> bool:
    """Whether the request is one of the EPCIS binding, whose refusals have their own names."""
    return request.path.startswith(PREFIX)


def plain_text(message: str, values: Mapping[str, Any]) -> str:
    """A sentence for software: in the reader's language, with identifiers and words as they were sent."""
    text = str(gettext(message))
    said = {
        name: plain_text(value.message, value.values) if isinstance(value, Refusal) else value
        for name, value in values.items()
    }
    return text.format(**said) if said else text


def exception_name(status: int, failure: Failure | None) -> str:
    """The `epcisException:` of a refusal."""
    if isinstance(failure, QueryTooComplex):
        return "epcisException:QueryTooComplexException"
    if isinstance(failure, QueryTooLarge):
        return "epcisException:QueryTooLargeException"
    steps = request.path.rstrip("/").split("/")[3:]  # behind /epcis/v2
    if status == HTTPStatus.NOT_FOUND and len(steps) in (2, 3) and steps[0] == "queries":
        return "epcisException:NoSuchNameException"
    if status == HTTPStatus.BAD_REQUEST and request.method == "POST" and steps[-1:] == ["subscriptions"]:
        return "epcisException:SubscriptionControlsException"
    other = "ValidationException" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "ImplementationException"
    return f"epcisException:{_NAMES.get(status, other)}"


def as_problems(errors: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What was refused of a document (`trace.services.epcis_capture.Refusal.as_details`), each as a problem itself."""
    return [_as_problem(error) for error in errors]


def _as_problem(error: Mapping[str, Any]) -> dict[str, Any]:
    conflict = bool(error.get("conflict"))
    told = {
        "type": f"epcisException:{'ResourceAlreadyExistsException' if conflict else 'ValidationException'}",
        "title": str(gettext(_KNOWN if conflict else _REFUSED)),
        "status": int(HTTPStatus.CONFLICT if conflict else HTTPStatus.BAD_REQUEST),
        "detail": plain_text(error["message"], error["values"]),
        "event": error["event"],
        "eventID": error["eventID"],
        "path": error["path"],
    }
    return {name: value for name, value in told.items() if value is not None}


def problem_response(body: dict[str, Any]) -> Response:
    """The problem in the form the client reads: XML where it prefers that, else JSON."""
    if isinstance(body.get("errors"), list):
        body["errors"] = as_problems(body["errors"])
    best = request.accept_mimetypes.best_match([*_JSON_FORMS, *_XML_FORMS], default=PROBLEM_JSON)
    if best in _XML_FORMS:
        return Response(problem_xml(body), mimetype=PROBLEM_XML)
    response = jsonify(body)
    response.mimetype = PROBLEM_JSON
    return response
