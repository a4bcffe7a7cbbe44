"""Bodies for the exports that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import NOWHERE

ADMINISTRATOR = "organisation_administrator"
EXPORT_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/exports/targets/<string:kind>": (
        ADMINISTRATOR,
        {
            "client_key": "x",
            "address": "https://127.0.0.1/",
            "account": {"code": "x"},
            "secret": "x",
            "enabled": True,
            "begins_on": "2026-01-01T00:00:00+08:00",
        },
    ),
    "/exports/targets/<string:public_id>/files": (ADMINISTRATOR, {"client_key": "x"}),
    "/exports/files/<string:public_id>/send": (ADMINISTRATOR, {"client_key": "x"}),
    "/exports/files/<string:public_id>/settlement": (
        ADMINISTRATOR,
        {"client_key": "x", "taken": True, "note": "x"},
    ),
    "/exports/insurance-codes": (ADMINISTRATOR, {"client_key": "x", "codes": [{"product": NOWHERE, "code": "XA01"}]}),
}
