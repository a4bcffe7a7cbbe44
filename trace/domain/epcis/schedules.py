"""When a standing query is run: the query schedule of EPCIS (ISO/IEC 19987, section 8.2.5.3) on a local clock."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from croniter import CroniterBadDateError, croniter

from trace.domain.failures import N_, Invalid

# Finest first, as croniter reads them with `second_at_beginning`; the legal numbers of each (1 is Monday, 7 Sunday).
FIELDS = {
    "second": (0, 59),
    "minute": (0, 59),
    "hour": (0, 23),
    "dayOfMonth": (1, 31),
    "month": (1, 12),
    "dayOfWeek": (1, 7),
}
# `0/30` is no element of the standard's grammar, but GS1's own OpenAPI file has it in an example of a subscription.
_ELEMENT = re.compile(r"(?P<one>[0-9]{1,2})(/(?P<step>[0-9]{1,2}))?|\[(?P<low>[0-9]{1,2})-(?P<high>[0-9]{1,2})\]")
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Schedule:
    """A query schedule: `fields` as they were given, by their names in EPCIS; `cron` says the same to croniter."""

    fields: Mapping[str, str]
    cron: str

    def next_after(self, moment: datetime, zone: tzinfo) -> datetime:
        """The first query time after an aware moment, in UTC. The clock is one "chosen by the EPCIS Service".

        An hour that summer time skips is made up for after the gap; one that it repeats counts twice.
        """
        # Day of month and day of week must both match (section 8.2.5.3), where cron takes either.
        times = croniter(self.cron, moment.astimezone(zone), second_at_beginning=True, day_or=False)
        found: datetime = times.get_next(datetime)
        return found.astimezone(UTC)


def parse_schedule(value: Any) -> Schedule:
    """{second, minute, hour, dayOfMonth, month, dayOfWeek} as a schedule; each a text such as `5`, `0,30`, `[1-5]`.

    A field left out matches any value, but one finer than all that are given is its first value: {"hour": "1"} is one
    o'clock sharp, as {"hour": "1", "minute": "5"} is "every morning at 1.05am" in GS1's OpenAPI file, not sixty times.
    Raises `Invalid`, naming the field, for any other text, number or field, and for a schedule that never comes.
    """
    if not isinstance(value, Mapping):
        raise Invalid(
            N_("A schedule is an object with some of the fields {fields}."), field="schedule", fields=_names()
        )
    for name in value:
        if name not in FIELDS:
            raise Invalid(
                N_("A schedule has no field {name}; it takes some of the fields {fields}."),
                field="schedule",
                name=str(name)[:40],
                fields=_names(),
            )
    fields = {name: _text(name, value[name]) for name in FIELDS if value.get(name) not in (None, "")}
    if not fields:
        raise Invalid(
            N_("The schedule is empty; give at least one of the fields {fields}."), field="schedule", fields=_names()
        )
    schedule = Schedule(fields, " ".join(_cron(fields)))
    try:
        schedule.next_after(datetime(2024, 1, 1, tzinfo=UTC), UTC)
    except CroniterBadDateError as fault:
        raise Invalid(N_("The schedule names a day that never comes."), field="schedule") from fault
    return schedule


def _names() -> str:
    return ", ".join(FIELDS)


def _text(name: str, value: Any) -> str:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or len(text) > _LONGEST:
        raise _no_element(name, value)
    return text.strip()


def _cron(fields: Mapping[str, str]) -> list[str]:
    finest = next(iter(fields))  # `fields` are in the order of FIELDS
    first = dict.fromkeys(("second", "minute", "hour"), "0")
    if "dayOfWeek" not in fields:
        first["dayOfMonth"] = "1"
    for name in list(FIELDS)[list(FIELDS).index(finest) :]:
        first.pop(name, None)
    return [
        ",".join(map(str, sorted(_numbers(name, fields[name])))) if name in fields else first.get(name, "*")
        for name in FIELDS
    ]


def _numbers(name: str, text: str) -> set[int]:
    """All numbers that a field's text stands for; Sunday is cron's 0."""
    least, most = FIELDS[name]
    numbers: set[int] = set()
    for element in text.split(","):
        found = _ELEMENT.fullmatch(element.strip())
        if found is None:
            raise _no_element(name, text)
        low = int(found["one"] or found["low"])
        high = int(found["high"] or (most if found["step"] else low))
        step = int(found["step"] or 1)
        if not least <= low <= high <= most or step < 1:
            raise _no_element(name, text)
        numbers.update(range(low, high + 1, step))
    return {number % 7 for number in numbers} if name == "dayOfWeek" else numbers


def _no_element(name: str, value: Any) -> Invalid:
    least, most = FIELDS[name]
    return Invalid(
        N_(
            "The schedule's field {name} takes numbers from {least} to {most}, separated by commas, or ranges such as"
            " [{least}-{most}]; {value} came."
        ),
        field=f"schedule.{name}",
        name=name,
        least=least,
        most=most,
        value=str(value)[:80],
    )
