"""Fifty clients of the API sell one code at the same moment: one of them does."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from urllib.parse import unquote

from sqlalchemy import func, select

from storage.events import find_idents
from storage.tables import dispensing
from tests.web.conftest import API, Demo
from trace.domain.uris import drug_code_uri

CLIENTS = 50


def test_of_fifty_clients_that_sell_one_code_at_once_one_does(demo: Demo) -> None:
    code = unquote(demo.shown.codes["Drug not sold yet 未售药品"])
    start = Barrier(CLIENTS)

    def sell(number: int) -> int:
        body = {"codes": [code], "passed_by": "x", "client_key": f"client-{number}"}
        start.wait()
        answer = demo.app.test_client().post(f"{API}/dispensings", json=body, headers=demo.headers("pharmacist"))
        return answer.status_code

    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = Counter(clients.map(sell, range(CLIENTS)))
    assert statuses[201] == 1
    # Who waits too long is asked to come again; nobody is told a lie, and nothing breaks.
    assert statuses.keys() <= {201, 409, 503}
    with demo.store.reading() as session:
        item = find_idents(session, [drug_code_uri(code)])[drug_code_uri(code)]
        assert session.scalar(select(func.count()).select_from(dispensing).where(dispensing.c.item == item)) == 1
