"""A receiver of deliveries: a real server on this machine that answers as it is told and keeps what came."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from typing import Any

import msgspec


@dataclass(frozen=True)
class Request:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body as JSON."""
        return dict(msgspec.json.decode(self.body))

    @property
    def events(self) -> list[str]:
        """The eventIDs in the body."""
        return [event["eventID"] for event in self.document["epcisBody"]["queryResults"]["resultsBody"]["eventList"]]


@dataclass
class Receiver:
    """Answers 204, or the next of `answers` (a status, or a function that is called meanwhile and gives one)."""

    port: int
    answers: list[int | Callable[[], int]] = field(default_factory=list)
    requests: list[Request] = field(default_factory=list)
    came: threading.Condition = field(default_factory=threading.Condition)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"

    def wait_for(self, count: int) -> list[Request]:
        """The requests, when there are so many."""
        with self.came:
            assert self.came.wait_for(lambda: len(self.requests) >= count, timeout=60), self.requests
            return list(self.requests)

    def take(self, request: Request) -> int:
        """Keep a request; the status to answer with."""
        with self.came:
            answer = self.answers.pop(0) if self.answers else 204
        status = answer if isinstance(answer, int) else answer()
        with self.came:
            self.requests.append(request)
            self.came.notify_all()
        return status


@contextmanager
def receiving(*answers: int | Callable[[], int], tls: SSLContext | None = None) -> Iterator[Receiver]:
    """A receiver that answers so, then 204; with `tls` over TLS."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a delivery."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.take(Request(self.path, dict(self.headers), body))
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.url + "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.handle_error = lambda *_args: None  # type: ignore[method-assign]
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    receiver = Receiver(server.server_address[1], list(answers))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=60)
