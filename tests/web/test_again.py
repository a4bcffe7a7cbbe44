"""Two clients whose transactions wait for each other in a ring: both are answered, and what each asked is kept once."""

import io
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from flask import Flask, g, request, session
from flask_wtf.csrf import generate_csrf, validate_csrf
from sqlalchemy import insert, select, text, update
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from storage.store import Store
from storage.tables import api_key, ident
from tests.conftest import Databases, make_database, settings_for
from trace import clock, create_app
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import issue_key
from trace.services.organisations import create_organisation, get_organisation_row
from trace.web.access import public
from trace.web.parts import Parts

READ: dict[str, Callable[[], Any]] = {
    "json": lambda: request.get_json().pop("said"),  # a view may change what it was given
    "form": lambda: [request.form["said"], *(file.read().decode() for file in request.files.getlist("photo"))],
    "stream": lambda: request.stream.read().decode(),
    "nothing": lambda: None,
}


@dataclass
class Ring:
    """An application in which two requests meet: each changes one thing, waits for the other, and wants the second."""

    app: Flask
    store: Store
    met: threading.Barrier = field(default_factory=lambda: threading.Barrier(2))
    runs: list[str] = field(default_factory=list)

    def change(self, how: str, first: int, second: int) -> dict[str, Any]:
        """The view: what it read, and how often this browser's cookie says that it ran."""
        g.session.execute(text("SET LOCAL deadlock_timeout = '50ms'"))
        said = READ[how]()
        session["runs"] = session.get("runs", 0) + 1
        token = generate_csrf()
        for number in (first, second):
            g.session.execute(update(ident).where(ident.c.id == number).values(kind=ident.c.kind + 1))
            if number == first:
                self.runs.append(how)
                if len(self.runs) <= 2:
                    self.met.wait(timeout=30)
        return {"said": said, "runs": session["runs"], "token": token}

    def both(self, how: str, **more: Any) -> list[TestResponse]:
        """The answers to two clients that ask at once, in opposite orders."""

        def ask(order: tuple[int, int]) -> TestResponse:
            # Each brings files of its own: the test client closes what it sent.
            sent = {name: make() if callable(make) else make for name, make in more.items()}
            return self.app.test_client().post(f"/change/{how}/{order[0]}/{order[1]}", **sent)

        with ThreadPoolExecutor(2) as threads:
            return list(threads.map(ask, [(1, 2), (2, 1)]))

    def kept(self) -> list[int]:
        """How often each of the two things was changed."""
        with self.store.reading() as reading:
            return list(reading.scalars(select(ident.c.kind).order_by(ident.c.id)))


@pytest.fixture(scope="module")
def standing_app(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Flask, list[Ring]]]:
    url = make_database(databases, "postgresql")
    # As the owner, whom row-level security does not bind: nobody signs in here, and deadlocks are to be seen soon.
    made = create_app(replace(settings_for(url, tmp_path_factory.mktemp("again")), database_url=url))
    rings: list[Ring] = []

    @made.post("/change/<how>/<int:first>/<int:second>")
    @public
    def change(how: str, first: int, second: int) -> Any:
        return rings[-1].change(how, first, second)

    @made.get("/look")
    @public
    def look() -> Any:
        rings[-1].runs.append("look")
        if len(rings[-1].runs) == 1:
            with rings[-1].store.writing() as meanwhile:
                meanwhile.execute(update(api_key).values(revoked_at=clock.now()))
            g.session.execute(text("DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'serialization_failure'; END $$"))
        return {}

    yield made, rings
    made.extensions["sunshine"].store.close()


@pytest.fixture
def ring(standing_app: tuple[Flask, list[Ring]]) -> Ring:
    app, rings = standing_app
    parts: Parts = app.extensions["sunshine"]
    with parts.store.writing() as writing:
        writing.execute(ident.delete())
        writing.execute(insert(ident), [{"id": n, "uri": f"{n}", "kind": 0} for n in (1, 2)])
    rings.append(Ring(app, parts.store))
    return rings[-1]


def photos() -> dict[str, Any]:
    return {"said": "here", "photo": [(io.BytesIO(bytes([letter]) * 9), "a.jpg") for letter in b"xy"]}


@pytest.mark.parametrize(
    ("how", "sent", "said"),
    [
        ("json", {"json": {"said": "this"}}, "this"),
        ("form", {"data": photos}, ["here", "x" * 9, "y" * 9]),
        ("nothing", {}, None),
    ],
)
def test_of_two_in_a_ring_both_are_answered_and_each_is_kept_once(
    ring: Ring, how: str, sent: dict[str, Any], said: Any
) -> None:
    answers = ring.both(how, **sent)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert len(ring.runs) == 3, "the database ended one of the two, and it ran again"
    assert ring.kept() == [2, 2]
    assert [answer.json["said"] for answer in answers if answer.json] == [said, said]
    assert [answer.json["runs"] for answer in answers if answer.json] == [1, 1]


def test_the_token_on_the_page_is_that_of_the_cookie_that_came_with_it(ring: Ring) -> None:
    for answer in ring.both("nothing"):
        with ring.app.test_request_context(headers={"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}):
            assert answer.json is not None
            validate_csrf(answer.json["token"])


def test_a_body_that_was_read_as_a_stream_is_not_read_again_but_sent_again(ring: Ring) -> None:
    answers = ring.both("stream", data=b"once", content_type="application/octet-stream")
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    assert [answer.headers.get("Retry-After") for answer in answers if answer.status_code == 503] == ["3"]
    assert (len(ring.runs), ring.kept()) == (2, [1, 1])


def test_who_looks_is_found_out_anew_where_the_look_has_lost(ring: Ring) -> None:
    with ring.store.writing() as writing:
        card = create_organisation(writing, name="甲", kind=OrganisationKind.FARM, region="640502", now=clock.now())
        number = get_organisation_row(writing, card["id"]).id
        key = issue_key(writing, role=Role.CLERK, organisation_id=number, now=clock.now())
    answer = ring.app.test_client().get("/look", headers={"X-API-Key": key})
    assert (answer.status_code, ring.runs) == (302, ["look"]), "to the sign-in: the key was revoked in the first run"


def test_every_further_run_leaves_a_line_in_the_log(ring: Ring) -> None:
    with capture_logs() as said:
        ring.both("nothing")
    told = [line for line in said if line["event"] == "run_again"]
    assert [(line["kind"], line["attempt"]) for line in told] == [("DeadlockDetected", 1)]
    assert told[0]["request_id"] in {line["request_id"] for line in said if line["event"] == "request"}


def test_every_further_run_is_counted(ring: Ring) -> None:
    def counted() -> float:
        told = re.search(
            r'^sunshine_retries_total\{kind="DeadlockDetected"\} (\S+)$',
            ring.app.test_client().get("/metrics").text,
            re.M,
        )
        return float(told[1]) if told else 0.0

    before = counted()
    ring.both("nothing")
    assert counted() == before + 1
