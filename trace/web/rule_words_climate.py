"""The rule book's entries on the climate of zones and on loggers, as people read them."""

from collections.abc import Callable, Mapping
from typing import Any

from trace.domain.failures import N_

Said = tuple[str, Mapping[str, str]]

CLIMATE_TITLES: Mapping[str, str] = {
    "climate.zone.room": N_("Zone at normal temperature"),
    "climate.zone.cool": N_("Cool zone"),
    "climate.zone.cold": N_("Cold zone"),
    "climate.zone.quarantine": N_("Zone for what may not be sold"),
    "climate.readings": N_("Readings of temperature and humidity"),
    "climate.keep_minutes": N_("Sensors and loggers: what is kept"),
    "climate.calm_minutes": N_("When a stay outside the range is over"),
    "climate.late_hours": N_("Readings typed late"),
    "climate.log_gap_minutes": N_("Log of a cold delivery: longest gap"),
    "climate.activation_energy": N_("Mean kinetic temperature"),
    "climate.file_limits": N_("Files of loggers: limits"),
}


def _zone(value: Any) -> list[Said]:
    ends = {end: str(value.get(end, "…")) for end in ("low", "high", "humidity_low", "humidity_high")}
    return [(N_("{low} to {high} °C, humidity {humidity_low} to {humidity_high} %."), ends)]


def _readings(value: Any) -> list[Said]:
    hours = " · ".join(f"{one['from']}–{one['until']}" for one in value)
    return [(N_("One reading of each zone in each of these hours: {hours}."), {"hours": hours})]


CLIMATE_TOLD: Mapping[str, Callable[[Any], list[Said]]] = {
    **{f"climate.zone.{kind}": _zone for kind in ("room", "cool", "cold", "quarantine")},
    "climate.readings": _readings,
    "climate.keep_minutes": lambda value: [
        (
            N_("One in {inside} minutes, outside the range one in {outside}."),
            {"inside": str(value["inside"]), "outside": str(value["outside"])},
        )
    ],
    "climate.calm_minutes": lambda value: [
        (N_("After {minutes} minutes inside; until then it is one, told once."), {"minutes": str(value)})
    ],
    "climate.late_hours": lambda value: [
        (
            N_("After {hours} hours only with a reason, as a late entry; after {days} days no more."),
            {"hours": str(value["hours"]), "days": str(value["most_days"])},
        )
    ],
    "climate.log_gap_minutes": lambda value: [(N_("More than {minutes} minutes are told."), {"minutes": str(value)})],
    "climate.activation_energy": lambda value: [(N_("Activation energy {energy} kJ/mol."), {"energy": str(value)})],
    "climate.file_limits": lambda value: [
        (
            N_("At most {megabytes} MB and {rows} readings."),
            {"megabytes": f"{value['bytes'] / 1e6:g}", "rows": str(value["rows"])},
        )
    ],
}
