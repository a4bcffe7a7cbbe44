"""A year of a small pharmacy, 60,000 packs: every page and list that needs no argument, and the reports of the year.

The application runs over SQLite with the year in it, and is asked as the pharmacy's administrator; a second is too
long. What is new in the application is measured from its first day: the routes are asked for, not listed here.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask
from werkzeug.test import Client

import storage
from benchmarks.pharmacy_year_data import Year, fill_year
from trace import create_app
from trace.collector import settle
from trace.config import load_settings
from trace.domain.permissions import GRANTS, Role

NAME = "pharmacy_year"
PACKS = 60_000
TIMES = 3
BAR = 1000.0  # milliseconds
_SHOWN = 12  # of the slowest
# They answer for the machine or the whole service, not for the pharmacy's year; the year's events have no documents.
_OTHERS = ("/health", "/api/v1/docs", "/api/v1/openapi.json", "/static", "/epcis")
# Reports of a period, and of how many days: what is printed and handed out daily, and as long as may be (a print has
# 1,000 lines at most, a table 20,000).
_REPORTS = (
    ("/pharmacy/sales/print.pdf", 1), ("/pharmacy/sales/print.pdf", 5),
    ("/pharmacy/sales/table.csv", 31), ("/pharmacy/sales/table.xlsx", 31),
    ("/pharmacy/sales/table.csv", 100), ("/pharmacy/sales/table.xlsx", 100),
    ("/records/print.pdf", 31), ("/records/print.pdf", 180),
    ("/records", 365), ("/records/table.csv", 365), ("/records/table.xlsx", 365),
)  # fmt: skip


def run() -> dict[str, Any]:
    """{address: milliseconds} over a year of the usual size."""
    return measure_year(PACKS)


def measure_year(packs: int, *, times: int = TIMES) -> dict[str, Any]:
    """Fill a year of so many packs, then ask for everything: the quickest of `times`, after one that is not counted."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'sunshine.db'}"
        storage.prepare(url)
        settings = {"SUNSHINE_DATA": folder, "SUNSHINE_DATABASE_URL": url, "SUNSHINE_DEMO": "0"}
        app = create_app(load_settings(settings))
        store = app.extensions["sunshine"].store
        try:
            started = time.monotonic()
            year = fill_year(store, packs, datetime.now(ZoneInfo("Asia/Shanghai")))
            filled = round(time.monotonic() - started, 1)
            settle()  # as the service does when it has started
            took = {address: _ask(app.test_client(), year, address, times) for address in _addresses(app, year)}
        finally:
            store.close()
    size = {"packs": packs, "sales": year.sales, "readings": year.readings, "filled_seconds": filled}
    return {
        **size,
        "addresses": {address: row["ms"] for address, row in took.items() if row["status"] == 200},
        "refused": {
            address: row["status"]
            for address, row in took.items()
            if row["status"] >= 500 or ("?" in address and row["status"] != 200)
        },
    }


def _addresses(app: Flask, year: Year) -> Iterator[str]:
    """Every address without argument that the administrator may open, and the reports of the year."""
    rights = GRANTS[Role.ORGANISATION_ADMINISTRATOR]
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        access = getattr(app.view_functions[rule.endpoint], "access", None)
        open_to = access is None or access in rights
        if "GET" in (rule.methods or ()) and not rule.arguments and open_to and not rule.rule.startswith(_OTHERS):
            yield rule.rule
    yield from (f"/station/stock?shelf={shelf}" for shelf in ("near_expiry", "expired", "held", "gone"))
    yield f"/station/stock?text={year.text}"
    yield from (f"/climate/{zone}{tail}" for zone in year.zones for tail in ("", "/table.csv", "/print.pdf"))
    for report, days in _REPORTS:
        last = year.end.date() - timedelta(days=1)  # today is not over
        yield f"{report}?first={max(last - timedelta(days=days - 1), year.begin.date())}&last={last}"


def _ask(client: Client, year: Year, address: str, times: int) -> dict[str, Any]:
    took, status = [], 0
    for _ in range(times + 1):
        began = time.process_time()
        answer = client.get(address, headers={"Authorization": f"Bearer {year.key}"})
        answer.get_data()
        took.append((time.process_time() - began) * 1000)
        status = answer.status_code
    return {"ms": round(min(took[1:]), 1), "status": status}


def lines(figures: dict[str, Any]) -> list[str]:
    """The figures as sentences for people."""
    found = sorted(figures["addresses"].items(), key=lambda pair: -pair[1])
    slow = [address for address, took in found if took >= BAR]
    told = [
        f"SQLite, {figures['packs']:,} packs, {figures['sales']:,} sales, {figures['readings']:,} readings of the"
        f" climate (filled in {figures['filled_seconds']} s)",
        f"{len(found)} addresses, processor time: median {statistics.median(took for _, took in found):.0f} ms;"
        f" a second or more: {', '.join(slow) or 'none'}",
    ]
    told += [f"  {took:7.1f} ms  {address}" for address, took in found[:_SHOWN]]
    told += [f"  answered {status}: {address}" for address, status in figures["refused"].items()]
    return told
