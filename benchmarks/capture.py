"""Documents of 1,000 events through `POST /epcis/v2/capture`, against bare writes of the same bytes.

The bare write is the least a store could do: COPY (PostgreSQL) or `executemany` (SQLite) of the events' documents into
one table without any key, and, told beside it, of the rows of all tables of facts, without keys and with the store's
own (`benchmarks.bare`). All take turns document by document, in stores of several sizes in turn; what is told are
medians of processor time, of this process and of its server together, which others' work hardly changes. A document
goes the whole way (reading, validation, hash, indices, stock, commit); its database stage are the statements and
commits of it.
"""

import argparse
import gc
import statistics
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

from flask.testing import FlaskClient

from benchmarks.bare import Mark, documents_in, prepare_bare, prepare_kept, rows_since, write_bare
from benchmarks.documents import document
from benchmarks.processor import Clock, DatabaseStage, counting_log
from benchmarks.stores import Opened, measured, on_both
from storage.store import Store
from storage.tenancy import EVERYTHING
from trace import clock, create_app
from trace.collector import settle
from trace.config import load_settings
from trace.domain.permissions import Role
from trace.services.keys import issue_key

NAME = "capture"
EVENTS, DOCUMENTS = 1_000, 12
WARM = 3  # documents before the first that counts: statements are compiled and planned, pages made
SIZES = (10_000,)
COPIED = 1_000_000  # a larger store takes longer to be copied than all else of the benchmark


def add_options(_parser: Any) -> None:
    """None of its own: `--size` and `--folder` are everybody's."""


def run(asked: argparse.Namespace) -> dict[str, Any]:
    """{backend: figures, or why it could not run}."""
    return on_both(asked, SIZES, measure)


def measure(stores: Mapping[int, Opened], documents: int = DOCUMENTS, events: int = EVENTS) -> dict[str, Any]:
    """{size: figures}, and the growth of the processor time from the smallest store to each larger one."""
    with ExitStack() as stack:
        sides = {size: stack.enter_context(_side(one)) for size, one in stores.items()}
        settle()
        for number in range(WARM + documents):
            if number == WARM:
                for side in sides.values():
                    side.taken.clear()
                    side.bytes.update(log=0, kept_log=0, documents=0)
            for side in sides.values():
                side.turn(number * events, events)
        sizes = {str(size): side.figures(events) for size, side in sides.items()}
    first, *others = sizes
    growth = {f"{first} to {size}": round(sizes[size]["whole"] / sizes[first]["whole"], 2) for size in others}
    return {"documents": documents, "events_a_document": events, "sizes": sizes, "growth": growth}


@contextmanager
def _side(opened: Opened) -> Iterator["_Side"]:
    with tempfile.TemporaryDirectory() as folder:
        url = opened.store.engine.url.render_as_string(hide_password=False).replace("+psycopg", "")
        app = create_app(load_settings({"SUNSHINE_DATA": folder, "SUNSHINE_DATABASE_URL": url, "SUNSHINE_DEMO": "0"}))
        store = app.extensions["sunshine"].store.seeing(EVERYTHING)
        try:
            yield _Side(store, app.test_client(), opened)
        finally:
            store.close()


class _Side:
    """One store that is filled further: what each document and its bare writes take."""

    def __init__(self, store: Store, client: FlaskClient, opened: Opened):
        self.store, self.client = store, client
        with store.writing() as session:
            organisation = opened.filled.actors[0].organisation
            self.key = issue_key(session, role=Role.CLERK, organisation_id=organisation, now=clock.now())
        self.held = opened.filled.events
        prepare_bare(store.engine)
        self.copied = self.held <= COPIED
        if self.copied:
            prepare_kept(store)
        self.clock = Clock(store)
        self.stage = DatabaseStage(store, self.clock)
        self.taken: list[dict[str, float]] = []  # processor seconds of each document and of its bare writes
        self.bytes = {"log": 0, "kept_log": 0, "documents": 0}

    def turn(self, first: int, events: int) -> None:
        """Capture one document, and write the same bytes bare."""
        data = document(first, events)
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}

        def post() -> None:
            answer = self.client.post("/epcis/v2/capture", data=data, headers=headers)
            assert answer.status_code == 202, answer.text

        mark = Mark(self.store)
        gc.collect()
        gc.freeze()
        with counting_log(self.store, self.bytes):
            before = self.stage.seconds
            whole = self.clock.of(post)
        stage = self.stage.seconds - before
        rows = rows_since(self.store, mark)
        alone = documents_in(rows)
        assert len(alone["documents"]) == events
        self.bytes["documents"] += sum(len(told) for (told,) in alone["documents"])
        taken = {"whole": whole, "database_stage": stage}
        with self.store.engine.connect() as connection:
            connection.connection  # noqa: B018 - checked out now, not while it is timed
            taken["bare_documents"] = self.clock.of(lambda: write_bare(connection, alone))
            taken["bare_rows"] = self.clock.of(lambda: write_bare(connection, rows))
        if self.copied:
            with counting_log(self.store, self.bytes, "kept_log"), self.store.engine.connect() as connection:
                connection.connection  # noqa: B018
                taken["kept_rows"] = self.clock.of(lambda: write_bare(connection, rows, "kept"))
        self.taken.append(taken)

    def figures(self, events: int) -> dict[str, Any]:
        """Microseconds an event, and what they are times the bare writes; both of each turn, and their medians."""
        found: dict[str, Any] = {
            name: round(statistics.median(taken[name] for taken in self.taken) / events * 1e6, 1)
            for name in self.taken[0]
        }
        for name, bare in (("documents", "bare_documents"), ("rows", "bare_rows"), ("kept", "kept_rows")):
            if bare in found:
                found[f"whole_to_{name}"] = self._ratio("whole", bare)
                found[f"stage_to_{name}"] = self._ratio("database_stage", bare)
        found["log_to_documents"] = round(self.bytes["log"] / self.bytes["documents"], 2)
        if self.copied:
            found["kept_log_to_documents"] = round(self.bytes["kept_log"] / self.bytes["documents"], 2)
        found["events_before"] = self.held
        return found

    def _ratio(self, name: str, bare: str) -> float:
        return round(statistics.median(taken[name] / taken[bare] for taken in self.taken), 1)


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    told: list[str] = []
    for backend, found in measured(figures, told):
        told.append(f"{backend}: medians of {found['documents']} documents of {found['events_a_document']} events")
        for size, row in found["sizes"].items():
            told.append(
                "  {size} events: {whole} us of processor an event, {database_stage} of them the database's; bare write"
                " of the documents {bare_documents}, of all rows {bare_rows}".format(size=size, **row)
            )
            told.append(
                "    times the documents: whole {whole_to_documents}, database {stage_to_documents}; times the rows:"
                " {whole_to_rows}, {stage_to_rows}; log {log_to_documents} times the documents' bytes".format(**row)
            )
            if "kept_rows" in row:
                told.append(
                    "    the same rows into tables with the store's keys and indices {kept_rows}: whole {whole_to_kept}"
                    " times, database {stage_to_kept}; their log {kept_log_to_documents}".format(**row)
                )
        told += [f"  growth {sizes}: {times}" for sizes, times in found["growth"].items()]
    return told
