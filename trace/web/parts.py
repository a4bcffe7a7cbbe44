"""What a request needs of the application: its store, objects, settings."""

from dataclasses import dataclass
from typing import cast

from flask import current_app

from storage.objects import ObjectStore
from storage.store import Store
from trace.config import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one application."""

    settings: Settings
    store: Store
    objects: ObjectStore


def parts() -> Parts:
    """The parts of the running application."""
    return cast(Parts, current_app.extensions["sunshine"])
