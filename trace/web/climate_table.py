"""A zone's record as a table in the reader's language: 温湿度记录表, what CSV hands out."""

from collections.abc import Mapping
from typing import Any

from flask_babel import gettext

from trace.domain.failures import N_
from trace.domain.tables import Cell, Table
from trace.web.words import word

_HEADINGS = (
    N_("Day"), N_("Part of the day"), N_("Time"), N_("Temperature (°C)"), N_("Humidity (%)"), N_("Result"),
    N_("Read by"), N_("What was done"), N_("Late entry"),
)  # fmt: skip


def climate_table(record: Mapping[str, Any], zone: Any) -> Table:
    """The readings of a zone's record (`trace.services.climate_record.zone_record`), one line a part of a day, and one
    a late entry that is not the first of its part."""
    rows = [row for day in record["days"] for row in _rows(record, day, zone)]
    return Table(gettext("Temperature and humidity"), [gettext(heading) for heading in _HEADINGS], rows)


def _rows(record: Mapping[str, Any], day: Mapping[str, Any], zone: Any) -> list[list[Cell]]:
    shown = [part["reading"] for part in day["parts"]]
    more = [{"part": "", "reading": one} for one in day["late"] if one not in shown]
    return [_row(record, day["day"], part, zone) for part in [*day["parts"], *more]]


def _row(record: Mapping[str, Any], day: Any, part: Mapping[str, Any], zone: Any) -> list[Cell]:
    one = part["reading"]
    head: list[Cell] = [day, word(f"day_{part['part']}") if part["part"] else ""]
    if one is None:
        return [*head, "", None, None, word(f"climate_{part['state']}"), "", "", ""]
    result = gettext("Within the range") if one["inside"] else gettext("Outside the range")
    by = one["by"] or word(f"climate_{one['source']}")
    at = one["at"].astimezone(zone).strftime("%H:%M")
    return [*head, at, one["celsius"], one["humidity"], result, by, actions_at(record, one), _late(one, zone)]


def _late(reading: Mapping[str, Any], zone: Any) -> Cell:
    """When a late entry was typed, and why so late."""
    if not reading["late_reason"]:
        return ""
    return f"{reading['recorded_at'].astimezone(zone):%Y-%m-%d %H:%M} {reading['late_reason']}"


def actions_at(record: Mapping[str, Any], reading: Mapping[str, Any]) -> str:
    """What was done about the stay outside that a reading belongs to."""
    stays = (one for one in record["excursions"] if one["about"] <= reading["at"] <= one["last"])
    return "; ".join(done["action"] for one in stays for done in one["actions"])
