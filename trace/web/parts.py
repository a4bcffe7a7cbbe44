"""What a request needs of the application: its store, objects, settings, languages, the limit on attempts."""

from dataclasses import dataclass
from typing import cast

from flask import current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from storage.objects import ObjectStore
from storage.store import Store
from trace.config import Settings

LANGUAGES = ("zh", "en")
PUBLIC_RATE = "120 per minute"  # questions of the public from one address: each may read 20 000 rows
CHECK_RATE = "20 per minute"  # packs that somebody looks up: nobody counts a shop's sales through its window
PASSWORD_RATE = "20 per minute"  # noqa: S105 (how often passwords are tried from one address)
limiter = Limiter(get_remote_address, storage_uri="memory://", headers_enabled=True)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    objects: ObjectStore


def parts() -> Parts:
    """The parts of the running application."""
    return cast(Parts, current_app.extensions["sunshine"])
