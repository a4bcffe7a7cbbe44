"""The other side of exports: a real server that plays the medical insurance, the trace platform and a partner.

It answers as it is told (`plan`), else as it does on a good day, and remembers what it holds.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from schemas.trace_platform import sign

SECRET = "the platform's secret"
# What one can tell it to do with the next request: answer nothing, having taken it or not; refuse; be a busy gateway.
DEAF, DIES, REFUSES, BUSY, LOCKED = "deaf", "dies", "refuses", "busy", "locked"


@dataclass
class OtherSide:
    """What it was asked, and what it holds: {number of the file: how often it was taken}."""

    port: int
    plan: list[str] = field(default_factory=list)
    words: str = "追溯码不正确"
    held: dict[str, int] = field(default_factory=dict)
    files: dict[str, Any] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    working: bool = False
    uploads: int = 0  # bills that came to the platform, taken or not

    def url(self, path: str) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}{path}"

    def take(self, bill: str, content: Any) -> bool:
        """Take a file; False for one that is here already."""
        self.held[bill] = self.held.get(bill, 0) + 1
        self.files.setdefault(bill, content)
        return self.held[bill] == 1


@contextmanager
def other_side(*plan: str) -> Iterator[OtherSide]:
    """The other side, listening."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            """Take a file, or answer a question."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            call = self.path.partition("?")[0]
            answers = {"/insurance": _insurance, "/platform": _platform, "/capture": _capture}
            status, answer, headers = answers[call](side, body, side.plan.pop(0) if side.plan else "")
            self._answer(status, answer, headers)

        def do_GET(self) -> None:
            """What became of a capture job."""
            side.asked.append(self.path)
            self._answer(200, {"running": side.working, "success": not side.working, "errors": []}, {})

        def _answer(self, status: int, answer: Any, headers: dict[str, str]) -> None:
            if not status:  # the line goes dead
                self.close_connection = True
                return
            data = json.dumps(answer, ensure_ascii=False).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    side = OtherSide(server.server_address[1], list(plan))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield side
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=60)


Answered = tuple[int, Any, dict[str, str]]


def _insurance(side: OtherSide, body: bytes, told: str) -> Answered:
    message = json.loads(body)
    if told in (DEAF, BUSY, LOCKED):
        return {DEAF: 0, BUSY: 502, LOCKED: 403}[told], {"message": "gateway"}, {}
    if told == REFUSES:
        return 200, {"infcode": -1, "err_msg": side.words}, {}
    if not side.take(message["msgid"], message):
        return 200, {"infcode": -1, "err_msg": "报文ID重复"}, {}
    return (0 if told == DIES else 200), {"infcode": 0, "output": {"result": {"retRslt": "1"}}}, {}


def _platform(side: OtherSide, body: bytes, told: str) -> Answered:
    call = dict(parse_qsl(body.decode(), keep_blank_values=True))
    signature = call.pop("sign")
    if told in (DEAF, BUSY):
        return (0 if told == DEAF else 503), {}, {}
    if told == LOCKED or signature != sign(call, SECRET):
        return 200, {"error_response": {"code": 25, "msg": "Invalid signature"}}, {}
    if call["method"].endswith("searchstatus"):
        side.asked.append(call["bill_code"])
        # A: all bills; AI: what came in; AO: what went out.
        known = side.files.get(call["bill_code"], {})
        asked = call["bill_type"] in ("A", "AI" if known.get("bill_type") == "116" else "AO")
        here = asked and call["bill_code"] in side.held
        held = [{"bill_code": call["bill_code"], "deal_status": "3"}] if here else []
        return 200, _result("searchstatus", model={"list": held}), {}
    side.uploads += 1
    if told == REFUSES:
        return 200, _result("uploadretail", success=False, words=side.words), {}
    if not side.take(call["bill_code"], call):
        return 200, _result("uploadretail", success=False, words="单据编码重复"), {}
    return (0 if told == DIES else 200), _result("uploadretail"), {}


def _result(method: str, *, success: bool = True, words: str = "", model: Any = None) -> dict[str, Any]:
    result = {"response_success": success, "msg_code": "" if success else "SPECIAL", "msg_info": words, "model": model}
    return {f"alibaba_{method}_response": {"result": result}}


def _capture(side: OtherSide, body: bytes, told: str) -> Answered:
    if told in (DEAF, BUSY, LOCKED):
        return {DEAF: 0, BUSY: 503, LOCKED: 401}[told], {"title": "Unauthorised"}, {}
    if told == REFUSES:
        return 400, {"title": "ValidationException", "detail": side.words}, {}
    number = str(len(side.files) + 1)
    side.take(number, body)
    return (0 if told == DIES else 202), {}, {"Location": f"/capture/{number}"}
