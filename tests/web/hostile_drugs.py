"""Bodies for the drug file and its codes that name nothing that exists."""

from typing import Any

from tests.web.hostile_desk import CLERK, NOWHERE

DRUG = {
    "name": "x",
    "specification": "x",
    "dosage_form": "x",
    "producer": "x",
    "mah": "x",
    "approval_no": "x",
    "national_drug_code": "x",
    "prescription": "rx",
    "drug_class": "toxic",
    "storage": "cold",
    "celsius_low": 2,
    "celsius_high": 8,
    "split_units": 12,
    "split_unit_name": "x",
}
IDENTIFIER = {"identifier": "8385793", "level": 1, "cascade": "1:5"}

# (who may, a body that passes the check of its shape), route by route.
DRUG_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/codes/read": (CLERK, {"codes": ["83857930000879766660"]}),
    "/drugs": (CLERK, {**DRUG, "code": "8385793"}),
    "/drugs/<string:public_id>/changes": (CLERK, {**DRUG, "reason": "x"}),
    "/drugs/<string:public_id>/check": (CLERK, {"seen": ["x"], "remark": "x"}),
    "/drugs/<string:public_id>/identifiers": (CLERK, {**IDENTIFIER, "length": 20}),
    "/drugs/<string:public_id>/identifiers/correct": (CLERK, {**IDENTIFIER, "product": NOWHERE, "reason": "x"}),
}
