"""Who asks, and may they: every view says which permission it needs, or that it is public.

The marks are read in one place (`trace.web.application`), before the view's arguments are even parsed; a view without
a mark is refused, so that forgetting one is found at once.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import g, request, session
from flask_wtf.csrf import CSRFError, CSRFProtect

from storage.tenancy import EVERYTHING, NOTHING, Sight, across_organisations, sight_of
from trace.domain.failures import N_, Forbidden, Unauthenticated
from trace.domain.permissions import Actor, Permission, authorize
from trace.services.chain import find_actor_at
from trace.services.keys import find_actor_by_key
from trace.services.people import find_actor

View = TypeVar("View", bound=Callable[..., Any])
AT_SHOP = "shop"  # in the session: the shop of their chain in whose name somebody of headquarters works
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
csrf = CSRFProtect()
# What the library says of a token that is another session's.
_OF_ANOTHER_SESSION = frozenset({"The CSRF tokens do not match.", "The CSRF session token is missing."})


class StalePage(Forbidden):
    """A form of one of our pages, opened before its reader signed in anew; it is theirs to send again."""


def may(permission: Permission) -> Callable[[View], View]:
    """Mark a view: whoever calls it needs this permission."""

    def mark(view: View) -> View:
        view.access = permission  # type: ignore[attr-defined]
        return view

    return mark


def public(view: View) -> View:
    """Mark a view: anybody may call it."""
    view.access = None  # type: ignore[attr-defined]
    return view


def writes(view: View) -> View:
    """Mark a view that needs a writing session although it is only asked (a form is tried out and rolled back)."""
    view.writes = True  # type: ignore[attr-defined]
    return view


def unasked(view: View) -> View:
    """Mark a public view that asks nobody who they are: it answers while the database does not."""
    view.unasked = True  # type: ignore[attr-defined]
    return view


def watched(view: View) -> View:
    """Mark a view whose look is written down when an inspector or auditor takes it (R18); others only read."""
    view.watched = True  # type: ignore[attr-defined]
    return view


def from_replica(view: View) -> View:
    """Mark a view that shows what was recorded, and on which nothing is decided at a counter or a door.

    A replica may answer it, and then shows what others changed some moments later; one's own changes it always shows.
    """
    view.from_replica = True  # type: ignore[attr-defined]
    return view


def needs_writing(view: Callable[..., Any]) -> bool:
    """Whether this request gets a session that may write: on SQLite there is one writer at a time.

    A look that is written down does not: `storage.store.Store.reading` writes it when the reading is done.
    """
    return request.method not in SAFE_METHODS or getattr(view, "writes", False)


def may_ask_replica(view: Callable[..., Any]) -> bool:
    """Whether a replica may answer this request."""
    return request.method in SAFE_METHODS and getattr(view, "from_replica", False)


def names_somebody(view: Callable[..., Any]) -> bool:
    """Whether the primary has to be asked who this is: the request bears a key, or somebody's session."""
    return not getattr(view, "unasked", False) and (_key() is not None or "person" in session)


def is_watched(view: Callable[..., Any]) -> bool:
    """Whether this request is a look that is written down."""
    return getattr(view, "watched", False) and g.actor is not None and g.actor.watches


def check_access(view: Callable[..., Any]) -> None:
    """Find out, in `g.session`, who asks (`g.actor`) and whether they may; `Unauthenticated` or `Forbidden` if not."""
    g.actor = None if getattr(view, "unasked", False) else _actor()
    needed = getattr(view, "access", "unmarked")
    if needed == "unmarked":
        raise Forbidden(N_("This address names no permission; it stays closed until it does."))
    if needed is None:
        return
    if g.actor is None:
        raise Unauthenticated(N_("Sign in, or send an API key in the header Authorization: Bearer st_..."))
    authorize(g.actor, Permission(needed))


def check_sender(view: Callable[..., Any]) -> None:
    """Raise as `check_csrf` does where a session's unsafe request needs the token, and `check_access` let it pass.

    A key's does not, because no browser sends a key by itself. The token stands in the body, which may be long in
    coming: no transaction is to be open meanwhile.
    """
    if view.access is not None and g.actor.api_key is None and request.method not in SAFE_METHODS:  # type: ignore[attr-defined]
        check_csrf()


def sight_of_actor(actor: Actor | None) -> Sight:
    """Whose records a request may see: one organisation's, an inspector's everybody's; the public's own are none."""
    if actor is None:
        return NOTHING
    return EVERYTHING if actor.watches else sight_of(actor.organisation)


def check_csrf() -> None:
    """Raise `Forbidden` if a browser's request does not carry the token of our own pages; `StalePage` if it was theirs.

    Only a page of ours may be offered again: with what another site wrote into it, one press would do the forging.
    """
    try:
        csrf.protect()
    except CSRFError as fault:
        if g.actor is not None and fault.description in _OF_ANOTHER_SESSION and _is_from_our_page():
            text = N_(
                "Since this page was opened somebody signed in anew here; nothing was recorded. What was typed is kept:"
                " press once more to send it as {name}, {organisation}."
            )
            raise StalePage(text, name=g.actor.name, organisation=g.actor.organisation_name) from fault
        raise Forbidden(N_("The page was open too long or the request came from elsewhere; load it again.")) from fault


def _actor() -> Actor | None:
    key = _key()
    person = session.get("person")
    if key is None and person is None:
        return None
    with across_organisations(g.session, because="whose records they may see is what is found out here"):
        if key is not None:
            actor = find_actor_by_key(g.session, key)
            if actor is None:
                raise Unauthenticated(N_("This API key is not known, or was revoked."))
            return actor
        actor = find_actor(g.session, str(person))
        if actor is None or AT_SHOP not in session:
            return actor
        at_shop = find_actor_at(g.session, actor, str(session[AT_SHOP]))
    if at_shop is None:  # it is not of their chain any more
        session.pop(AT_SHOP)
    return at_shop or actor


def _is_from_our_page() -> bool:
    """Whether the browser itself says that a page of ours sent this; no page can set these headers."""
    site = request.headers.get("Sec-Fetch-Site")  # older browsers, and all over plain http, send an Origin only
    return site == "same-origin" if site else request.headers.get("Origin") == request.host_url.rstrip("/")


def _key() -> str | None:
    header = request.headers.get("Authorization", "")
    scheme, _, value = header.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.headers.get("X-API-Key")
