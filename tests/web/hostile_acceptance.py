"""Bodies for orders and acceptance that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import LOT, NOWHERE, REASON

PHARMACIST = "pharmacist"
_ONE = "/acceptances/<string:public_id>"
_FIELDS: dict[str, Any] = {
    "lot_number": "L-1",
    "produced_on": "2026-01-01",
    "expires_on": "2028-01-01",
    "amount": 1,
    "price": 1,
    "certificates": [NOWHERE],
    "decision": "hold",
    "reason": "x",
    "no_code_reason": "damaged",
    "celsius": 4,
    "origin": "x",
}
_LINE = {"product": NOWHERE, **_FIELDS}
_OPEN: dict[str, Any] = {
    "supplier": {"id": NOWHERE, "name": "x", "address": "x", "contact": "x"},
    "order": NOWHERE,
    "announced": NOWHERE,
    "delivery_note": "x",
    "lines": [_LINE],
}
ACCEPTANCE_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/orders": (
        PHARMACIST,
        {
            "supplier": NOWHERE,
            "number": "x",
            "ordered_on": "2026-01-01",
            "lines": [{"product": NOWHERE, "amount": 1, "price": 1}],
        },
    ),
    "/orders/<string:public_id>/cancellation": (PHARMACIST, {"client_key": "x"}),
    "/acceptances": (PHARMACIST, _OPEN),
    "/acceptances/whole": (PHARMACIST, {**_OPEN, "codes": [LOT], "lines": [{**_LINE, "codes": [LOT]}]}),
    f"{_ONE}/codes": (PHARMACIST, {"codes": [LOT], "line": 0, "scans": [NOWHERE]}),
    f"{_ONE}/left-out": (PHARMACIST, {"codes": [LOT]}),
    f"{_ONE}/apart": (PHARMACIST, {**REASON, "codes": [LOT], "line": 0, "decision": "hold"}),
    f"{_ONE}/lines": (PHARMACIST, {"lines": [_LINE]}),
    f"{_ONE}/changes": (
        PHARMACIST,
        {
            "lines": [{"line": 0, **_FIELDS}],
            "delivery_note": "x",
            "transport": {"mode": "x", "left_at": "2026-01-01T08:00:00+08:00", "arrived_at": None},
        },
    ),
    f"{_ONE}/identifiers": (PHARMACIST, {"identifier": "8999999", "product": NOWHERE, "level": 1, "length": 20}),
    f"{_ONE}/acceptance": (PHARMACIST, {"override": {"sign_in": "x", "password": "long-enough-1", "reason": "x"}}),
    f"{_ONE}/cancellation": (PHARMACIST, {"client_key": "x"}),
}
