"""`./run import` and `./run export`: files of partners in, a query's events out, as people use them."""

import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

import storage
from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
from storage.event_search import Budget
from storage.tables import capture_job, event, event_document
from tests.conftest import ROOT, Databases, make_database
from tests.test_cli import environ
from tests.town import NOW, SHANGHAI, Town
from trace import cli_epcis
from trace.cli import cli
from trace.cli_epcis import export_events, find_actor_for, import_files, parse_query_text
from trace.domain.epcis.document import load_document
from trace.domain.epcis.event_hash import event_hash
from trace.domain.failures import Failure, Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.services import event_queries

CONTEXT = "https://ref.gs1.org/standards/epcis/epcis-context.jsonld"
NAME = "惠邻超市"
OTHER = "驼铃药店"


def made(number: int, **more: Any) -> dict[str, Any]:
    """An event of a partner; its prefix `ex` means something else in every other event."""
    return {
        "type": "ObjectEvent",
        "eventTime": f"2026-01-02T03:04:{number % 60:02d}.000+08:00",
        "eventTimeZoneOffset": "+08:00",
        "action": "OBSERVE",
        "bizStep": "receiving" if number % 3 else "shipping",
        "epcList": [f"urn:epc:id:sgtin:0614141.107346.{number}"],
        "ex:temperature": {"ex:celsius": 4.50, "ex:steady": True, "ex:note": "<a> & \"b\" ☀"},
        "@context": {"ex": f"https://example.com/{number % 2}/"},
    } | more  # fmt: skip


def document(*events: dict[str, Any]) -> bytes:
    """A JSON document of these events."""
    return json.dumps(
        {
            "@context": [CONTEXT],
            "type": "EPCISDocument",
            "schemaVersion": "2.0",
            "creationDate": "2026-01-03T00:00:00Z",
            "epcisBody": {"eventList": list(events)},
        }
    ).encode()


XML = b"""<?xml version="1.0" encoding="UTF-8"?>
<epcis:EPCISDocument xmlns:epcis="urn:epcglobal:epcis:xsd:1" schemaVersion="1.2" creationDate="2026-01-03T00:00:00Z">
<EPCISBody><EventList><ObjectEvent><eventTime>2026-01-02T03:04:05Z</eventTime>
<eventTimeZoneOffset>+08:00</eventTimeZoneOffset><epcList><epc>urn:epc:id:sgtin:0614141.107346.2017</epc></epcList>
<action>OBSERVE</action><bizStep>urn:epcglobal:cbv:bizstep:shipping</bizStep></ObjectEvent></EventList></EPCISBody>
</epcis:EPCISDocument>"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data folder whose store has two organisations and no events."""
    folder = tmp_path / "data"
    folder.mkdir()
    store = storage.open_store(f"sqlite:///{folder / 'sunshine.db'}")
    storage.prepare(store.url)
    town = Town(store)
    town.organisation(name=NAME)
    town.organisation(OrganisationKind.PHARMACY, name=OTHER)
    town.organisation(OrganisationKind.REGULATOR, name="市场监管局", licensed=False)
    store.close()
    return folder


def kept(data: Path) -> list[tuple[dict[str, Any], bytes]]:
    """(event document, event hash) of every event in the store of a data folder."""
    store = storage.open_store(f"sqlite:///{data / 'sunshine.db'}")
    with store.reading() as session:
        documents = [load_document(document) for document in session.scalars(select(event_document.c.document))]
    store.close()
    return sorted(((document, event_hash(document)) for document in documents), key=lambda pair: pair[1])


def invoke(data: Path, *arguments: str, **more: str) -> Result:
    """Run a command in this process: what it prints and its exit status."""
    return CliRunner().invoke(cli, arguments, env={"SUNSHINE_DATA": str(data), **more})


def run(data: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run a command with bytes on its standard input and output."""
    line = [sys.executable, "-m", "trace.cli", *arguments]
    return subprocess.run(line, cwd=ROOT, env=environ(data), input=stdin, capture_output=True, check=False, timeout=120)


@pytest.fixture
def work(databases: Databases, request: pytest.FixtureRequest) -> Callable[[str], Town]:
    """Makes towns over fresh stores of a backend, with the organisation that imports."""

    def make(backend: str) -> Town:
        store = storage.open_store(make_database(databases, backend))
        request.addfinalizer(store.close)
        town = Town(store, NOW)
        town.organisation(name=NAME)
        town.organisation(OrganisationKind.PHARMACY, name=OTHER)
        return town

    return make


def imported(town: Town, paths: Sequence[Path], *, name: str = NAME, proceed: bool = False) -> cli_epcis.Imported:
    """Import files into a town's store, in this process."""
    with town.store.reading() as session:
        actor = find_actor_for(session, name)
    return import_files(town.store, [str(path) for path in paths], actor=actor, proceed=proceed, timezone=SHANGHAI)


def exported(town: Town, query: str = "", *, form: str = "json", name: str = NAME) -> bytes:
    """What an export of a town's store writes."""
    with town.store.reading() as session:
        actor = find_actor_for(session, name)
    target = io.BytesIO()
    count = export_events(town.store, parse_query_text(query), actor=actor, form=form, target=target, timezone=SHANGHAI)
    read = read_json if form == "json" else read_xml
    assert len(read(target.getvalue()).events) == count
    return target.getvalue()


# ---- in ------------------------------------------------------------------------------------------------------------


def test_files_of_every_form_are_imported_and_again_is_harmless(data: Path, tmp_path: Path) -> None:
    files = {
        "a.json": document(*(made(number) for number in range(5))),
        "b.xml": XML,
        "c.json.gz": gzip.compress(document(made(5))),
        "bare": json.dumps({**made(6), "@context": [CONTEXT, {"ex": "https://example.com/0/"}]}).encode(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in files]
    first = invoke(data, "import", "--organisation", NAME, *paths)
    assert (first.exit_code, first.stderr) == (0, "")
    assert first.stdout == "4 file(s): 8 events stored, 0 were stored before, 0 faults\n"
    again = invoke(data, "import", *paths, "--organisation", NAME)
    assert (again.exit_code, again.stdout) == (0, "4 file(s): 0 events stored, 8 were stored before, 0 faults\n")
    assert len(kept(data)) == 8


@pytest.mark.parametrize("packed", [False, True])
def test_standard_input_is_a_file_too(data: Path, packed: bool) -> None:
    content = document(made(1))
    done = run(data, "import", "--organisation", NAME, "-", stdin=gzip.compress(content) if packed else content)
    assert done.stdout == b"1 file(s): 1 events stored, 0 were stored before, 0 faults\n"


def test_a_bad_event_is_named_and_its_document_left_out_but_no_other(data: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(document(made(1), made(2, bizStep="shiping", eventID="urn:uuid:" + "0" * 8)))
    (tmp_path / "good.json").write_bytes(document(made(3)))
    done = invoke(data, "import", str(tmp_path / "bad.json"), str(tmp_path / "good.json"), "--organisation", NAME)
    assert done.exit_code == 1
    assert done.stdout.startswith("2 file(s): 1 events stored, 0 were stored before, ")
    assert "bad.json: event 2 (urn:uuid:00000000): /bizStep: " in done.stderr
    assert "shiping" in done.stderr
    assert len(kept(data)) == 1


def test_proceed_stores_the_good_events(data: Path, tmp_path: Path) -> None:
    (tmp_path / "bad.json").write_bytes(document(made(1), made(2, bizStep="shiping"), made(3)))
    done = invoke(data, "import", str(tmp_path / "bad.json"), "--proceed", "--organisation", NAME)
    assert (done.exit_code, done.stdout) == (1, "1 file(s): 2 events stored, 0 were stored before, 1 faults\n")
    assert done.stderr.count("event 2: /bizStep: ") == 1


def test_the_same_id_with_other_content_is_a_fault_that_names_the_event(data: Path, tmp_path: Path) -> None:
    for name, number in (("one.json", 1), ("two.json", 2)):
        (tmp_path / name).write_bytes(document(made(number, eventID="urn:uuid:7f3c1f56-0000-4000-8000-000000000001")))
    paths = [str(tmp_path / "one.json"), str(tmp_path / "two.json")]
    for more in ([], ["--proceed"]):
        done = invoke(data, "import", *paths, "--organisation", NAME, *more)
        assert done.exit_code == 1
        assert "two.json" in done.stderr
        assert "7f3c1f56" in done.stderr
    assert len(kept(data)) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\x00\x01", b"<a/>", b"<a>", b"[" * 100_000, b'{"type": "EPCISDocument"}', b"\x1f\x8b\x08broken",
     gzip.compress(document(made(1)))[:-20], b"<!DOCTYPE a [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><a>&e;</a>"],
)  # fmt: skip
def test_a_file_that_is_no_document_is_a_sentence_with_its_name(
    work: Callable[[str], Town], tmp_path: Path, content: bytes
) -> None:
    path, town = tmp_path / "strange", work("sqlite")
    path.write_bytes(content)
    done = imported(town, [path])
    assert len(done.faults) == 1
    assert done.faults[0].startswith(f"{path}: ")
    assert town.count(event) == 0


def test_whose_events_they_are_is_asked_for_and_must_be_a_trader(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(document(made(1)))
    path = str(tmp_path / "a.json")
    assert "--organisation" in invoke(data, "import", path).stderr
    assert "There is no organisation named nobody." in invoke(data, "import", path, "--organisation", "nobody").stderr
    refused = invoke(data, "import", path, "--organisation", "市场监管局")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("Error: ")
    missing = invoke(data, "import", str(tmp_path / "nothing"), "--organisation", NAME)
    assert (missing.exit_code, "nothing" in missing.stderr) == (2, True)


def test_a_file_is_named_from_where_people_stand(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(document(made(1)))
    done = invoke(data, "import", "a.json", "--organisation", NAME, RUN_FROM=str(tmp_path))
    assert done.stdout.startswith("1 file(s): 1 events stored")


def test_a_bar_is_drawn_where_people_look(data: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(document(made(1)))
    line = [sys.executable, "-m", "trace.cli", "import", str(tmp_path / "a.json"), "--organisation", NAME]
    ours, theirs = os.openpty()
    done = subprocess.run(
        line, cwd=ROOT, env=environ(data), stdout=subprocess.PIPE, stderr=theirs, check=True, timeout=60
    )
    os.close(theirs)
    drawn = os.read(ours, 100_000).decode()
    os.close(ours)
    assert "100%" in drawn
    assert done.stdout.startswith(b"1 file(s): 1 events stored")


def hashes(town: Town) -> dict[bytes, dict[str, Any]]:
    """{event hash: event document} of a town's store."""
    with town.store.reading() as session:
        documents = [load_document(document) for document in session.scalars(select(event_document.c.document))]
    return {event_hash(document): document for document in documents}


BACKENDS = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


@BACKENDS
def test_a_large_document_is_stored_piece_by_piece(
    work: Callable[[str], Town], backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_epcis, "MOST_EVENTS", 10)
    town = work(backend)
    path = tmp_path / "large.json"
    events = [made(number) for number in range(45)]
    events[27]["bizStep"] = "shiping"
    path.write_bytes(document(*events))
    stopped = imported(town, [path])
    assert (stopped.stored, stopped.known, len(stopped.faults)) == (20, 0, 1)
    assert f"{path}: event 28: /bizStep" in stopped.faults[0]
    events[27]["bizStep"] = "shipping"
    path.write_bytes(document(*events))
    repeated = imported(town, [path])
    assert (repeated.stored, repeated.known, repeated.faults) == (25, 20, [])
    assert town.count(event) == 45
    assert town.count(capture_job) == 2 + 5


# ---- out -----------------------------------------------------------------------------------------------------------


@BACKENDS
@pytest.mark.parametrize("form", ["json", "xml"])
def test_an_export_imported_elsewhere_is_the_same_events(
    work: Callable[[str], Town], backend: str, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_epcis, "PAGE", 7)
    ours, theirs = work(backend), work(backend)
    path = tmp_path / "in.json"
    path.write_bytes(document(*(made(number) for number in range(20))))
    assert imported(ours, [path]).stored == 20
    path.write_bytes(exported(ours, form=form))
    assert (found := imported(theirs, [path])).faults == []
    assert found.stored == 20
    assert hashes(theirs) == hashes(ours)


def test_all_examples_of_the_standard_survive_an_export(
    work: Callable[[str], Town], shared: Path, tmp_path: Path
) -> None:
    folder = shared / "epcis" / "examples"
    paths = [path for path in (*folder.rglob("*.jsonld"), *folder.rglob("*.xml")) if "CaptureJob" not in path.name]
    ours = work("sqlite")
    assert imported(ours, paths, proceed=True).stored > 80
    for form in ("json", "xml"):
        theirs, path = work("sqlite"), tmp_path / form
        path.write_bytes(exported(ours, form=form))
        assert imported(theirs, [path]).faults == []
        assert hashes(theirs).keys() == hashes(ours).keys()


def test_an_export_holds_what_the_query_finds_and_the_organisation_may_see(
    work: Callable[[str], Town], tmp_path: Path
) -> None:
    town = work("sqlite")
    path = tmp_path / "in.json"
    path.write_bytes(document(*(made(number) for number in range(9))))
    imported(town, [path])
    found = read_json(exported(town, "EQ_bizStep=shipping&LT_eventTime=2026-01-02T03:04:06+08:00")).events
    assert sorted(each["epcList"][0][-1] for each in found) == ["0", "3"]
    assert len(read_json(exported(town, "eventCountLimit=4&orderBy=eventTime")).events) == 4
    assert read_json(exported(town, "EQ_bizStep=packing")).events == []
    assert read_xml(exported(town, "EQ_bizStep=packing", form="xml")).events == []
    assert read_json(exported(town, name=OTHER)).events == []
    with pytest.raises(Invalid, match="EQ_nonsense"):
        exported(town, "EQ_nonsense=1")
    with pytest.raises(Failure):
        exported(town, "maxEventCount=3")
    with pytest.raises(NotFound):
        exported(town, name="nobody")


def test_an_export_reads_on_where_a_query_over_http_would_be_refused(
    work: Callable[[str], Town], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, path = work("sqlite"), tmp_path / "in.json"
    path.write_bytes(document(*(made(number) for number in range(20))))
    assert imported(ours, [path]).stored == 20
    monkeypatch.setattr(event_queries, "Budget", lambda: Budget(documents=1))
    assert read_json(exported(ours, "EQ_example:nothing=1")).events == []
    assert len(read_json(exported(ours)).events) == 20


def test_export_writes_to_standard_output_and_nothing_else(data: Path, tmp_path: Path) -> None:
    run(data, "import", "--organisation", NAME, "-", stdin=document(made(1), made(2)))
    done = run(data, "export", "--organisation", NAME)
    assert (done.returncode, done.stderr) == (0, b"2 events\n")
    assert len(read_json(done.stdout).events) == 2
    refused = run(data, "export", "--organisation", NAME, "--query", "EQ_bizStep=packing&nonsense=1")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"nonsense" in refused.stderr


def test_an_export_that_cannot_be_written_is_a_sentence(data: Path) -> None:
    line = [sys.executable, "-m", "trace.cli", "export", "--organisation", NAME]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(line, cwd=ROOT, env=environ(data), stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1
    assert done.stderr.decode() == "Error: The events cannot be written: No space left on device\n"
