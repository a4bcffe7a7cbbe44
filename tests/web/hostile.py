"""What the tests of bad input share: bodies for every command, and what a good refusal looks like."""

import re
from typing import Any

from werkzeug.test import TestResponse

from tests.web.conftest import Demo
from tests.web.hostile_acceptance import ACCEPTANCE_BODIES
from tests.web.hostile_care import CARE_BODIES
from tests.web.hostile_chain import CHAIN_BODIES
from tests.web.hostile_climate import CLIMATE_BODIES
from tests.web.hostile_counter import COUNTER_BODIES
from tests.web.hostile_desk import DESK_BODIES
from tests.web.hostile_drugs import DRUG_BODIES
from tests.web.hostile_duty import DUTY_BODIES
from tests.web.hostile_exports import EXPORT_BODIES
from tests.web.hostile_jobs import JOB_BODIES

MANY = 26
LOT = "https://id.gs1.org/01/09520701000020/10/NONE"
GOODS = [{"code": LOT, "amount": 1}]
COMMON = {"client_key": "hostile-1", "happened_at": "2026-01-01T08:00:00+08:00", "place": "https://example.com/place"}
NEW_LOT = {
    "product": "0" * MANY,
    "number": "L-1",
    "produced_on": "2026-01-01",
    "expires_on": "2027-01-01",
    "origin_region": "640502",
    "origin": "中卫",
    "amount": 1,
    "unit": "KGM",
    "codes": [LOT],
}
LINE = {
    "product": "0" * MANY,
    "code": LOT,
    "lot_number": "L-1",
    "amount": 1,
    "produced_on": "2026-01-01",
    "expires_on": "2027-01-01",
    "origin_region": "640502",
    "origin": "中卫",
    "codes": [LOT],
    "no_code_reason": "x",
    "container": LOT,
    "certificates": ["0" * MANY],
    "celsius": 4,
    "price": 1,
    "decision": "accept",
    "reason": "x",
}
SUPPLIER = {"id": "0" * MANY, "name": "x", "address": "x", "contact": "x"}
DELIVERY = {**COMMON, "supplier": SUPPLIER, "delivery_note": "x", "scan": "0" * MANY, "lines": [LINE]}
MOVED = {**COMMON, "goods": GOODS}
REASONED = {**MOVED, "reason": "x"}
SHIPPED = {**MOVED, "receiver": "0" * MANY, "containers": [LOT], "delivery_note": "x"}
# (who may, a body that passes the check of its shape and names nothing that exists), route by route.
BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/organisations": (
        "platform_administrator",
        {
            "name": "x",
            "kind": "farm",
            "uscc": "x",
            "region": "999999",
            "address": "x",
            "contact": "x",
            "headquarters": "x",
        },
    ),
    "/licences": ("organisation_administrator", {"kind": "nothing", "number": "x", "expires_on": "2030-01-01"}),
    "/places": ("organisation_administrator", {"name": "x", "region": "999999"}),
    "/people": (
        "organisation_administrator",
        {"sign_in": "new-one", "name": "x", "password": "long-enough-1", "role": "inspector", "organisation": "x"},
    ),
    "/keys": ("organisation_administrator", {"role": "inspector", "label": "x"}),
    "/products": (
        "clerk",
        {
            "name": "x",
            "category": "nothing",
            "unit": "KGM",
            "code": "x",
            "specification": "x",
            "producer": "x",
            "shelf_life_days": 3,
            "approval_no": "x",
            "national_drug_code": "x",
            "dosage_form": "x",
            "prescription": "rx",
        },
    ),
    "/hops/commission": ("clerk", {**COMMON, "batch": NEW_LOT}),
    "/hops/process": ("clerk", {**COMMON, "inputs": GOODS, "outputs": [NEW_LOT]}),
    "/hops/pack": ("clerk", {**MOVED, "container": LOT}),
    "/hops/unpack": ("clerk", {**MOVED, "container": LOT}),
    "/hops/ship": ("clerk", SHIPPED),
    "/hops/return": ("clerk", SHIPPED),
    "/hops/sell": ("clerk", MOVED),
    "/hops/take-back": ("clerk", MOVED),
    "/hops/hold": ("clerk", REASONED),
    "/hops/release": ("clerk", {**REASONED, "override": {"sign_in": "x", "password": "x", "reason": "x"}}),
    "/hops/destroy": (
        "clerk",
        {**REASONED, "method": "denatured", "witness": "x", "sha256": "0" * 64, "where": "x"},
    ),
    "/hops/sample": ("clerk", {**MOVED, "report": "x"}),
    "/deliveries/propose": ("clerk", {"codes": [LOT]}),
    "/deliveries/look": ("clerk", DELIVERY),
    "/receipts": ("clerk", DELIVERY),
    "/commitment-certificates": (
        "clerk",
        {
            **COMMON,
            "lots": [LOT],
            "product_name": "x",
            "quantity": "x",
            "origin": "x",
            "basis": ["self_test"],
            "statement_accepted": True,
            "form": "producer",
            "replaces": "0" * MANY,
        },
    ),
    "/certificates": (
        "clerk",
        {
            **COMMON,
            "kind": "quarantine_certificate",
            "lots": [LOT],
            "issuer": "x",
            "issued_on": "2026-01-01",
            "valid_until": "2026-02-01",
            "number": "x",
            "form": "x",
            "sha256": "0" * 64,
            "fields": {"product_name": "x"},
        },
    ),
    "/receipts/<string:public_id>/undo": ("clerk", COMMON),
    "/receipts/<string:public_id>/lines/<int:line>/correction": (
        "clerk",
        {
            **COMMON,
            "amount": 1,
            "decision": "hold",
            "produced_on": "2026-01-01",
            "expires_on": "2027-01-01",
            "reason": "x",
        },
    ),
    "/dispensings/returns": ("pharmacist", {**COMMON, "codes": [LOT]}),
    **ACCEPTANCE_BODIES,
    **CARE_BODIES,
    **CHAIN_BODIES,
    **CLIMATE_BODIES,
    **COUNTER_BODIES,
    **DESK_BODIES,
    **DRUG_BODIES,
    **DUTY_BODIES,
    **EXPORT_BODIES,
    **JOB_BODIES,
}
UPLOADS = (
    "/scans",
    "/objects",
    "/imports",
    "/code-relations",
    "/temperature-logs",
    "/zones/<string:public_id>/readings",
    "/prescriptions/<string:public_id>/image",
)


def complaint(answer: TestResponse, *statuses: int) -> str | None:
    """What is wrong with a refusal by the API, or None."""
    if answer.status_code not in (statuses or range(400, 500)):
        return f"{answer.status_code} {answer.text[:160]}"
    if answer.mimetype != "application/problem+json":
        return f"{answer.status_code} as {answer.mimetype}"
    told = answer.json  # is read anew each time it is asked
    if not told["detail"] or told["status"] != answer.status_code:
        return f"no sentence: {answer.text[:160]}"
    return None


def bad_page(answer: TestResponse, *statuses: int) -> str | None:
    """What is wrong with a refusal by a page, or None."""
    if answer.status_code not in (statuses or range(400, 500)):
        return f"{answer.status_code} {answer.text[:160]}"
    if answer.mimetype != "text/html" or "</html>" not in answer.text:
        return f"{answer.status_code} as {answer.mimetype}"
    return None


def filled(path: str) -> str:
    """A path of which what it leaves open names nothing that exists."""
    return re.sub(r"<[^>]+>", "0" * MANY, re.sub(r"<int:[^>]+>", "0", path))


def send(demo: Demo, path: str, role: str | None, body: bytes, media_type: str = "application/json") -> TestResponse:
    """Post bytes to the API as they are."""
    return demo.call("POST", filled(path), role, data=body, content_type=media_type)
