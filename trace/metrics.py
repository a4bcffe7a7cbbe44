"""What is counted while the service runs, in the form Prometheus reads.

Every label is a word of our own code (a route, a class, a name of an entry in the log): what callers send is in none,
because each new word would be a new series for ever, and might be somebody's name.
Where several processes serve, Prometheus' own `PROMETHEUS_MULTIPROC_DIR` names the folder in which they count together.
"""

import os
from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
NO_ROUTE = "-"  # an address that leads nowhere, whatever it says
QUICK = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
SLOW = (0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)  # a photo has 1.5 s of work, thorough ones more

# When each series began would be one more series, and nobody asks for it.
disable_created_metrics()  # type: ignore[no-untyped-call]
registry = CollectorRegistry()
ProcessCollector(registry=registry)
REQUESTS = Counter(
    "sunshine_requests", "Requests answered, but for static files.", ("method", "route", "status"), registry=registry
)
REQUEST_SECONDS = Histogram(
    "sunshine_request_seconds", "Time to an answer.", ("route",), buckets=QUICK, registry=registry
)
CAPTURED = Counter("sunshine_events_captured", "Events stored for good.", registry=registry)
CAPTURE_SECONDS = Histogram(
    "sunshine_capture_seconds", "Time to store the events of one capture.", buckets=QUICK, registry=registry
)
REFUSED = Counter(
    "sunshine_events_refused", "Events refused, or whole captures for the sake of one.", ("kind",), registry=registry
)
PHOTOS = Counter("sunshine_photos_read", "Photos and pages that were read.", registry=registry)
PHOTO_SECONDS = Histogram("sunshine_photo_seconds", "Time to read one photo or page.", buckets=SLOW, registry=registry)
CODES = Counter(
    "sunshine_codes_read", "Codes read in photos, by the engine that read them.", ("engine",), registry=registry
)
EMPTY = Counter("sunshine_photos_without_code", "Photos and pages in which no code was found.", registry=registry)
ERRORS = Counter("sunshine_errors", "Requests that ended in a failure, by its class.", ("kind",), registry=registry)
RETRIES = Counter(
    "sunshine_retries", "Transactions that lost against another one and ran again.", ("kind",), registry=registry
)
LOOKS = Counter(
    "sunshine_replica_looks",
    "Looks that a replica may answer: ok where it did, else why the primary had to.",
    ("outcome",),
    registry=registry,
)
ENTRIES = Counter("sunshine_log_entries", "Entries in the log.", ("event", "level"), registry=registry)


def count_request(method: str, route: str, status: int, seconds: float) -> None:
    """One request answered; `route` is the rule of our own that it met, or `NO_ROUTE`."""
    REQUESTS.labels(method if method in METHODS else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(seconds)


def count_error(error: BaseException) -> None:
    """One failure that a request ended in, by its class: the database's own where that raised it."""
    ERRORS.labels(type(getattr(error, "orig", None) or error).__name__).inc()


def count_look(outcome: str) -> None:
    """One look that a replica answered, or why it did not (words of `storage.replicas`)."""
    LOOKS.labels(outcome).inc()


def count_capture(events: int, seconds: float) -> None:
    """So many events stored in one capture, its transaction kept."""
    CAPTURED.inc(events)
    CAPTURE_SECONDS.observe(seconds)


def count_refused(kind: str, events: int = 1) -> None:
    """Events that a capture did not take, by the class of the failure."""
    REFUSED.labels(kind).inc(events)


def count_photo(milliseconds: float, engines: Mapping[str, int]) -> None:
    """One page read, and by which engines how many codes were."""
    PHOTOS.inc()
    PHOTO_SECONDS.observe(milliseconds / 1000)
    for engine, codes in engines.items():
        CODES.labels(engine).inc(codes)
    if not engines:
        EMPTY.inc()


def count_entry(_logger: Any, level: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of the log: each entry counted by its name. So what storage and workers tell is counted, too."""
    ENTRIES.labels(str(entry["event"]), level).inc()
    if entry["event"] == "run_again":
        RETRIES.labels(str(entry.get("kind", NO_ROUTE))).inc()
    return entry


@dataclass(frozen=True, slots=True)
class Found:
    """Figures that were found out just now, not counted; in the shape that Prometheus' library reads."""

    metrics: Sequence[Metric]

    def collect(self) -> Iterable[Metric]:
        """The figures."""
        return self.metrics


def exposition(found: Sequence[Metric] = ()) -> bytes:
    """Everything counted so far, and the figures found out just now, in Prometheus' text format."""
    counted = registry
    if FOLDER in os.environ:
        counted = CollectorRegistry()
        MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    return bytes(generate_latest(counted) + generate_latest(Found(found)))
