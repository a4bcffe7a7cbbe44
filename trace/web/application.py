"""The application: parts joined, every request given its actor, session and time, every answer its headers."""

import re
import uuid
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

import structlog
from flask import Flask, Request, Response, g, request
from flask_babel import Babel
from werkzeug.exceptions import BadRequest, RequestURITooLarge
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from storage.again import run_again
from storage.replicas import OK, Replica, ReplicaLeft
from storage.store import Store, is_written_at_end, open_store, undo
from storage.tenancy import see_as
from trace import clock, errors
from trace.config import Settings
from trace.domain.failures import Busy, NotFound, QueryTooLarge
from trace.kept_objects import objects_of
from trace.log import set_up_log
from trace.metrics import NO_ROUTE, count_look, count_request
from trace.services.look_up_log import note_look_up
from trace.web import api, epcis, site
from trace.web.access import (
    check_access,
    check_sender,
    csrf,
    is_watched,
    may_ask_replica,
    names_somebody,
    needs_writing,
    sight_of_actor,
)
from trace.web.again import rewinder
from trace.web.epcis.problems import is_epcis
from trace.web.parts import LANGUAGES, Parts, limiter, parts
from trace.web.positions import tell_position, wanted_position
from trace.web.signing import SessionInterface
from trace.web.strict_json import StrictJSONProvider, bad_json
from trace.web.translate import compile_catalogues
from trace.web.unread import ReadsToTheEnd

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none';"
        " form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}
NUMBER = re.compile("[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
FORM = "application/x-www-form-urlencoded"
MOST_UNREAD = 3  # times the largest request: what is read of one that is larger, before it is told so
LARGEST_NUMBER = 2**63 - 1  # of a column of either database
MOST_FORM = 512 * 1024  # bytes of a form without files; deliveries and photos come as multipart/form-data
log = structlog.get_logger()


class RowNumber(IntegerConverter):
    """A number in an address: one for which no database has room names nothing."""

    def __init__(self, map: Map) -> None:
        super().__init__(map, max=LARGEST_NUMBER)


class StrictRequest(Request):
    """A request whose unreadable JSON is refused with a sentence, and forms no larger than people fill in."""

    @property
    def max_content_length(self) -> int | None:
        """The most bytes of a body; fewer for forms without files, which are read whole, without a limit on fields."""
        most = super().max_content_length
        return min(most or MOST_FORM, MOST_FORM) if self.mimetype == FORM else most

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        """For a single view, as Flask has it."""
        self._max_content_length = value

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Turn a parser's complaint into a 400; a wrong media type stays a 415."""
        if e is None:
            return super().on_json_loading_failed(e)
        raise bad_json(e) from e


class Application(Flask):
    """Flask with one transaction a request: return commits, raise (or a refusal) rolls back.

    A transaction that lost against another one is nobody's fault: the request is answered anew (`storage.again`).
    """

    request_class = StrictRequest
    json_provider_class = StrictJSONProvider
    session_interface = SessionInterface()

    def dispatch_request(self) -> Response:
        """Answer one request inside its session; the view's marks decide access first."""
        if request.routing_exception is not None:
            self.raise_routing_exception(request)
        view = self.view_functions[request.url_rule.endpoint] if request.url_rule else None
        if view is None or request.url_rule is None or request.url_rule.endpoint == "static":
            return self.make_response(super().dispatch_request())
        store = parts().store.within(parts().settings.statement_seconds)
        replica = store.replica if may_ask_replica(view) else None
        if replica is not None and names_somebody(view):
            check_primary(replica)
        if replica is not None or needs_writing(view):
            # A short transaction of its own: the request's session begins at its first statement, so that a photo is
            # not read while the store's writer waits.
            with store.glancing() as g.session:
                check_access(view)
            check_sender(view)
        ready = rewinder()
        if replica is not None:
            if (answer := self._answer_from_replica(view, store)) is not None:
                return answer
            check_primary(replica)
            ready()
        return run_again(
            partial(self._answer_in_session, view, store),
            ready=ready,
            request_id=g.request_id,
            route=str(request.url_rule),
        )

    def _answer_from_replica(self, view: Callable[..., Any], store: Store) -> Response | None:
        """The view's answer; None where the replica is gone or behind or cannot finish, and the primary has to."""
        outcome = OK
        try:
            with store.at_replica(wanted_position()) as followed:
                return self._answer_in_session(view, followed)
        except ReplicaLeft as left:
            outcome = left.why
            return None
        finally:
            count_look(outcome)

    def _answer_in_session(self, view: Callable[..., Any], store: Store) -> Response:
        """The view's answer, its transaction ended."""
        g.writes = needs_writing(view)
        with store.writing() if g.writes else store.reading() as g.session:
            if "actor" not in g:
                check_access(view)
            sight = sight_of_actor(g.actor)
            see_as(g.session, sight)
            try:
                response = self.make_response(super().dispatch_request())
            except (NotFound, QueryTooLarge) as failure:
                if is_watched(view):
                    g.writes = True
                    undo(g.session)  # SQLite has one writer: this one would wait for itself
                    # That there are more than so many is an answer, too.
                    what = "nothing_found" if isinstance(failure, NotFound) else "query"
                    note_refused_look(store.seeing(sight), what, request.full_path)
                raise
            if response.status_code >= 400:
                undo(g.session)
            g.writes = g.writes or is_written_at_end(g.session)
            return response


def check_primary(replica: Replica) -> None:
    """Raise `Busy` where the primary is known not to answer: it might take half a minute to find that out once more."""
    if replica.is_primary_silent():
        raise Busy(errors.STORE_BUSY)


def note_refused_look(store: Store, what: str, address: str) -> None:
    """A watcher's look that was given nothing is a look, too (R18): written down although it is refused."""
    subject = "".join(character for character in address[:500] if character.isprintable())
    store.write(note_look_up, actor=g.actor, what=what, subject=subject, now=g.now)


def build(settings: Settings) -> Flask:
    """Join the parts of one application."""
    set_up_log()
    compile_catalogues()
    app = Application("trace.web", static_url_path="/static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        MAX_CONTENT_LENGTH=settings.max_upload_mb * 1024 * 1024,
        # A delivery of 500 lines (schemas.requests.MANY_LINES) has some 15 fields a line; each field is bounded again.
        MAX_FORM_PARTS=10_000,
        MAX_FORM_MEMORY_SIZE=5 * 1024 * 1024,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        WTF_CSRF_CHECK_DEFAULT=False,
        # A form's token is good as long as its session: an age, by a clock that was ahead or is put back, would refuse
        # what somebody typed and protect from nobody.
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="zh",
        BABEL_TRANSLATION_DIRECTORIES="translations",
        BABEL_DEFAULT_TIMEZONE=str(settings.timezone),
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions["sunshine"] = Parts(
        settings, open_store(settings.database_url, settings.replica_url), objects_of(settings)
    )
    behind = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)
    app.url_map.converters["int"] = RowNumber
    app.wsgi_app = ReadsToTheEnd(behind, MOST_UNREAD * app.config["MAX_CONTENT_LENGTH"])  # type: ignore[method-assign]
    Babel(app, locale_selector=choose_language)
    csrf.init_app(app)
    app.before_request(begin)
    app.after_request(finish)  # what is registered first comes last: behind the limiter
    limiter.init_app(app)
    errors.register(app)
    _register_views(app)
    return app


def _register_views(app: Flask) -> None:
    api.register(app)
    epcis.register(app)
    site.register(app)


def choose_language() -> str:
    """The cookie's choice, else what the browser likes best of Chinese and English, else Chinese."""
    chosen = request.cookies.get("lang")
    if chosen in LANGUAGES:
        return chosen
    return request.accept_languages.best_match(LANGUAGES) or "zh"


def begin() -> None:
    """Give the request its number and its time, and refuse what no view should see."""
    g.begun = perf_counter()
    g.request_id = number_of_request(request.headers.get("X-Request-ID", ""))
    structlog.contextvars.clear_contextvars()  # the thread's last request
    structlog.contextvars.bind_contextvars(request_id=g.request_id)
    # Local time: a shop's day begins at its own midnight, and events keep the offset they happened in.
    g.now = clock.now().astimezone(parts().settings.timezone)
    too_long = len(request.url) > 8_000
    if too_long and is_epcis():
        raise RequestURITooLarge
    if "\x00" in request.path or too_long:
        raise BadRequest("The address is too long or holds a NUL.")


def number_of_request(sent: str) -> str:
    """The number that a proxy gave the request, so that both logs tell of it by one name; else a new one.

    Only what is a UUID or 32 hexadecimal digits, as proxies make them, is believed: anything else might be a name.
    """
    return sent if NUMBER.fullmatch(sent) else str(uuid.uuid4())


def finish(response: Response) -> Response:
    """Put the headers of every answer on, and a line in the log that holds no secret and no personal data."""
    if link := parts().settings.objects_link_url:
        response.headers["Content-Security-Policy"] = HEADERS["Content-Security-Policy"].replace(
            "data:", f"data: {link}"
        )
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    if response.status_code < 400:
        response.headers.pop("Retry-After", None)  # the limiter's; with a redirect it would say: wait a minute first
    elif response.status_code == 503:
        response.headers["Retry-After"] = errors.RETRY_SECONDS  # not the limiter's: that one is not what keeps us
    response.headers["X-Request-ID"] = g.request_id
    if g.get("writes") and (replica := parts().store.replica):
        tell_position(response, replica)
    if not request.path.startswith("/static") or response.status_code >= 400:
        response.headers.setdefault("Cache-Control", "no-store")
        told: dict[str, Any] = {
            "method": request.method,
            "route": str(request.url_rule or NO_ROUTE),
            "status": response.status_code,
        }
        seconds = perf_counter() - g.begun
        count_request(**told, seconds=seconds)
        log.info("request", request_id=g.request_id, **told, milliseconds=round(seconds * 1000, 1))
    return response
