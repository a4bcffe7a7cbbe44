"""Bodies for duty, prescriptions, the public window and inspections that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import NOWHERE

PHARMACIST, ADMINISTRATOR, INSPECTOR = "pharmacist", "organisation_administrator", "inspector"

# (who may, a body that passes the check of its shape), route by route.
DUTY_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/duty": (PHARMACIST, {"person": NOWHERE, "remote": True, "until": "2026-01-01T20:00:00+08:00"}),
    "/duty/end": (PHARMACIST, {"client_key": "x", "happened_at": "2100-01-01T08:00:00+08:00"}),
    "/pharmacists": (
        ADMINISTRATOR,
        {"person": NOWHERE, "registration_no": "x", "title": "x", "expires_on": "2030-01-01"},
    ),
    "/prescriptions": (
        PHARMACIST,
        {"reference": "x", "prescribed_on": "2026-01-01", "reviewed_by": NOWHERE, "shop": NOWHERE},
    ),
    "/public-window": (
        ADMINISTRATOR,
        {"shown": True, "names": True, "complaint_number": "x", "notice": "x", "zone": NOWHERE},
    ),
    "/inspections": (
        INSPECTOR,
        {
            "organisation": NOWHERE,
            "inspected_on": "2026-01-01",
            "outcome": "passed",
            "grade": "A",
            "inspectors": ["x", "y"],
            "remarks": "x",
        },
    ),
}
