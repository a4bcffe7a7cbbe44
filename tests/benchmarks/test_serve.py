"""The load generator over the application served in this process, and our side of the comparison with a peer."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from benchmarks import peer, serve
from benchmarks.stores import Opened, opened
from trace import create_app
from trace.config import load_settings


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opened]:
    """A small store."""
    with opened("sqlite", (600,), str(tmp_path_factory.mktemp("city"))) as stores:
        yield stores[600]


def test_every_kind_of_request_is_answered_under_load(city: Opened, tmp_path: Path) -> None:
    settings = {"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_DATABASE_URL": city.store.url, "SUNSHINE_DEMO": "0"}
    app = create_app(load_settings(settings | {"SUNSHINE_PROXIES": "1", "SUNSHINE_SCAN_SECONDS": "30"}))
    # One by one: with threads it keeps connections, and what comes on them next it takes for the rest of the last.
    server = make_server("127.0.0.1", 0, app)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        loads = serve.load_all(city, server.server_port, (2,), 0.2, lambda: [])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        app.extensions["sunshine"].store.close()
    assert list(loads) == ["public", "look-up", "scan", "photo"]
    for kind, levels in loads.items():
        row = levels["2"]
        assert (row["others"], row["requests"] >= 2, row["a_second"] > 0) == ({}, True, True), (kind, row)
        assert row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"], kind
    told = serve.lines({"sqlite": {"events": 600, "seconds": 0.2, "loads": loads}, "postgresql": {"skipped": "no"}})
    assert len(told) == 1 + len(loads) + 1


def test_our_side_of_the_comparison_takes_what_the_peer_takes_and_tells_of_it(tmp_path: Path) -> None:
    with peer.Ours(tmp_path).opened() as ours:
        figures = peer.measure({"ours": ours}, 100, 10, tmp_path)
    row = figures["sides"]["ours"]
    assert (figures["events"], row["events_told"]) == (100, 3), "made, packed, unpacked"
    assert len(peer.lines(figures)) == 2
