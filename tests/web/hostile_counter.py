"""Bodies for the counter of a pharmacy that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import GOODS, LOT

# (who may, a body that passes the check of its shape), route by route.
COUNTER_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/dispensings": (
        "pharmacist",
        {
            "client_key": "x",
            "happened_at": "2026-01-01T08:00:00+08:00",
            "place": "https://id.example/loc/nowhere",
            "codes": [LOT],
            "parts": [{"code": LOT, "units": 1}],
            "goods": GOODS,
            "prescription": "x",
            "reviewed_by": "x",
            "passed_by": "x",
            "no_code_reason": "legacy",
            "prices": [{"product": "x", "price": "19.9"}],
        },
    ),
    "/alerts/<int:number>/settlement": ("pharmacist", {"client_key": "x", "action": "x"}),
    "/prices": ("pharmacist", {"prices": [{"product": "x", "price": "19.9"}]}),
    "/drug-sales/<string:public_id>/returns": ("pharmacist", {"lines": [1], "reason": "x"}),
}
