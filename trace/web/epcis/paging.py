"""Pages: `perPage`, `nextPageToken`, and the link to the next page.

A token is signed and says where the page before it ended, for whom and in which list; nothing is kept for it here, so
there is nothing to give back, and a forged or strange one is refused before anything reads it.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote, urlencode

from flask import Response, g, request
from itsdangerous import BadData, SignatureExpired, URLSafeTimedSerializer

from trace.domain.epcis.document import as_time
from trace.domain.failures import N_, Invalid
from trace.web.parts import parts
from trace.web.signing import SteadySigner

PER_PAGE = 30  # GS1's default
MOST_PER_PAGE = 1_000
LIFE = timedelta(hours=24)
PARAMETERS = frozenset({"perPage", "nextPageToken"})


@dataclass(frozen=True, slots=True)
class Paging:
    """How much is asked for, and behind what: `after` is the mark that the list itself made, None at its beginning."""

    size: int
    after: str | None


def read_paging() -> Paging:
    """The page this request asks for; raises `Invalid` for no number, and for a token of another list or day.

    More than `MOST_PER_PAGE` at once are never given, whatever is asked (the standard lets a service bound it).
    """
    return Paging(_size(), _mark())


def _size() -> int:
    text = request.args.get("perPage", str(PER_PAGE))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) > 0):
        raise Invalid(N_("perPage takes a whole number from 1; {text} came."), field="perPage", text=text[:40])
    return min(int(text), MOST_PER_PAGE)


def _mark() -> str | None:
    token = request.args.get("nextPageToken")
    if token is None:
        return None
    try:
        scope, mark = _signer().loads(token, max_age=int(LIFE.total_seconds()))
    except SignatureExpired:
        raise Invalid(
            N_("This page's token is older than a day; begin at the first page."), field="nextPageToken"
        ) from None
    except (BadData, ValueError, TypeError):
        scope, mark = None, None
    if not isinstance(mark, str) or scope != _scope():
        raise Invalid(
            N_("This nextPageToken was not given for this list; begin at the first page."), field="nextPageToken"
        )
    return mark


def number_of(mark: str | None) -> int | None:
    """The number that a mark is, for lists that go by number. A signed mark holds what its list wrote."""
    return None if mark is None else int(mark)


def add_next(response: Response, mark: str | None) -> Response:
    """Link the next page, which begins behind this mark; the last page (None) has no link."""
    if mark is None:
        return response
    query = [(name, value) for name, value in request.args.items(multi=True) if name not in PARAMETERS]
    query += [("perPage", str(_size())), ("nextPageToken", str(_signer().dumps([_scope(), mark])))]
    expires: datetime = g.now + LIFE
    response.headers["Link"] = f'<{_here()}?{urlencode(query)}>; rel="next"'
    response.headers["GS1-Next-Page-Token-Expires"] = as_time(expires)
    return response


def _here() -> str:
    """This address as it has to be asked for again: an identifier in it is escaped whole, slashes and all."""
    named = request.view_args or {}
    rule = request.url_rule.rule if request.url_rule else request.path
    path = re.sub(r"<(?:\w+:)?(\w+)>", lambda argument: quote(str(named[argument[1]]), safe=""), rule)
    return request.root_url.rstrip("/") + path


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(parts().settings.secret_key, salt="epcis-page", signer=SteadySigner)


def _scope() -> str:
    """What a token belongs to: who asks, which list, by which parameters."""
    asked = sorted((name, value) for name, value in request.args.items(multi=True) if name not in PARAMETERS)
    text = repr((g.actor.organisation, g.actor.role.value, request.path, asked))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
