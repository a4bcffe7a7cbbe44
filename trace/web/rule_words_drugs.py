"""The rule book's entries on the drug file, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

DRUG_TITLES: Mapping[str, str] = {
    "first_product.items": N_("First-product file: what is looked at"),
    "relation.limits": N_("Relation files: how much is read"),
}
DRUG_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "first_product.items": lambda value: [(N_("Looked at: {items}."), {"items": ", ".join(value)})],
    "relation.limits": lambda value: [
        (
            N_("{megabytes} MB, {codes} codes."),
            {"megabytes": f"{value['bytes'] / 1e6:g}", "codes": f"{value['codes']:,}"},
        )
    ],
}
