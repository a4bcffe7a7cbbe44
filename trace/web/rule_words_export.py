"""The rule book's entries on what is told to the insurance and the trace platform, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

EXPORT_TITLES: Mapping[str, str] = {
    "export.nightly": N_("Exports: when they are made and reconciled"),
    "export.retry": N_("Exports: sending again"),
    "export.sizes": N_("Exports: how much at once"),
    "export.reach": N_("Exports: how far back"),
    "export.special": N_("Exports: special drugs on the trace platform"),
    "export.methods": N_("Exports: names of the trace platform's calls"),
    "export.answers": N_("Exports: what words in a refusal mean"),
}


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(inner) for name, inner in value.items()}


EXPORT_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    "export.nightly": lambda value: [(N_("Made at {build}, reconciled at {reconcile}."), _texts(value))],
    "export.retry": lambda value: [
        (
            N_(
                "After a failure of the network {times} times, every {pause_seconds} seconds;"
                " at most {calls_a_second} calls a second. What was lost {lost_times} times is left to a person."
            ),
            _texts(value),
        )
    ],
    "export.sizes": lambda value: [
        (N_("{codes} codes a bill, {records} records a message, {events} events a document."), _texts(value))
    ],
    "export.reach": lambda value: [
        (
            N_(
                "Records may begin {days_back} days before a target is set up; bills are asked about for"
                " {reconcile_days} days."
            ),
            _texts(value),
        )
    ],
    "export.special": lambda value: [("{classes}", {"classes": ", ".join(value)})],
    # The names themselves are for programs: they stand with the entry's value, for who may write it.
    "export.methods": lambda value: [(N_("{count} calls by name."), {"count": str(len(value))})],
    "export.answers": lambda value: [
        # Those in English are for programs, too.
        ("{words}", {"words": ", ".join(word for some in value.values() for word in some if not word.isascii())})
    ],
}
