"""Sending to addresses that strangers name: over TLS, to the public internet only, within a time, signed.

The address is the subscriber's, so whatever it names is suspect (SSRF): only `https`, no credentials in it, and no
host of ours. The name is resolved once, every address it has is judged, and the connection goes to the address that
was judged: a name that changes its mind in between (DNS rebinding) changes nothing. Redirects are not followed. The
certificate is verified for the name. With `private` (setting SUNSHINE_WEBHOOK_PRIVATE, for an intranet) any address
and plain `http` will do.

How a receiver verifies the header `GS1-Signature: t=1764147600,v1=5257a8...`: take the text after `t=` (seconds since
1970), a full stop and the body's bytes as they came; their HMAC-SHA256 under the subscription's `signatureToken`
(UTF-8), in lower-case hexadecimal, is the text after `v1=`. Compare in constant time, and refuse a `t` that is more
than a few minutes old, else a recorded delivery could be played again.
"""

import hashlib
import hmac
import http.client
import ipaddress
import os
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import SplitResult, urlsplit

from trace.domain.failures import N_, Failure, Invalid

CONNECT_SECONDS = 5.0
READ_SECONDS = 10.0  # between two packets
TOTAL_SECONDS = 20.0  # from the first packet to the last
LONGEST_ADDRESS = 2_000
ANSWER_BYTES = 4_096  # of the answer's body are taken from the wire, and none is kept
LOWEST_PORT = 1_024  # below it are only other programs' ports: nobody posts to a mail server through us
_PRINTABLE = re.compile(r"[!-~]+")
_GLOBAL_6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_NOT_GLOBAL_6 = [ipaddress.ip_network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")]

Resolve = Callable[[str, int], Sequence[str]]


class Undelivered(Failure):
    """The receiver did not take it: try again later."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where to deliver, as it was given and taken apart; `host` is ASCII, without brackets."""

    url: str
    secure: bool
    host: str
    port: int
    target: str


@dataclass(frozen=True, slots=True)
class Sending:
    """A request; `target` is the path where it is another than the destination's."""

    method: str
    body: bytes | None
    headers: Mapping[str, str]
    target: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the body as far as it was wanted."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def parse_destination(text: object, *, private: bool, field: str = "dest") -> Destination:
    """A receiver's address. Raises `Invalid`, of `field`, for one that nothing is ever sent to; no network is asked.

    Where the name leads is judged with each delivery (`deliver`), for names change.
    """
    if not isinstance(text, str) or not _PRINTABLE.fullmatch(text) or len(text) > LONGEST_ADDRESS or "\\" in text:
        raise Invalid(
            N_("The address is one such as https://receiver.example.com/epcis, of at most {most} characters."),
            field=field,
            most=LONGEST_ADDRESS,
        )
    try:
        parts = urlsplit(text)
        port = parts.port
        host = (parts.hostname or "").rstrip(".")
    except ValueError as fault:
        raise Invalid(N_("The address names no host and port that can be read."), field=field) from fault
    if parts.scheme not in (("https", "http") if private else ("https",)):
        raise Invalid(N_("The address must begin with https://; what is sent is nobody else's to read."), field=field)
    if not host or port == 0 or "%" in host:
        raise Invalid(N_("The address names no host and port that can be read."), field=field)
    if parts.username is not None or parts.password is not None:
        raise Invalid(
            N_("The address must not hold a user name or password; the signature says who sends."), field=field
        )
    destination = _destination(text, parts, host, port)
    if not private:
        _check_public(destination, field)
    return destination


def _destination(url: str, parts: SplitResult, host: str, port: int | None) -> Destination:
    secure = parts.scheme == "https"
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination(url, secure, host, port or (443 if secure else 80), target)


def _check_public(destination: Destination, field: str) -> None:
    if destination.port != 443 and destination.port < LOWEST_PORT:
        raise Invalid(
            N_("The address names the port {port}; events are sent to port 443 or to one from {lowest}."),
            field=field,
            port=destination.port,
            lowest=LOWEST_PORT,
        )
    try:
        public = is_public(destination.host)
    except ValueError:  # a name: a number that only looks like one (2130706433) is judged when it is resolved
        public = "." in destination.host and not destination.host.endswith((".localhost", ".local", ".internal"))
    if not public:
        raise Invalid(
            N_("The address names {host}, which is no host on the public internet."),
            field=field,
            host=destination.host,
        )


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet. Raises `ValueError` for a text that is no address.

    Not public: private, loopback, link-local (the metadata services of clouds), shared (RFC 6598), multicast, reserved,
    documentation; and IPv6 that wraps an IPv4 address (mapped, NAT64) which is not, or may reach one (6to4, Teredo).
    """
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv4Address):
        return found.is_global and not found.is_multicast and not found.is_reserved
    if found.ipv4_mapped is not None:
        return is_public(str(found.ipv4_mapped))
    if found in _NAT64:
        return is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)))
    return found in _GLOBAL_6 and found.is_global and not any(found in net for net in _NOT_GLOBAL_6)


def resolve(host: str, port: int) -> list[str]:
    """Every address of a name, in the order in which they are to be tried. Raises `OSError` if it has none."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(info[4][0]).partition("%")[0] for info in found))


def sign(body: bytes, token: str, now: datetime) -> str:
    """The value of GS1-Signature for a body sent now (see the top of this file)."""
    moment = int(now.timestamp())
    digest = hmac.new(token.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def deliver(
    destination: Destination,
    body: bytes,
    *,
    token: str | None,
    private: bool,
    now: datetime,
    find: Resolve = resolve,
    trust: ssl.SSLContext | None = None,
) -> int:
    """POST JSON bytes; the receiver's status, of whatever kind. Raises `Undelivered` if none came within the time.

    `find` resolves names, `trust` holds the certificates to believe; where absent they are those of the machine.
    """
    headers = {"Content-Type": "application/json", "GS1-EPCIS-Version": "2.0.0", "GS1-CBV-Version": "2.0.0"}
    if token:
        headers["GS1-Signature"] = sign(body, token, now)
    sent = Sending("POST", body, headers)
    answer = exchange(destination, sent, private=private, most=ANSWER_BYTES, whole=False, find=find, trust=trust)
    return answer.status


def exchange(
    destination: Destination,
    sending: Sending,
    *,
    private: bool,
    most: int,
    whole: bool = True,
    find: Resolve = resolve,
    trust: ssl.SSLContext | None = None,
) -> Answer:
    """Send a request and read at most so many bytes of its answer.

    Raises `Undelivered` if no answer came within the time, or, where the `whole` one is wanted, none up to its end:
    a receiver that died in the middle of it said nothing.
    """
    headers = {"User-Agent": "Sunshine-Trace", "Connection": "close", **sending.headers}
    try:
        addresses = find(destination.host, destination.port)
        if not private and not all(map(is_public, addresses)):
            raise Undelivered(
                N_("{host} leads to an address that is not on the public internet."), host=destination.host
            )
        with closing(_connect(addresses, destination.port)) as plain, _deadline(plain, TOTAL_SECONDS):
            connection = _http(destination, plain, trust)
            with closing(connection):
                with suppress(
                    BrokenPipeError, ConnectionResetError
                ):  # a refusal before all was sent (413) is an answer
                    connection.request(sending.method, sending.target or destination.target, sending.body, headers)
                with connection.getresponse() as answer:
                    return Answer(answer.status, dict(answer.getheaders()), _read(answer, most, whole))
    except ssl.SSLCertVerificationError as fault:
        raise Undelivered(
            N_("The certificate of {host} cannot be trusted: {why}."), host=destination.host, why=fault.verify_message
        ) from fault
    except (OSError, http.client.HTTPException, ValueError) as fault:
        # ValueError: a name that is none, or a connection that the deadline closed under the reader.
        raise Undelivered(N_("{host} did not answer: {why}."), host=destination.host, why=_reason(fault)) from fault


def _read(answer: http.client.HTTPResponse, most: int, whole: bool) -> bytes:
    if not whole:
        with suppress(OSError, http.client.HTTPException, ValueError):  # the status is all we want of it
            return answer.read(most)
        return b""
    body = answer.read(most)
    if answer.length and len(body) < most:  # `read` of so many bytes raises nothing where the rest never comes
        raise http.client.IncompleteRead(body, answer.length)
    return body


def _connect(addresses: Sequence[str], port: int) -> socket.socket:
    """A connection to the first of these addresses that takes one; no name is looked up again."""
    failure: OSError = ConnectionError("no address")
    for address in addresses[:4]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        plain.settimeout(CONNECT_SECONDS)
        try:
            plain.connect((address, port))
        except OSError as fault:
            plain.close()
            failure = fault
        else:
            plain.settimeout(READ_SECONDS)
            return plain
    raise failure


def _http(destination: Destination, plain: socket.socket, trust: ssl.SSLContext | None) -> http.client.HTTPConnection:
    """HTTP over a connection that stands already; the class opens none of its own."""
    if not destination.secure:
        connection = http.client.HTTPConnection(destination.host, destination.port)
        connection.sock = plain
        return connection
    context = trust or ssl.create_default_context()
    secured = http.client.HTTPSConnection(destination.host, destination.port, context=context)
    secured.sock = context.wrap_socket(plain, server_hostname=destination.host)
    return secured


@contextmanager
def _deadline(plain: socket.socket, seconds: float) -> Iterator[None]:
    """Cut the connection when the time is over: timeouts of a socket begin anew with every byte that drips in."""
    # A second handle on the connection: the first one passes into the TLS layer, which is not ours to touch meanwhile.
    handle = socket.socket(fileno=os.dup(plain.fileno()))

    def cut() -> None:
        with suppress(OSError):  # it ended by itself
            handle.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        handle.close()


def _reason(fault: Exception) -> str:
    if isinstance(fault, TimeoutError):
        return "no answer in time"
    return str(getattr(fault, "strerror", None) or fault or type(fault).__name__)[:200]
