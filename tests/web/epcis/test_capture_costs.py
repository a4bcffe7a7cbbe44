"""What one scan costs on the way to PostgreSQL: one round trip to know who sends it, one to look, one to write."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from sqlalchemy import make_url

from storage.store import open_store
from tests.conftest import Databases
from tests.gate import Gate
from tests.web.conftest import demonstration
from tests.web.epcis.conftest import Partner, bare, event

BATCH = "https://id.gs1.org/01/10614141073464/10/ROUND-{}"
NEW = {"action": "ADD", "bizStep": "commissioning", "disposition": "active", "epcList": None}


def test_scan_takes_three_round_trips_and_one_more_where_stock_is_locked(databases: Databases, tmp_path: Path) -> None:
    with demonstration(databases, "postgresql", tmp_path) as demo:
        before, partner = demo.app.extensions["sunshine"], Partner(demo, "clerk")
        url = make_url(before.settings.database_url)
        with Gate(url.port or 0) as way, closing(open_store(str(url.set(port=way.port)))) as store:
            demo.app.extensions["sunshine"] = replace(before, store=store)
            for number in range(5):  # by then all is prepared
                taken = []
                named = {"quantityList": [{"epcClass": BATCH.format(number), "quantity": 5, "uom": "KGM"}]}
                for made in (NEW | named, NEW | named | {"action": "OBSERVE", "bizStep": "retail_selling"}):
                    asked = way.asked
                    answer = partner.post("/events", bare(event(**made)))
                    assert answer.status_code == 201, answer.text
                    taken.append(way.asked - asked)
            demo.app.extensions["sunshine"] = before
        assert taken == [3, 4]
