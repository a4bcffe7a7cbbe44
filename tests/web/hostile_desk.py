"""Bodies for the commands of the supermarket's desk that name nothing that exists."""

from typing import Any

NOWHERE = "0" * 26
LOT = "https://id.gs1.org/01/09520701000020/10/NONE"
GOODS = [{"code": LOT, "amount": 1}]
REASON = {"reason": "x"}
INSPECTOR, CLERK, PLATFORM = "inspector", "clerk", "platform_administrator"

# (who may, a body that passes the check of its shape), route by route; what all commands have is tried elsewhere.
DESK_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/blocks": (INSPECTOR, {**REASON, "organisation": NOWHERE, "uscc": "x", "name": "x", "decision_no": "x"}),
    "/blocks/<string:public_id>/lift": (INSPECTOR, REASON),
    "/certificates/<string:public_id>/lots": (CLERK, {"lots": [LOT]}),
    "/checks/<string:kind>/<string:day>/signature": (CLERK, {"remarks": "x"}),
    "/commitment-certificates/<string:public_id>/revocation": (CLERK, REASON),
    "/imports/<string:public_id>/store": (CLERK, {"client_key": "x"}),
    "/rapid-tests": (
        CLERK,
        {
            "lot": LOT,
            "tested_for": "x",
            "passed": True,
            "official": True,
            "result_at": "2026-01-01T08:00:00+08:00",
            "photo": "0" * 64,
        },
    ),
    "/rapid-tests/<string:public_id>/retest": (CLERK, {"passed": True, "laboratory": "x", "method": "laboratory"}),
    "/recalls": (CLERK, {**REASON, "lot": LOT, "kind": "recall", "level": 1}),
    "/recalls/<string:public_id>/acknowledgement": (CLERK, {"answer": "x"}),
    "/recalls/<string:public_id>/closing": (CLERK, {**REASON, "unanswered": "x"}),
    "/recalls/<string:public_id>/lifting": (CLERK, REASON),
    "/recalls/<string:public_id>/return-to-sale": (CLERK, {"client_key": "x"}),
    "/recalls/<string:public_id>/search": (CLERK, {"client_key": "x"}),
    "/repacking": (CLERK, {"inputs": GOODS, "portions": [{"amount": 1, "product": NOWHERE, "number": "x"}]}),
    "/rules": (
        PLATFORM,
        {
            **REASON,
            "name": "nothing",
            "effective_from": "2030-01-01",
            "value": [],
            "source": "x",
            "confidence": "S",
            "everywhere": True,
        },
    ),
    "/sales": (CLERK, {"sold": [{"code": LOT, "product": NOWHERE, "amount": 1}]}),
    "/suppliers": (
        CLERK,
        {"organisation": NOWHERE, "name": "x", "uscc": "x", "address": "x", "contact": "x", "override_reason": "x"},
    ),
    "/suppliers/<string:public_id>/changes": (
        CLERK,
        {**REASON, "name": "x", "uscc": "x", "address": "x", "contact": "x", "standing": "watched"},
    ),
    "/suppliers/<string:public_id>/check": (CLERK, {"seen": ["x"], "remark": "x"}),
    "/suppliers/<string:public_id>/licences": (
        CLERK,
        {"kind": "food_business_licence", "number": "x", "expires_on": "2030-01-01"},
    ),
}
