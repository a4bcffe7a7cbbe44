"""Sunshine Trace (阳光追溯): food and drug traceability. `create_app` is the only place where parts meet.

`trace` is also a module of Python's standard library: ours wins because the checkout comes first on the path (see
`run`); a test proves it.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from trace.config import Settings


def create_app(settings: "Settings") -> "Flask":
    """The WSGI application over a prepared store; raises nothing that `storage.prepare` would not have raised."""
    # Imported here so that `trace.domain` can be used without a web framework.
    from trace.web.application import build  # noqa: PLC0415

    return build(settings)
