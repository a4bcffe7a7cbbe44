"""The rule book's entries on work in the background, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

JOB_TITLES: Mapping[str, str] = {
    "job.patience": N_("Work in the background: when it is given up"),
    "trace.pauses": N_("Long histories: how long the next part is kept"),
}

JOB_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "job.patience": lambda value: [
        (
            N_("{kind}: after {failures} failures in a row over {days} days a person decides."),
            {"kind": f"job_{kind}", "failures": str(limits["failures"]), "days": str(limits["days"])},
        )
        for kind, limits in value.items()
    ],
    "trace.pauses": lambda value: [
        (
            N_("For {minutes} minutes; of one organisation {most} at most."),
            {"minutes": str(value["minutes"]), "most": str(value["most"])},
        )
    ],
}
