"""What is sent to a server that is going to be killed: documents of events, deliveries, sales, photos."""

import json
import random
import threading
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from benchmarks.documents import document, event
from benchmarks.drawn_photos import draw_label
from benchmarks.pharmacy_delivery import Scene, codes_of
from benchmarks.serving import NO_ANSWER, Caller
from storage.store import Store
from trace import clock
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import issue_key

CAPTURE, DELIVERY, SALE, PHOTO = "capture", "delivery", "sale", "photo"
KINDS = (CAPTURE, DELIVERY, SALE, PHOTO)
WEIGHTS = (4, 1, 4, 1)
MOST_EVENTS, MOST_CODES = 120, 40  # in a document, in a delivery; many rows are added in another way than a few
_MARK = "between-the-parts"


@dataclass(frozen=True, slots=True)
class Request:
    """One request of a kind; `key` names it, `things` are the events it captures or the packs it is about."""

    kind: str
    key: str
    path: str
    data: bytes
    content_type: str = "application/json"
    things: tuple[str, ...] = ()


@dataclass(slots=True)
class Sent:
    """A request that was sent; `answer` is None while none came (`answered` is False)."""

    request: Request
    answered: bool = False
    answer: Any = None


class Refused(Exception):
    """A request that should have been taken was refused: the benchmark itself is wrong, or the service is."""


class Crowd:
    """A partner's program, a pharmacy's goods-in and counters, a photographer: what they send, and what was answered.

    What is sent is drawn from a seed. Packs are sold only when their delivery is known to be kept, each of them once.
    """

    def __init__(self, store: Store, seed: int):
        self.scene = Scene(store, clock.now())
        partner = self.scene.town.organisation(OrganisationKind.FARM)
        with store.writing() as session:
            key = issue_key(session, role=Role.CLERK, organisation_id=partner.organisation, now=self.scene.town.now)
        self._keys = dict.fromkeys(KINDS, self.scene.key) | {CAPTURE: key}
        self._papers = self.scene.papers()
        self._draw = random.Random(seed)
        drawn = np.frombuffer(draw_label("qr", seed=seed).data, np.uint8)
        self._photo = np.asarray(cv2.imdecode(drawn, cv2.IMREAD_COLOR))
        self._made = Counter[str]()  # events, codes, and requests by kind
        self._shelf: deque[str] = deque()  # codes that are there and not sold
        self._lock = threading.Lock()

    def request(self) -> Request:
        """The next request of whoever asks."""
        with self._lock:
            (kind,) = self._draw.choices(KINDS, WEIGHTS)
            if kind == SALE and not self._shelf:
                kind = DELIVERY
            self._made[kind] += 1
            make = {CAPTURE: self._capture, DELIVERY: self._delivery, SALE: self._sale, PHOTO: self._photographed}
            return make[kind](self._made[kind])

    def caller(self, kind: str, port: int) -> Caller:
        """Who sends requests of a kind."""
        return Caller(port, self._keys[kind])

    def answered(self, sent: Sent, answer: Any) -> None:
        """Note an answer; what a delivery brought may be sold from now on."""
        with self._lock:
            if sent.request.kind == DELIVERY and not sent.answered:
                self._shelf.extend(sent.request.things)
            sent.answered, sent.answer = True, answer

    def _capture(self, number: int) -> Request:
        """A partner's document of some events."""
        first, count = self._made["events"], self._draw.randint(1, MOST_EVENTS)
        self._made["events"] += count
        ids = tuple(event(n)["eventID"] for n in range(first, first + count))
        return Request(CAPTURE, f"c-{number}", "/epcis/v2/capture", document(first, count), things=ids)

    def _delivery(self, number: int) -> Request:
        """Packs of one lot that come to the pharmacy, in one request."""
        codes = codes_of(self._made["codes"], self._draw.randint(5, MOST_CODES))
        self._made["codes"] += len(codes)
        data = json.dumps(self.scene.body(number, codes, self._papers)).encode()
        return Request(DELIVERY, f"d-{number}", "/api/v1/acceptances/whole", data, things=tuple(codes))

    def _sale(self, number: int) -> Request:
        """One to three packs that are scanned at a counter."""
        codes = [self._shelf.popleft() for _ in range(min(self._draw.randint(1, 3), len(self._shelf)))]
        data = json.dumps({"client_key": f"s-{number}", "codes": codes}).encode()
        return Request(SALE, f"s-{number}", "/api/v1/dispensings", data, things=tuple(codes))

    def _photographed(self, number: int) -> Request:
        """A photo that nobody sent before: a label, and a strip of grey of its own."""
        self._photo[:16, :256] = np.frombuffer(self._draw.randbytes(32), np.uint8).repeat(8)[None, :, None]
        data = cv2.imencode(".jpg", self._photo)[1].tobytes()
        head = f'--{_MARK}\r\nContent-Disposition: form-data; name="photo"; filename="{number}.jpg"\r\n\r\n'
        whole = head.encode() + data + f"\r\n--{_MARK}--\r\n".encode()
        return Request(PHOTO, f"p-{number}", "/api/v1/scans", whole, f"multipart/form-data; boundary={_MARK}")


def note_of(delivery: Request) -> str:
    """The number of a delivery's note."""
    return str(json.loads(delivery.data)["delivery_note"])


def send(sent: Sent, caller: Caller) -> Any:
    """Send a request: the answer. Raises one of `NO_ANSWER`, `Refused` for what is no success."""
    request = sent.request
    status, body = caller.post(request.path, request.data, request.content_type)
    if status == 503:
        raise ConnectionError("not now")  # nothing is said of what was kept: to be sent again
    if status not in (201, 202):
        raise Refused(f"{request.kind} {request.key}: {status} {body[:600].decode(errors='replace')}")
    return json.loads(body) if body else None


def begin(crowd: Crowd, port: int, clients: int, sent: list[Sent], faults: list[str]) -> list[threading.Thread]:
    """Start so many clients, threads that send until no answer comes; what they send is noted in `sent` beforehand."""

    def keep_on() -> None:
        callers = {kind: crowd.caller(kind, port) for kind in KINDS}
        try:
            while True:
                one = Sent(crowd.request())
                sent.append(one)
                crowd.answered(one, send(one, callers[one.request.kind]))
        except NO_ANSWER:
            return
        except Refused as refused:
            faults.append(str(refused))

    threads = [threading.Thread(target=keep_on, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    return threads
