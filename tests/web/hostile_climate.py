"""Bodies for the commands of zones and their climate that name nothing that exists."""

from typing import Any

NOWHERE = "0" * 26
CLERK = "clerk"
BOUNDS = {"low": 3, "high": 7, "humidity_low": 40, "humidity_high": 70}

# (who may, a body that passes the check of its shape), route by route; what all commands have is tried elsewhere.
CLIMATE_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/zones": (CLERK, {"name": "x", "kind": "cold", "sensor": "a/b", **BOUNDS}),
    "/zones/<string:public_id>/changes": (CLERK, {"sensor": "x", "reason": "x", **BOUNDS}),
    "/zones/<string:public_id>/closing": (CLERK, {"reason": "x"}),
    "/zones/<string:public_id>/actions": (CLERK, {"about": "2026-01-01T08:00:00+08:00", "action": "x"}),
    "/climate/readings": (
        CLERK,
        {"readings": [{"zone": NOWHERE, "celsius": 5, "humidity": 50, "action": "x"}]},
    ),
}
