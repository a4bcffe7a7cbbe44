"""A period of days, as people name one for a record that is handed out."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from trace.domain.failures import N_, Invalid

LONGEST_DAYS = 366  # a year, whichever it is


@dataclass(frozen=True, slots=True)
class Days:
    """From the first day to the last, both included, in the shop's own time."""

    first: date
    last: date
    zone: tzinfo

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """From this moment to before that one."""
        return (
            datetime.combine(self.first, time(), self.zone),
            datetime.combine(self.last + timedelta(days=1), time(), self.zone),
        )

    def check(self) -> None:
        """Raise `Invalid` for a period that ends before it begins or is longer than a year."""
        if not 1 <= (self.last - self.first).days + 1 <= LONGEST_DAYS:
            raise Invalid(
                N_("The period from {first} to {last} is not one of 1 to {most} days. Choose other days."),
                field="last",
                first=self.first.isoformat(),
                last=self.last.isoformat(),
                most=LONGEST_DAYS,
            )
