"""The table of conformance names tests that exist, and has a test or a reason in every row."""

import re

from tests.conftest import ROOT

TABLE = (ROOT / "docs" / "epcis-conformance.md").read_text(encoding="utf-8")


def test_every_test_that_the_table_names_exists() -> None:
    there = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    assert len(named) > 60
    assert named - there == set()


def test_every_row_has_a_test_and_a_state() -> None:
    rows = [
        line.strip("|").split("|") for line in TABLE.splitlines() if line.startswith("| ") and "| --- |" not in line
    ]
    rows = [[cell.strip() for cell in row] for row in rows if row[0].strip() != "row"]
    assert len(rows) > 70
    for row, test, state in rows:
        assert state.startswith(("done", "partly: ", "**not done**")), row
        assert test or "not done" in state, row
