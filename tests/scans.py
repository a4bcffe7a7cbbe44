"""No statement of ours reads a whole table that grows: of each, once, SQLite is asked how it would read it.

What a list shows in the order of an index is read as far as its LIMIT, and no whole table.
"""

import re
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from sqlalchemy import Connection

from storage.tables import metadata

SORTS = "USE TEMP B-TREE FOR ORDER BY"
ROOT = str(Path(__file__).resolve().parents[1]) + "/"
OURS = ("storage/", "trace/", "tests/", "benchmarks/")
# They have a row for each business, for what an administrator sets up, or for what waits to be done.
FEW = {"organisation", "subscription", "export_target", "rule_entry", "store_setting", "job"}
GROWING = set(metadata.tables) - FEW
# Whose statements read all there is on purpose, or are no part of the service.
AROUND = (
    "storage/migrations/",
    "storage/mending.py",
    "storage/backups.py",
    "trace/services/demonstration",
    "tests/",
    "benchmarks/",
)
CARRIERS = ("storage/sending.py", "storage/bulk.py", "storage/one_of.py", "storage/names.py")
# {function: (table, why it may read it whole)}
MAY = {
    "_piece": ("event", "a piece of an index, in its order, as far as its own LIMIT"),
    "list_blocks": ("business_block", "grows with the businesses that are blocked, not with deliveries"),
    "list_suppliers": ("supplier", "an inspector's list: grows with the files of suppliers, not with deliveries"),
}
_asked: set[str] = set()


def whole_tables(plan: list[str], statement: str) -> set[str]:
    """The tables that a plan of SQLite's reads from the beginning to the end."""
    if "LIMIT" in statement and SORTS not in plan:
        return set()
    scanned = {found[1] for step in plan if (found := re.match(r"SCAN (\w+)", step))}
    other_names = {name: table for table, name in re.findall(r"(\w+) AS (\w+)", statement)}
    return {other_names.get(name, name) for name in scanned} & GROWING


def watch(connection: Connection, _cursor: Any, statement: str, values: Any, _context: Any, many: bool) -> None:
    """Raise `AssertionError` for a statement of ours that reads a whole table; a listener of SQLAlchemy's."""
    if many or connection.dialect.name != "sqlite" or statement in _asked:
        return
    if not re.match(r"\s*(SELECT|WITH|UPDATE|DELETE)", statement):
        return
    driver: Any = connection.connection.dbapi_connection
    plan = [row[-1] for row in driver.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    tables = whole_tables(plan, statement)
    if not tables or _knows_sizes(driver):
        _asked.add(statement)
        return
    asker = _asker()
    if asker is not None and not tables <= {MAY.get(asker[1], ("", ""))[0]}:
        raise AssertionError(f"{asker[0]} {asker[1]} reads all of {', '.join(sorted(tables))}: {statement}")


def _knows_sizes(driver: Any) -> bool:
    """Whether ANALYZE told SQLite how small the tables of a test are: then it reads them whole, and rightly."""
    return driver.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_stat1'").fetchone() is not None


def _asker() -> tuple[str, str] | None:
    """(file, function) of ours that asks; None where it may read what it likes."""
    frame: FrameType | None = sys._getframe(2)  # who called `watch`
    while frame is not None:
        file = frame.f_code.co_filename.removeprefix(ROOT)
        if file.startswith(OURS) and not file.startswith(CARRIERS):
            return None if file.startswith(AROUND) else (file, frame.f_code.co_name)
        frame = frame.f_back
    return None
