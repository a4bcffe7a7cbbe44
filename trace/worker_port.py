"""Where a worker answers who watches it: `/health` and `/metrics` of its own process, on a port of its own.

The same addresses, by the same rules, as the service has (`trace.web.site.operations`), and no other.
"""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from werkzeug.serving import WSGIRequestHandler, make_server

from trace import create_app
from trace.config import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication

PATHS = frozenset({"/health", "/health/live", "/health/ready", "/metrics"})


class QuietHandler(WSGIRequestHandler):
    """One caller at a port that few know: what the application logs is enough, and who says nothing is left."""

    timeout = 10

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: the application has its own log."""


def only_watched(app: "WSGIApplication") -> "WSGIApplication":
    """The application without all that is not for who watches."""

    def answer(environ: dict[str, Any], start_response: "StartResponse") -> Iterable[bytes]:
        if environ["PATH_INFO"] in PATHS:
            return app(environ, start_response)
        start_response("404 Not Found", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"A worker answers /health and /metrics only.\n"]

    return answer


@contextmanager
def watched(settings: Settings) -> Iterator[None]:
    """Answer while the block runs, where a port is set (SUNSHINE_WORKER_PORT)."""
    if not settings.worker_port:
        yield
        return
    app = only_watched(create_app(settings))
    server = make_server(settings.host, settings.worker_port, app, threaded=True, request_handler=QuietHandler)
    thread = threading.Thread(target=server.serve_forever, name="watched", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
