"""A delivery of 2,000 trace codes, accepted in one request: the application over SQLite, the file on the disk.

The request is what a distributor's program sends: one line of one lot with all its codes, the papers named. The codes
are new to the store. The application is called without a network between, from the bytes of the body to those of the
answer; the commit waits for the disk (`synchronous=FULL`).
"""

import json
import tempfile
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import storage
from benchmarks.pharmacy_store import NOW
from storage.store import Store
from tests.town import Town
from trace import create_app
from trace.config import load_settings
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.drug_file import learn
from trace.services.keys import issue_key

CODES = 2_000
IDENTIFIER = "8150099"


def measure_delivery(codes: int = CODES, times: int = 3) -> dict[str, Any]:
    """Several deliveries to one pharmacy: seconds of the quickest, on the clock and of this process; of the slowest."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'sunshine.db'}"
        storage.prepare(url)
        settings = {"SUNSHINE_DATA": folder, "SUNSHINE_DATABASE_URL": url, "SUNSHINE_DEMO": "0"}
        app = create_app(load_settings(settings))
        store = app.extensions["sunshine"].store
        try:
            scene = Scene(store)
            client = app.test_client()
            took = [
                _post(client, scene.key, scene.body(number, codes_of(number * codes, codes))) for number in range(times)
            ]
        finally:
            store.close()
    (seconds, cpu), (most, _) = min(took), max(took)
    return {"codes": codes, "times": times, "seconds": round(seconds, 2), "cpu": round(cpu, 2), "most": round(most, 2)}


def _post(client: Any, key: str, body: dict[str, Any]) -> tuple[float, float]:
    data = json.dumps(body).encode()
    clock, cpu = time.perf_counter(), time.process_time()
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    answer = client.post("/api/v1/acceptances/whole", data=data, headers=headers)
    took = time.perf_counter() - clock, time.process_time() - cpu
    if answer.status_code != 201:
        raise RuntimeError(answer.get_data(as_text=True)[:2_000])
    return took


class Scene:
    """A pharmacy that knows its supplier and the product: what the law asks for is on file."""

    def __init__(self, store: Store, now: datetime = NOW):
        town = Town(store, now)
        self.town = town
        self.maker = town.organisation(OrganisationKind.DRUG_MAKER)
        self.shop = town.organisation(OrganisationKind.PHARMACY, role=Role.PHARMACIST)
        self.product = town.drug(self.maker)
        town.know(self.shop, self.maker)
        town.do(learn, town.command(self.shop), identifier=IDENTIFIER, product=self.product, level=1)
        with store.writing() as session:
            self.key = issue_key(session, role=Role.PHARMACIST, organisation_id=self.shop.organisation, now=now)

    def body(self, number: int, codes: Sequence[str], papers: Sequence[str] = ()) -> dict[str, Any]:
        """One delivery of one lot; its papers are filed where none are named."""
        today = self.town.now.date()
        line = {
            "product": self.product,
            "lot_number": f"B{number}",
            "produced_on": str(today - timedelta(days=60)),
            "expires_on": str(today + timedelta(days=700)),
            "amount": len(codes),
            "certificates": papers or self.papers(),
            "codes": codes,
        }
        supplier = {"id": self.town.id_of(self.maker)}
        return {"client_key": f"d-{number}", "supplier": supplier, "delivery_note": f"N-{number}", "lines": [line]}

    def papers(self) -> list[str]:
        """The papers of a delivery, filed."""
        return [self.town.paper(self.shop, kind) for kind in _PAPERS]


def codes_of(first: int, count: int) -> list[str]:
    """So many trace codes of the scene's product, by their serials from `first`."""
    return [f"{IDENTIFIER}{number:013d}" for number in range(first, first + count)]


_PAPERS = (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE)
