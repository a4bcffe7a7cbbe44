"""What a refused request still sends is read and thrown away, so that whoever sends it comes to read why.

A server that answers and closes while a body is on its way answers with a reset (RFC 9112, 9.6): most clients, and
proxies, send all of it before they read, and tell of a broken connection instead of a photo that is too large.

A thread waits for as long as they take. So few are waited for at once, and others answered without: whoever sends a
byte a second, and needs no key for that, keeps no more threads than these.
"""

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 256 * 1024  # bytes read at once
AT_ONCE = 2  # refused requests whose bodies are waited for


class ReadsToTheEnd:
    """An application whose answers go out when the body that came with the request is read, up to `most` bytes more."""

    def __init__(self, application: "WSGIApplication", most: int) -> None:
        self.application = application
        self.most = most
        self.free = threading.Semaphore(AT_ONCE)

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        """The application's answer."""
        answer = self.application(environ, start_response)
        if is_on_its_way(environ) and self.free.acquire(blocking=False):
            try:
                throw_away(environ, self.most)
            finally:
                self.free.release()
        return answer


def is_on_its_way(environ: "WSGIEnvironment") -> bool:
    """Whether a body may be, whose end the server tells; who asked first (100-continue) sends none to be refused."""
    has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0") or "HTTP_TRANSFER_ENCODING" in environ
    return has_body and "HTTP_EXPECT" not in environ and bool(environ.get("wsgi.input_terminated"))


def throw_away(environ: "WSGIEnvironment", most: int) -> None:
    """Read what is left of the body, at most so many bytes."""
    while most > 0 and (piece := environ["wsgi.input"].read(min(PIECE, most))):
        most -= len(piece)
