"""The one place where failures become answers: RFC 9457 problem documents for machines, a page for people."""

import errno
import sqlite3
import uuid
from collections.abc import Callable
from http import HTTPStatus
from http.client import responses
from typing import Any

import structlog
from flask import Flask, Response, current_app, g, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext
from markupsafe import escape
from marshmallow import ValidationError
from sqlalchemy.exc import DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException, TooManyRequests, UnprocessableEntity

from storage import patience, replicas
from storage.again import CommitLost, is_out_of_reach
from trace.domain import failures
from trace.domain.failures import N_, Failure
from trace.domain.uris import PRIVATE
from trace.metrics import count_error
from trace.web.access import SAFE_METHODS, StalePage
from trace.web.epcis.problems import exception_name, is_epcis, plain_text, problem_response
from trace.web.form_again import FormAgain, form_again
from trace.web.words import complaint_text, say

log = structlog.get_logger()

STATUS: dict[type[Failure], HTTPStatus] = {
    failures.Invalid: HTTPStatus.UNPROCESSABLE_ENTITY,
    failures.NotFound: HTTPStatus.NOT_FOUND,
    failures.Forbidden: HTTPStatus.FORBIDDEN,
    failures.Unauthenticated: HTTPStatus.UNAUTHORIZED,
    failures.Conflict: HTTPStatus.CONFLICT,
    failures.TooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    failures.QueryTooComplex: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    failures.QueryTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    failures.Unsupported: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    failures.NotAcceptable: HTTPStatus.NOT_ACCEPTABLE,
    failures.NotProvided: HTTPStatus.NOT_IMPLEMENTED,
    failures.Busy: HTTPStatus.SERVICE_UNAVAILABLE,
    failures.StorageFull: HTTPStatus.INSUFFICIENT_STORAGE,
}
TITLES = {
    400: N_("The request cannot be understood"),
    401: N_("Sign in first"),
    403: N_("Not allowed"),
    404: N_("Not found"),
    405: N_("This address does not do that"),
    406: N_("No such form of answer"),
    409: N_("It contradicts what is recorded"),
    413: N_("Too large"),
    414: N_("The address is too long"),
    415: N_("Not a form that is read here"),
    422: N_("Something in the input is not right"),
    429: N_("Too many attempts"),
    500: N_("Something went wrong here"),
    501: N_("Not provided here"),
    503: N_("Busy, try again"),
    507: N_("No room left"),
}
# What the framework refuses has a title, but no sentence that a person can act on.
_SENTENCES = {
    404: N_("There is nothing at this address."),
    405: N_("This address does not take {method}."),
    413: N_("The request is too large: at most {limit} MB and {parts} fields are read. Send less at once."),
    414: N_("The address is longer than 8,000 characters. Put a long query under a name with POST /epcis/v2/queries."),
    429: N_("Too many attempts in a short time. Wait a minute and try again."),
}
_SIGNED_OUT = N_("You are signed out; nothing was recorded. Sign in again in another tab, then press once more here.")
_SEND_AGAIN = N_("Send it once more")
_UNFORESEEN = N_("Something went wrong on our side; nothing was recorded. The report has the number {request_id}.")
STORE_BUSY = N_("The store is busy or out of reach. Nothing was recorded; try again in a few seconds.")
_MAYBE_KEPT = N_(
    "The connection to the store was lost at the last moment: it is not known whether this was recorded. Send it again"
    " with the same Idempotency-Key or the same event IDs: nothing is recorded twice."
)
_MAYBE_KEPT_FORM = N_(
    "The connection to the store was lost at the last moment: it is not known whether this was recorded. Press once"
    " more here: what was recorded is not recorded twice."
)
_TOO_LONG = N_(
    "The store took too long to find that and gave it up. Nothing was recorded; try again in a few seconds, or ask for"
    " less at once."
)
_DISK_FULL = N_("The disk is full. Nothing was recorded; make room and try again.")
RETRY_SECONDS = "3"
_MACHINE_FORMS = ("application/json", "application/problem+json", "application/linkset+json", "application/ld+json")


def register(app: Flask) -> None:
    """Hook every kind of failure of the application."""
    for kind, handler in HANDLERS.items():
        app.register_error_handler(kind, _counted(handler))


def _counted(handler: Callable[[Any], Response]) -> Callable[[Any], Response]:
    """The handler, which counts what it answers as a failure by its class."""

    def handle(error: Exception) -> Response:
        response = handler(error)
        if response.status_code >= 400:
            count_error(error)
        return response

    return handle


def on_failure(failure: Failure) -> Response:
    """A refusal of ours. Who fills in a page is not told of API keys."""
    if isinstance(failure, failures.Unauthenticated) and not wants_problem():
        return answer(401, gettext(_SIGNED_OUT))
    if isinstance(failure, StalePage) and not wants_problem():
        return _page(403, sentence(failure), title=gettext(_SEND_AGAIN), again=form_again())
    return answer(status_of(failure), sentence(failure), field=failure.field, details=failure.details, failure=failure)


def status_of(failure: Failure) -> int:
    """The HTTP status of a refusal, by its class."""
    return int(next((STATUS[kind] for kind in type(failure).__mro__ if kind in STATUS), HTTPStatus.BAD_REQUEST))


def sentence(failure: Failure) -> str:
    """The failure's text in the reader's language; software is told identifiers and words as it sent them."""
    if is_epcis():
        return plain_text(failure.message, failure.values)
    return say(failure.message, failure.values)


def on_http(error: HTTPException) -> Response:
    """A refusal by the framework: routing, body size, content type, the shape of a body."""
    if isinstance(error, UnprocessableEntity) and getattr(error, "data", None):
        # The library says first where it looked: {"json": {field: complaints}}.
        return _shape([*getattr(error, "data", {}).get("messages", {}).values()])
    status = error.code or 500
    if 300 <= status < 400:
        return current_app.make_response(error.get_response())
    if status == 500:
        return on_unforeseen(error)
    response = answer(status, _sentence_of(error, status) or title_of(status))
    for name, value in error.get_headers():  # Allow, Retry-After, Content-Range ...
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    if isinstance(error, TooManyRequests):
        response.headers.setdefault("Retry-After", "60")
    return response


def _sentence_of(error: HTTPException, status: int) -> str:
    if status in _SENTENCES:
        limit = f"{(request.max_content_length or 0) / 1024 / 1024:g}"
        limits = {"limit": limit, "parts": request.max_form_parts}
        return say(_SENTENCES[status], {"method": request.method, **limits})
    return "" if status in TITLES and status != 400 else str(error.description or "")


def title_of(status: int) -> str:
    """What a status means, in the reader's language where we have words for it."""
    if status in TITLES:
        return str(gettext(TITLES[status]))
    return responses.get(status, str(status))


def on_validation(error: ValidationError) -> Response:
    """A body or query that does not have the shape asked for."""
    return _shape(error.normalized_messages())  # type: ignore[no-untyped-call]


def _shape(messages: Any) -> Response:
    found = list(flat(messages))
    field, text = found[0] if found else (None, "")
    said = complaint_text(text, as_sent=True)
    return answer(422, f"{field}: {said}" if field else said, field=field, details={"errors": dict(found)})


def flat(messages: Any, path: tuple[str, ...] = ()) -> Any:
    """Nested messages as (dotted path, text)."""
    if isinstance(messages, dict):
        for key, value in messages.items():
            yield from flat(value, (*path, str(key)))
    elif isinstance(messages, list | tuple):
        for value in messages:
            yield from flat(value, path)
    else:
        yield ".".join(part for part in path if part != "_schema"), str(messages)


def on_store_failure(error: Exception) -> Response:
    """The database is busy, gone, or out of room: nothing was recorded, the caller tries again.

    Of what was in its COMMIT nobody knows that. A form is there to be sent again as it was, with its key: one that is
    fetched anew would have another.
    """
    original = getattr(error, "orig", None)
    if isinstance(error, OperationalError) and not is_out_of_reach(error):  # no waiting helps
        return on_unforeseen(error)
    full = isinstance(original, sqlite3.OperationalError) and "full" in str(original)
    full = full or getattr(original, "sqlstate", None) == "53100" or getattr(original, "errno", 0) == errno.ENOSPC
    log.warning("store_failure", kind=type(original or error).__name__, request_id=g.get("request_id"))
    if full:
        return answer(507, gettext(_DISK_FULL))
    if isinstance(error, CommitLost) and request.method not in SAFE_METHODS:  # a look is simply made again
        if wants_problem():
            return answer(503, gettext(_MAYBE_KEPT))
        return _page(503, gettext(_MAYBE_KEPT_FORM), title=gettext(_SEND_AGAIN), again=form_again())
    out_of_time = getattr(original, "sqlstate", None) == replicas.OUT_OF_TIME
    out_of_time = out_of_time or getattr(original, "sqlite_errorcode", None) == patience.OUT_OF_TIME
    return answer(503, gettext(_TOO_LONG if out_of_time else STORE_BUSY))


def on_database_fault(error: DBAPIError) -> Response:
    """A fault that the database told of: if the connection is gone with it, the caller tries again."""
    return on_store_failure(error) if error.connection_invalidated else on_unforeseen(error)


def on_bad_data(error: DataError) -> Response:
    """A value the database cannot hold that no schema had refused: the caller's fault all the same."""
    log.warning("bad_data", kind=type(error.orig).__name__, request_id=g.get("request_id"))
    return answer(422, gettext(N_("A value in the request is out of range.")))


def on_unforeseen(error: Exception) -> Response:
    """A fault of ours: a sentence with a number outside, the story in the log."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):  # a large upload waits on the disk
        return answer(507, gettext(_DISK_FULL))
    error = getattr(error, "original_exception", None) or error  # what went wrong while another failure was answered
    log.error("unforeseen", request_id=g.get("request_id"), kind=type(error).__name__, exc_info=error)
    return answer(500, gettext(_UNFORESEEN).format(request_id=g.get("request_id", "-")))


HANDLERS: dict[type[Exception], Callable[[Any], Response]] = {
    Failure: on_failure,
    HTTPException: on_http,
    ValidationError: on_validation,
    OperationalError: on_store_failure,
    InterfaceError: on_store_failure,
    PoolTimeout: on_store_failure,
    DBAPIError: on_database_fault,
    DataError: on_bad_data,
    Exception: on_unforeseen,
}


def answer(
    status: int,
    detail: str,
    *,
    field: str | None = None,
    details: dict[str, Any] | None = None,
    failure: Failure | None = None,
) -> Response:
    """The answer in the form the caller reads: a page, a problem document, or an exception as EPCIS 2.0 names it."""
    return _problem(status, detail, field, details, failure) if wants_problem() else _page(status, detail)


def _problem(
    status: int, detail: str, field: str | None, details: dict[str, Any] | None, failure: Failure | None
) -> Response:
    epcis = is_epcis()
    if epcis and status == HTTPStatus.UNPROCESSABLE_ENTITY:
        status = 400  # EPCIS 2.0 knows no 422
    body: dict[str, Any] = {
        "type": exception_name(status, failure) if epcis else _problem_type(status),
        "title": title_of(status),
        "status": status,
        "detail": detail,
        "instance": uuid.UUID(g.request_id).urn if "request_id" in g else "",
    }
    if field:
        body["field"] = field
    if details:
        body |= {key: value for key, value in details.items() if key not in body}
    response = problem_response(body) if epcis else jsonify(body)
    response.status_code = status
    if not epcis:
        response.mimetype = "application/problem+json"
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _problem_type(status: int) -> str:
    return f"{PRIVATE}/problem/{responses.get(status, str(status)).lower().replace(' ', '-')}"


def wants_problem() -> bool:
    """Whether the caller is a machine: an API address, or one that asks for JSON rather than a page."""
    if request.path.startswith(("/api/", "/epcis/", "/health", "/metrics")):
        return True
    best = request.accept_mimetypes.best_match(["text/html", *_MACHINE_FORMS], default="text/html")
    return best != "text/html"


def _page(status: int, detail: str, *, title: str = "", again: FormAgain | None = None) -> Response:
    if status == 401 and request.method in ("GET", "HEAD"):
        here = url_for("sign_in.page", next=request.full_path.rstrip("?"))
        return current_app.make_response(redirect(here))
    title = title or title_of(status)
    try:
        page = render_template("problem.html", status=status, title=title, detail=detail, again=again)
    except Exception as fault:  # a page of errors that fails must not fail again
        log.error("problem_page", request_id=g.get("request_id"), kind=type(fault).__name__, exc_info=fault)
        page = f"<!doctype html><title>{escape(title)}</title><h1>{escape(title)}</h1><p>{escape(detail)}</p>"
    return Response(page, status, mimetype="text/html")
