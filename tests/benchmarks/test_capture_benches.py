"""The benchmarks of capture, of one scan's commit and of the hash, at a small size: that they count what they say."""

from argparse import Namespace
from pathlib import Path

import pytest
from sqlalchemy import inspect, text
from sqlalchemy.orm import Session

from benchmarks import capture, event_hash, scan_commit
from benchmarks.bare import prepare_kept
from benchmarks.stores import on_both, opened, prepare_as_in_production

SKIPPED = {"postgresql": {"skipped": "not asked"}}


def test_documents_are_captured_and_written_bare_in_stores_of_two_sizes(tmp_path: Path) -> None:
    with opened("sqlite", (200, 400), str(tmp_path)) as stores:
        found = capture.measure(stores, documents=2, events=20)
    assert found["sizes"].keys() == {"200", "400"} and found["growth"].keys() == {"200 to 400"}
    for row in found["sizes"].values():
        assert row["whole"] > row["database_stage"] > 0 and row["bare_rows"] > 0
        assert row["log_to_documents"] > 1, "the document itself is in the log"
        assert row["kept_log_to_documents"] > 1 and row["kept_rows"] > 0
    assert capture.lines({"sqlite": found} | SKIPPED)


def test_only_the_store_that_is_asked_for_is_measured(tmp_path: Path) -> None:
    asked = Namespace(store="sqlite", size=None, folder=str(tmp_path))
    assert on_both(asked, (100,), lambda stores: {"sizes": list(stores)}) == {"sqlite": {"sizes": [100]}}


def test_what_the_bare_write_fills_has_the_rows_keys_and_indices_of_the_store(tmp_path: Path) -> None:
    with opened("sqlite", (200,), str(tmp_path)) as stores:
        store = stores[200].store
        prepare_kept(store)
        with store.reading() as session:
            for name in ("ident", "event", "event_document", "event_item", "event_mention", "event_party"):
                assert _count(session, f"kept_{name}") == _count(session, name)
                assert _indices(session, f"kept_{name}") == _indices(session, name)


def _count(session: Session, table: str) -> int:
    return int(session.scalar(text(f"SELECT count(*) FROM {table}")) or 0)


def _indices(session: Session, table: str) -> list[str]:
    """The columns of each index and key of a table, in a stable order."""
    found = inspect(session.connection())
    told = [f"{one['column_names']} {one['unique']}" for one in found.get_indexes(table)]
    told += [f"key {one['column_names']}" for one in found.get_unique_constraints(table)]
    return sorted([*told, f"primary {found.get_pk_constraint(table)['constrained_columns']}"])


def test_one_scan_commits_beside_bare_commits(tmp_path: Path) -> None:
    found = scan_commit.measure(
        prepare_as_in_production(f"sqlite:///{tmp_path / 'bench.db'}"), clients=(1, 2), blocks=1, acts=3
    )
    assert found["clients"].keys() == {"1", "2"}
    assert all(row["ratio"] > 0 and row["scans_a_second"] > 0 for row in found["clients"].values())
    assert scan_commit.lines({"sqlite": found} | SKIPPED)


def test_events_are_read_and_hashed_with_new_and_with_known_identifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_hash, "BATCHES", 1)
    found = event_hash.run()
    assert found["events"] == event_hash.BATCH and found["bytes_an_event"] > 500
    assert min(found["hashed_with_known_identifiers_a_second"], found["hashed_a_second"], found["read_a_second"]) > 0
    assert event_hash.lines(found)
