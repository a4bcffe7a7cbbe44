"""Bodies for the commands of stock care that name nothing that exists."""

from typing import Any

NOWHERE = "0" * 26
LOT = "https://id.gs1.org/01/09520701000020/10/NONE"
CLERK = "clerk"

# (who may, a body that passes the check of its shape), route by route; what all commands have is tried elsewhere.
CARE_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/care/checks": (CLERK, {"lots": [{"lot": LOT, "outcome": "held", "note": "x"}], "remarks": "x"}),
    "/quarantine": (CLERK, {"lots": [LOT], "reason": "x"}),
    "/stocktakes": (CLERK, {"note": "x", "category": "drug", "product": NOWHERE}),
    "/stocktakes/<string:public_id>/counts": (
        CLERK,
        {"codes": ["x"], "goods": [{"code": LOT, "amount": 1}], "anew": True},
    ),
    "/stocktakes/<string:public_id>/closing": (
        CLERK,
        {"reason": "x", "override": {"sign_in": "x", "password": "x", "reason": "x"}},
    ),
}
