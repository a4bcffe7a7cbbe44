"""Sunshine Trace (阳光追溯): food and drug traceability. `create_app` is the only place where parts meet.

`trace` is also a module of Python's standard library: ours wins because the checkout comes first on the path (see
`run`); a test proves it.
"""

import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from trace.config import Settings

# New objects before Python's collector looks at them (its own: 700). A document of a thousand events is some fifty
# thousand, all of them in use, through which it would walk for 5 us an event; what requests leave behind mostly needs
# no collector at all. It is set here because all that follows is loaded after it: a sixth of a start.
gc.set_threshold(100_000, *gc.get_threshold()[1:])


def create_app(settings: "Settings") -> "Flask":
    """The WSGI application over a prepared store; raises nothing that `storage.prepare` would not have raised."""
    # Imported here so that `trace.domain` can be used without a web framework.
    from trace.web.application import build  # noqa: PLC0415

    return build(settings)
