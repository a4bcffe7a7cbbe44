"""Deliveries go over TLS to the public internet only, are signed, and end in time."""

import hashlib
import hmac
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT
from tests.receiver import receiving
from tests.servers import free_port
from trace.domain.failures import Invalid
from trace.services import webhooks
from trace.services.webhooks import Undelivered, deliver, is_public, parse_destination, sign

NOW = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)
BODY = '{"type":"EPCISQueryDocument","note":"阳光"}'.encode()


def send(url: str, *, token: str | None = None) -> int:
    """Deliver the body within an intranet."""
    return deliver(parse_destination(url, private=True), BODY, token=token, private=True, now=NOW)


# ---- where to ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "100.127.255.255", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.7", "203.0.113.9", "224.0.0.1",
        "239.255.255.250", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "64:ff9b::7f00:1", "64:ff9b::a00:1", "64:ff9b:1::1", "fc00::1",
        "fd12:3456::1", "fe80::1", "fec0::1", "ff02::1", "2001:db8::1", "2001::1", "2002:7f00:1::", "2002:a00:1::1",
        "3fff::1", "100::1", "4000::1",
    ],
)  # fmt: skip
def test_address_inside_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["1.1.1.1", "8.8.8.8", "223.5.5.5", "172.32.0.1", "100.128.0.1", "2400:3200::1", "64:ff9b::101:101"]
)
def test_address_on_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "", "receiver", "receiver.example.com/hook", "ftp://receiver.example.com/", "http://receiver.example.com/hook",
        "file:///etc/passwd", "//receiver.example.com/", "https://", "https:///hook", "https://localhost/",
        "https://localhost./", "https://intranet/", "https://printer.local/", "https://db.internal/",
        "https://a.localhost/", "https://127.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]/",
        "https://[fe80::1%25eth0]/", "https://169.254.169.254/latest/meta-data", "https://10.1.2.3:8443/",
        "https://receiver.example.com:25/", "https://receiver.example.com:0/", "https://receiver.example.com:99999/",
        "https://receiver.example.com:x/", "https://user@receiver.example.com/",
        "https://user:secret@receiver.example.com/", "https://@receiver.example.com/",
        "https://receiver.example.com\\@127.0.0.1/", "https://receiver.example.com/a b",
        "https://receiver.example.com/\r\nX: y", "https://receiver.example.com/\u5b57", " https://receiver.example.com/",
        "https://[bad/", "https://receiver.example.com/" + "a" * 2_000,
    ],
)  # fmt: skip
def test_destination_that_nothing_is_sent_to_is_refused(url: str) -> None:
    with pytest.raises(Invalid) as refused:
        parse_destination(url, private=False)
    assert refused.value.field == "dest"
    assert "secret" not in str(refused.value), "a password is not repeated"


@pytest.mark.parametrize("value", [None, 7, ["https://receiver.example.com/"], {}])
def test_destination_that_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        parse_destination(value, private=True)


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        ("https://receiver.example.com", "receiver.example.com", 443, "/"),
        ("https://Receiver.Example.com.:8443/a/b?key=%20#there", "receiver.example.com", 8443, "/a/b?key=%20"),
        ("https://1.1.1.1/hook", "1.1.1.1", 443, "/hook"),
        ("https://[2400:3200::1]:1024?x", "2400:3200::1", 1024, "/?x"),
    ],
)
def test_destination_is_taken_apart(url: str, host: str, port: int, target: str) -> None:
    found = parse_destination(url, private=False)
    assert (found.host, found.port, found.target, found.secure) == (host, port, target, True)


def test_intranet_takes_plain_http_on_any_port_and_still_no_password() -> None:
    assert parse_destination("http://localhost:81/hook", private=True).port == 81
    with pytest.raises(Invalid):
        parse_destination("http://user:secret@localhost/", private=True)


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::1"], ["::ffff:192.168.0.1"]])
def test_name_that_leads_inside_is_not_connected_to(addresses: list[str]) -> None:
    """One bad address among good ones is enough; and a number that is an address (2130706433) is a name, too."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        port = inside.getsockname()[1]
        inside.settimeout(0)
        destination = parse_destination(f"https://rebound.example.com:{port}/", private=False)
        with pytest.raises(Undelivered, match=r"rebound\.example\.com leads to an address that is not"):
            deliver(destination, BODY, token=None, private=False, now=NOW, find=lambda _host, _port: addresses)
        with pytest.raises(BlockingIOError):
            inside.accept()  # nobody knocked


def test_number_that_means_this_machine_leads_inside() -> None:
    assert "127.0.0.1" in webhooks.resolve("2130706433", 443)
    with pytest.raises(Invalid):
        parse_destination("https://2130706433/", private=False)


def test_name_is_looked_up_once_and_its_judged_address_is_called() -> None:
    asked = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with receiving() as receiver:
        destination = parse_destination(f"http://receiver.example.com:{receiver.port}/hook?a=1", private=True)
        status = deliver(destination, BODY, token=None, private=True, now=NOW, find=rebinding)
    (request,) = receiver.requests
    assert (status, asked, request.path, request.body) == (204, ["receiver.example.com"], "/hook?a=1", BODY)
    assert request.headers["Host"] == f"receiver.example.com:{receiver.port}"


def test_next_address_of_a_name_is_called_when_one_is_dead() -> None:
    with receiving() as receiver:
        destination = parse_destination(f"http://receiver.example.com:{receiver.port}/", private=True)
        found = ["127.0.0.2", "127.0.0.1"]  # nobody listens on the first
        assert deliver(destination, BODY, token=None, private=True, now=NOW, find=lambda *_: found) == 204


# ---- what is sent, what is answered --------------------------------------------------------------------------------


def test_signature_is_verified_as_the_documentation_says() -> None:
    with receiving() as receiver:
        assert send(receiver.url, token="令牌-13df38d8") == 204
    (request,) = receiver.requests
    found = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers["GS1-Signature"])
    assert found is not None
    wanted = hmac.new("令牌-13df38d8".encode(), found[1].encode() + b"." + request.body, hashlib.sha256).hexdigest()
    assert hmac.compare_digest(found[2], wanted)
    assert int(found[1]) == NOW.timestamp()


def test_receivers_code_in_the_documentation_tells_genuine_deliveries_from_others() -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "subscriptions.md").read_text(), re.DOTALL)
    known: dict[str, Any] = {"hmac": hmac, "hashlib": hashlib, "time": time}
    exec(code, known)
    is_genuine, now = known["is_genuine"], datetime.now(UTC)
    assert is_genuine(sign(BODY, "令牌", now), BODY, "令牌")
    assert not is_genuine(sign(BODY, "令牌", now), BODY + b" ", "令牌")
    assert not is_genuine(sign(BODY, "another", now), BODY, "令牌")
    assert not is_genuine(sign(BODY, "令牌", now - timedelta(hours=1)), BODY, "令牌")


def test_signature_says_another_thing_for_another_body_moment_or_token() -> None:
    later = NOW.replace(second=1)
    signatures = {sign(BODY, "a", NOW), sign(BODY + b" ", "a", NOW), sign(BODY, "a", later), sign(BODY, "b", NOW)}
    assert len(signatures) == 4


def test_delivery_without_token_is_not_signed() -> None:
    with receiving() as receiver:
        send(receiver.url)
    (request,) = receiver.requests
    assert "GS1-Signature" not in request.headers
    assert request.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("status", [200, 204, 400, 413, 500])
def test_status_of_the_receiver_is_told_whatever_it_is(status: int) -> None:
    with receiving(status) as receiver:
        assert send(receiver.url) == status


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(status: int) -> None:
    with receiving(status) as receiver:
        assert send(receiver.url) == status
    assert [request.path for request in receiver.requests] == ["/hook"]


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    with receiving() as receiver:
        assert send(receiver.url) == 204


def test_refusal_before_all_is_sent_is_an_answer() -> None:
    body = b" " * 20_000_000
    with socket.create_server(("127.0.0.1", 0)) as server:

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1_000)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(1_000_000):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        destination = parse_destination(f"http://127.0.0.1:{server.getsockname()[1]}/", private=True)
        assert deliver(destination, body, token=None, private=True, now=NOW) == 413
        thread.join(timeout=60)


def answering(answer: bytes, *, forever: bool = False) -> tuple[socket.socket, threading.Thread]:
    """A server that answers one call with these bytes and closes; or says them again until nobody listens."""
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection, server, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(answer)
            while forever:
                connection.sendall(answer)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    return server, thread


@pytest.mark.parametrize("answer", [b"", b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 two hundred\r\n\r\n", b"\x00" * 100_000])
def test_answer_that_is_none_is_no_delivery(answer: bytes) -> None:
    server, thread = answering(answer)
    with pytest.raises(Undelivered, match=r"127\.0\.0\.1 did not answer: "):
        send(f"http://127.0.0.1:{server.getsockname()[1]}/")
    thread.join(timeout=60)


def test_endless_answer_is_read_to_a_bound_only() -> None:
    server, thread = answering(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"a" * 8_192)
    assert send(f"http://127.0.0.1:{server.getsockname()[1]}/") == 200
    thread.join(timeout=60)


def test_nobody_there_is_no_delivery() -> None:
    with pytest.raises(Undelivered, match="refused"):
        send(f"http://127.0.0.1:{free_port()}/")


def test_name_that_nobody_has_is_no_delivery() -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    destination = parse_destination("https://nowhere.example.com/", private=False)
    with pytest.raises(Undelivered, match=r"nowhere\.example\.com did not answer: Name or service not known"):
        deliver(destination, BODY, token=None, private=False, now=NOW, find=unknown)


def test_receiver_that_only_ever_begins_to_answer_is_left_when_the_time_is_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhooks, "TOTAL_SECONDS", 0.05)
    server, thread = answering(b"HTTP/1.1 100 Continue\r\n\r\n", forever=True)
    with pytest.raises(Undelivered, match="did not answer"):
        send(f"http://127.0.0.1:{server.getsockname()[1]}/")
    thread.join(timeout=60)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Undelivered, match="did not answer"):
        send(f"http://127.0.0.1:{silent.getsockname()[1]}/")


# ---- TLS -----------------------------------------------------------------------------------------------------------


def test_plain_server_is_not_spoken_to_over_https() -> None:
    with receiving() as receiver, pytest.raises(Undelivered, match=r"127\.0\.0\.1 did not answer"):
        send(f"https://127.0.0.1:{receiver.port}/")
    assert receiver.requests == []


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Path]]:
    """(certificate, key) of receiver.example.com, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no certificate can be made: the program openssl is not installed")
    folder = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "3650", "-subj", "/CN=receiver", "-addext", "subjectAltName=DNS:receiver.example.com",
            "-keyout", str(folder / "key"), "-out", str(folder / "certificate"),
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    yield folder / "certificate", folder / "key"


def call_over_tls(certificate: tuple[Path, Path], host: str, trust: ssl.SSLContext | None) -> int:
    """Deliver over TLS to a receiver with this certificate, under a name that leads to it."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(*certificate)
    with receiving(tls=server) as receiver:
        destination = parse_destination(f"https://{host}:{receiver.port}/", private=True)
        return deliver(
            destination, BODY, token="t", private=True, now=NOW, find=lambda *_: ["127.0.0.1"], trust=trust
        )  # fmt: skip


def test_certificate_of_the_name_that_is_trusted_will_do(certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    assert call_over_tls(certificate, "receiver.example.com", trust) == 204


def test_certificate_of_another_name_will_not_do(certificate: tuple[Path, Path]) -> None:
    trust = ssl.create_default_context(cafile=str(certificate[0]))
    with pytest.raises(
        Undelivered, match=r"The certificate of other\.example\.com cannot be trusted: Hostname mismatch"
    ):
        call_over_tls(certificate, "other.example.com", trust)


def test_certificate_that_nobody_vouches_for_will_not_do(certificate: tuple[Path, Path]) -> None:
    with pytest.raises(Undelivered, match=r"The certificate of receiver\.example\.com cannot be trusted: self"):
        call_over_tls(certificate, "receiver.example.com", None)
