"""A refusal reaches whoever sends the whole body before it reads: a real server, and a client as simple as that."""

import http.client
import select
import socket
import urllib.request
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.servers import wait_for_port
from tests.test_cli import serving
from tests.test_stopping import key_for
from trace.cli import THREADS
from trace.web.unread import AT_ONCE

MB = 1024 * 1024
PHOTO = {"Content-Type": "multipart/form-data; boundary=x"}


def answer_to(port: int, path: str, size: int, headers: dict[str, str]) -> tuple[int, bytes]:
    """(status, body) of the answer to a body of so many bytes, all of which is sent first."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("POST", path, b"x" * size, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_who_sends_all_of_a_body_is_told_why_it_is_refused(tmp_path: Path) -> None:
    key = {"Authorization": f"Bearer {key_for(tmp_path)}"}
    with serving(tmp_path) as (_, port):
        wait_for_port(port)
        for size in (20 * MB + 1, 21 * MB, 40 * MB):
            assert answer_to(port, "/epcis/v2/capture", size, key | {"Content-Type": "application/json"})[0] == 413
            status, said = answer_to(port, "/api/v1/scans", size, key | PHOTO)
            assert (status, b'"status":413' in said.replace(b" ", b"")) == (413, True), said
        assert answer_to(port, "/api/v1/scans", 10 * MB, PHOTO)[0] == 401, "nobody's photo"
        assert answer_to(port, "/station", 10 * MB, PHOTO)[0] in (400, 403, 405), "a form without its token"


@pytest.mark.parametrize("most", [80 * MB, 2000 * MB])
def test_who_never_ends_or_hangs_up_meanwhile_keeps_nobody(tmp_path: Path, most: int) -> None:
    key = key_for(tmp_path)
    with serving(tmp_path) as (_, port):
        wait_for_port(port)
        with socket.create_connection(("127.0.0.1", port), timeout=60) as there:
            head = f"POST /api/v1/scans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\nContent-Length: {most}"
            there.sendall(f"{head}\r\n\r\n".encode() + b"x" * MB)
        assert answer_to(port, "/api/v1/scans", 100, {"Authorization": f"Bearer {key}", **PHOTO})[0] < 500


def test_who_is_refused_and_sends_slowly_keeps_few_threads_and_needs_no_key_for_more(tmp_path: Path) -> None:
    head = b"POST /api/v1/scans HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\nx"
    with serving(tmp_path, SUNSHINE_DEMO="0") as (_, port), ExitStack() as slow:
        wait_for_port(port)
        waiting = [
            slow.enter_context(socket.create_connection(("127.0.0.1", port), timeout=60)) for _ in range(THREADS + 4)
        ]
        for there in waiting:
            there.sendall(head)
        while len(waiting) > AT_ONCE:
            answered = select.select(waiting, [], [], 60)[0]
            assert answered, f"{len(waiting)} are waited for"
            assert {there.recv(12) for there in answered} == {b"HTTP/1.1 401"}
            waiting = [there for there in waiting if there not in answered]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=60) as answer:
            assert answer.status == 200
