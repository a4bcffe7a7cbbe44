"""Bodies for the commands of a chain's headquarters that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import GOODS, LOT, NOWHERE

ADMINISTRATOR = "organisation_administrator"
_LINE = {"product": NOWHERE, "code": LOT, "lot_number": "L-1", "amount": 1, "codes": [LOT], "decision": "accept"}
CHAIN_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/chain/moves": (
        ADMINISTRATOR,
        {
            "client_key": "x",
            "sender": NOWHERE,
            "parts": [{"shop": NOWHERE, "goods": GOODS}],
            "arrived": True,
            "delivery_note": "x",
            "celsius": 4,
        },
    ),
    "/chain/deliveries": (
        ADMINISTRATOR,
        {
            "client_key": "x",
            "supplier": {"id": NOWHERE, "name": "x", "address": "x", "contact": "x"},
            "delivery_note": "x",
            "parts": [{"shop": NOWHERE, "lines": [_LINE]}],
        },
    ),
}
