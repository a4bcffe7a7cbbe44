"""What a request needs of the application: its store, objects, settings, languages, the limit on attempts."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address, ip_network
from typing import cast

from flask import current_app
from flask_limiter import Limiter, RouteLimit
from flask_limiter.util import get_remote_address

from storage.objects import ObjectStore
from storage.store import Store
from trace.config import Settings
from trace.domain.codes import find_code
from trace.domain.uris import UriKind, uri_kind
from trace.web.attempts import Attempts

LANGUAGES = ("zh", "en")
PUBLIC_RATE = "120 per minute"  # questions of the public from one address: each may read 20 000 rows
CHECK_RATE = "20 per minute"  # packs that somebody looks up: nobody counts a shop's sales through its window
PASSWORD_RATE = "20 per minute"  # noqa: S105 (how often passwords are tried from one address)


def visitor() -> str:
    """Whom a limit counts: the address, of an IPv6 one the /64 network, which is what one subscriber has at least."""
    address = get_remote_address()
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if isinstance(found, IPv4Address):
        return address
    return str(found.ipv4_mapped or ip_network((found, 64), strict=False))


limiter = Limiter(visitor, storage_uri=f"{Attempts.STORAGE_SCHEME[0]}://", headers_enabled=True)
# One count for the page and the API, and for all windows: whoever looks packs up, looks them up somewhere.
_PACK_CHECK = "pack_check"
pack_checks = limiter.shared_limit(CHECK_RATE, scope=_PACK_CHECK)


def pack_checks_where(text: Callable[[], str]) -> RouteLimit:
    """The same count for a view that tells of any code, where the request's text names a single pack."""
    return limiter.shared_limit(CHECK_RATE, scope=_PACK_CHECK, exempt_when=lambda: not _names_pack(text()))


def _names_pack(text: str) -> bool:
    code = find_code(text)
    return code is not None and code.uri is not None and uri_kind(code.uri) is UriKind.INSTANCE


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    objects: ObjectStore


def parts() -> Parts:
    """The parts of the running application."""
    return cast(Parts, current_app.extensions["sunshine"])
