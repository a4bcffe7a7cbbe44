"""The rule book as it stands in this store: what is shipped, and what administrators wrote since."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import rule_entry
from trace.domain.rules.book import Confidence, Entry, RuleBook, Rules, shipped

# In Session.info: one reading a session.
_READ = "rule book"
_IN_FORCE = "rules in force"


def rules_on(session: Session, day: date, organisation: int) -> Rules:
    """What is in force on a day at an organisation (0: everywhere). One statement a session, however often asked."""
    known: dict[tuple[date, int], Rules] = session.info.setdefault(_IN_FORCE, {})
    if (day, organisation) not in known:
        known[day, organisation] = rule_book(session).on(day, organisation)
    return known[day, organisation]


def rule_book(session: Session) -> RuleBook:
    """All entries, shipped and written, of all times and organisations."""
    found: RuleBook | None = session.info.get(_READ)
    if found is None:
        rows = session.execute(select(rule_entry).order_by(rule_entry.c.id))
        found = shipped().and_also(
            Entry(row.name, row.effective_from, row.value, row.source, Confidence(row.confidence), row.organisation)
            for row in rows
        )
        session.info[_READ] = found
    return found


def forget_book(session: Session) -> None:
    """Read the book anew when it is next asked for: something was written."""
    session.info.pop(_READ, None)
    session.info.pop(_IN_FORCE, None)
