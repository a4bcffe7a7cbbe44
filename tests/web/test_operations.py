"""What those who run the service ask it: health, figures, the number of a request; and who is told what."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO, StringIO
from pathlib import Path
from uuid import UUID

import pytest
import structlog
import yaml
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from storage.objects import open_objects
from tests.conftest import ROOT
from tests.scanners.drawing import corner_marked, file_of
from tests.servers import free_port
from tests.web.conftest import Demo
from tests.web.epcis.conftest import Partner, event
from trace.log import set_up_log
from trace.web.parts import Parts

TOKEN = "a-token-of-these-tests"
NUMBER = "0123456789abcdef0123456789abcdef"
PROBES = ("/health", "/health/live", "/health/ready")
FIGURE = r"(?:sunshine|process)_\w+"
FAR = {"X-Forwarded-For": "203.0.113.9"}


def figures(client: FlaskClient) -> dict[str, float]:
    """Every sample that is told: {"name label=value ...": value}."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        sample.name + "".join(f" {name}={value}" for name, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def grown(before: dict[str, float], after: dict[str, float]) -> dict[str, float]:
    """What was counted meanwhile."""
    return {name: value - before.get(name, 0) for name, value in after.items() if value != before.get(name, 0)}


def change(demo: Demo, **values: object) -> None:
    """Give the application other parts, or other settings."""
    parts: Parts = demo.app.extensions["sunshine"]
    settings = {name: values.pop(name) for name in tuple(values) if hasattr(parts.settings, name)}
    demo.app.extensions["sunshine"] = replace(parts, settings=replace(parts.settings, **settings), **values)  # type: ignore[arg-type]


def test_requests_events_photos_and_failures_are_counted(demo: Demo) -> None:
    partner, before = Partner(demo, "clerk"), figures(demo.client)
    good, other = event(), event()
    assert partner.capture(good, other).status_code == 202
    assert partner.capture(good).status_code == 202, "the same again is stored once, and counted once"
    assert partner.capture(good | {"disposition": "in_progress"}).status_code == 409
    assert demo.call("POST", "/scans", data={"photo": (BytesIO(file_of(corner_marked())), "a.jpg")}).status_code == 201
    demo.get("/nowhere")
    told = grown(before, figures(demo.client))
    assert told["sunshine_events_captured_total"] == 2
    assert told["sunshine_capture_seconds_count"] == 1
    assert told["sunshine_events_refused_total kind=Conflict"] == 1
    assert told["sunshine_errors_total kind=Conflict"] == 1
    assert told["sunshine_photos_read_total"] == told["sunshine_photo_seconds_count"] == 1
    assert told["sunshine_photos_without_code_total"] == 1
    assert told["sunshine_requests_total method=POST route=/epcis/v2/capture status=202"] == 2
    assert told["sunshine_request_seconds_count route=/epcis/v2/capture"] == 3
    assert told["sunshine_requests_total method=GET route=- status=404"] == 1
    assert told["sunshine_log_entries_total event=request level=info"] == 6


def test_what_is_rolled_back_is_not_counted(demo: Demo) -> None:
    before = figures(demo.client)
    events = [event() for _ in range(2)]
    refused = Partner(demo, "clerk").capture(*events, event(eventTime="2999-01-01T00:00:00+08:00"))
    assert refused.status_code == 400
    told = grown(before, figures(demo.client))
    assert "sunshine_events_captured_total" not in told
    assert told["sunshine_events_refused_total kind=Invalid"] == 1


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_no_figure_holds_what_a_caller_sent(demo: Demo) -> None:
    for method, path in (("GET", "/nowhere/Wang-Mou"), ("WANGMOU", "/"), ("GET", "/t/WangMou"), ("GET", "/?wangmou=1")):
        demo.client.open(path, method=method, headers={"User-Agent": "wangmou", "X-Request-ID": "wangmou"})
    demo.get("/me", None, headers={"Authorization": "Bearer wangmou"})
    assert "wang" not in demo.client.get("/metrics").text.lower()


def series(client: FlaskClient) -> set[str]:
    """The names of all that /metrics tells, with what Prometheus' types put behind them."""
    ends = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}
    families = text_string_to_metric_families(client.get("/metrics").text)
    return {family.name + end for family in families for end in ends[family.type]}


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_every_figure_of_the_dashboard_exists(demo: Demo) -> None:
    text_ = (ROOT / "deploy" / "grafana" / "sunshine.json").read_text(encoding="utf-8")
    asked = [target["expr"] for panel in json.loads(text_)["panels"] for target in panel.get("targets", ())]
    shown = {name for expression in asked for name in re.findall(FIGURE, expression)}
    assert len(asked) > 20
    assert shown - series(demo.client) == set()
    families = text_string_to_metric_families(demo.client.get("/metrics").text)
    ours = {family.name for family in families if family.name.startswith("sunshine_")}
    assert {name for name in ours if not any(one.startswith(name) for one in shown)} == set(), "figures nobody sees"


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_every_figure_of_the_alerts_exists(demo: Demo) -> None:
    text_ = (ROOT / "deploy" / "sunshine-alerts.yml").read_text(encoding="utf-8")
    asked = [rule["expr"] for group in yaml.safe_load(text_)["groups"] for rule in group["rules"]]
    named = {name for expression in asked for name in re.findall(FIGURE, expression)}
    assert len(named) > 7
    assert named - series(demo.client) == set()


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_figures_and_details_are_for_this_machine_or_for_who_bears_the_token(demo: Demo) -> None:
    assert demo.client.get("/metrics").status_code == 200
    assert demo.client.get("/metrics", headers=FAR).status_code == 403
    assert demo.client.get("/metrics", headers={"Via": "1.1 proxy"}).status_code == 403
    assert demo.client.get("/metrics", environ_overrides={"REMOTE_ADDR": "203.0.113.9"}).status_code == 403
    assert "engines" in demo.client.get("/health").json
    for path in PROBES:
        assert demo.client.get(path, headers=FAR).json == {"status": "ok"}
    change(demo, metrics_token=TOKEN)
    for headers in ({}, FAR, {"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": f"Basic {TOKEN}"}):
        refused = demo.client.get("/metrics", headers=headers)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert demo.client.get("/health/ready", headers=headers).json == {"status": "ok"}
    bearer = FAR | {"Authorization": f"Bearer {TOKEN}"}
    assert demo.client.get("/metrics", headers=bearer).status_code == 200
    assert "engines" in demo.client.get("/health/ready", headers=bearer).json


def test_a_store_of_another_version_is_not_ready(demo: Demo) -> None:
    assert demo.client.get("/health/ready").json["migrations"] == "ok"
    with demo.owner.writing() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '0005'"))
    answer = demo.client.get("/health/ready")
    assert (answer.status_code, answer.headers["Retry-After"], answer.json["status"]) == (503, "3", "failing")
    assert "0005" in answer.json["migrations"]
    assert demo.client.get("/health/ready", headers=FAR).json == {"status": "failing"}
    assert demo.client.get("/health/live").status_code == 200


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_photos_that_wait_for_their_store_are_told_and_work_goes_on(demo: Demo, tmp_path: Path) -> None:
    gone = open_objects(f"s3://key:secret@127.0.0.1:{free_port()}/photos?secure=0", spool=tmp_path / "spool")
    change(demo, objects=gone)
    assert demo.call("POST", "/scans", data={"photo": (BytesIO(file_of(corner_marked())), "a.jpg")}).status_code == 201
    answer = demo.client.get("/health/ready")
    assert (answer.status_code, answer.json["status"]) == (200, "ok")
    assert (answer.json["objects"], answer.json["photos_waiting"]) == ("the store does not answer", 1)
    assert figures(demo.client)["sunshine_photos_waiting"] == 1
    change(demo, objects=open_objects(f"s3://key:secret@127.0.0.1:{free_port()}/photos?secure=0"))
    assert demo.client.get("/health/ready").status_code == 503, "without a place to wait nothing can be photographed"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the application writes to its log, as it writes it."""
    set_up_log()
    written = StringIO()
    structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=written))
    yield written
    set_up_log()


@pytest.mark.parametrize("demo", ["sqlite"], indirect=True)
def test_a_request_keeps_the_number_its_proxy_gave_it_if_that_is_one(demo: Demo, log: StringIO) -> None:
    for number in (NUMBER, str(UUID(NUMBER))):
        answer = demo.get("/nowhere", headers={"X-Request-ID": number})
        assert answer.headers["X-Request-ID"] == number
        assert answer.json["instance"] == UUID(NUMBER).urn
    for wrong in ("", "王某某", "81502310064000000010", NUMBER + "0", NUMBER.upper(), "st_0123456789"):
        answer = demo.get("/nowhere", headers={"X-Request-ID": wrong})
        assert str(UUID(answer.headers["X-Request-ID"])) == answer.headers["X-Request-ID"]
    entries = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [entry["request_id"] for entry in entries][:2] == [NUMBER, str(UUID(NUMBER))]
    assert all(entry["milliseconds"] >= 0 for entry in entries)
