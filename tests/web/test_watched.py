"""Every look of an inspector is written down, those in vain too; a shop's looks at its own records are not."""

from typing import Any

import pytest
from sqlalchemy import event

from tests.web.conftest import Demo

NO_ID = "0" * 26


def log(demo: Demo) -> list[tuple[str, str]]:
    """(what, subject) of the look-up log, the oldest first."""
    rows = demo.get("/look-ups", "auditor").json["look_ups"]
    return [(row["what"], row["subject"]) for row in reversed(rows)]


@pytest.mark.parametrize(
    "path", ["/trace?code=81502310069999999999", f"/receipts/{NO_ID}", f"/certificates/{NO_ID}", "/events/urn:uuid:x"]
)
def test_a_look_that_finds_nothing_is_written_down_and_still_refused(demo: Demo, path: str) -> None:
    before = demo.counts()
    assert demo.get(path, "inspector").status_code == 404
    after = demo.counts()
    assert {name for name in before if before[name] != after[name]} == {"lookup_log"}
    ((what, subject),) = log(demo)
    assert what == "nothing_found"
    assert path.partition("?")[0] in subject


def test_a_query_refused_for_what_it_would_have_found_is_written_down(demo: Demo) -> None:
    answer = demo.client.get("/epcis/v2/events?maxEventCount=1", headers=demo.headers("inspector"))
    assert answer.json["type"] == "epcisException:QueryTooLargeException"  # so there are more than one
    ((what, subject),) = log(demo)
    assert what == "query"
    assert "maxEventCount=1" in subject


def test_a_shops_look_in_vain_is_nobodys_business(demo: Demo) -> None:
    before = demo.counts()
    assert demo.get(f"/receipts/{NO_ID}", "clerk").status_code == 404
    assert demo.counts() == before


@pytest.mark.parametrize("path", ["/api/v1/trace?code=81502310064000000004", "/epcis/v2/events", "/epcis/v2/epcs"])
def test_an_inspectors_look_keeps_no_writer_waiting_while_it_reads(demo: Demo, path: str) -> None:
    sent: list[str] = []

    def note(_c: Any, _k: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    engine = demo.app.extensions["sunshine"].store.engine
    event.listen(engine, "before_cursor_execute", note)
    try:
        answer = demo.client.get(path, headers=demo.headers("inspector"))
    finally:
        event.remove(engine, "before_cursor_execute", note)
    assert answer.status_code == 200
    writing = [number for number, text in enumerate(sent) if text.startswith(("BEGIN IMMEDIATE", "INSERT"))]
    reading = [number for number, text in enumerate(sent) if text.startswith("SELECT")]
    assert len(reading) > 2
    assert min(writing) > max(reading)
    assert "INSERT INTO lookup_log" in sent[-1]
