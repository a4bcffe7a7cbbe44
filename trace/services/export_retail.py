"""What the trace platform is told: which codes were sold, and which of those came back or never were sold.

It knows a code as sold or not, however often a pack is opened. So what is told is the difference between how it stands
in the shop and what the platform was told last: what was sold and came back between two makings is no news, and while
a file is not answered nobody knows how they have its codes: those are told of after that. A subject is the code, from
the second telling on with the number of it: `81234567890123456789@1`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, Select, or_, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.prefixes import beginning_with
from storage.tables import drug_sale, drug_sale_line, export_entry, export_file, ident
from trace.domain.exports import Form, Record, State, is_of_platform
from trace.domain.uris import UriKind, drug_code_uri
from trace.services.export_goods import Window, code_text, codes_of_events
from trace.services.export_purchases import declared_wrong
from trace.services.export_sale_lines import record_of_line, sale_lines

_FORMS = (Form.RETAIL_BILL, Form.RETAIL_RETURN)
_MARK = "@"


@dataclass(slots=True)
class _Told:
    """What the platform was told of a code: the form of the latest file that it took, all subjects by form.

    `open`: in a file that is not answered yet; `refused`: in one that a person makes anew.
    """

    last: Form | None = None
    subjects: dict[Form, set[str]] = field(default_factory=lambda: {form: set() for form in _FORMS})
    open: bool = False
    refused: bool = False

    def next(self, form: Form, code: str) -> str:
        """The subject of the next telling."""
        many = [int(subject.partition(_MARK)[2] or 0) for subject in self.subjects[form]]
        return f"{code}{_MARK}{max(many) + 1}" if many else code


def codes_sold(session: Session, window: Window) -> list[Record]:
    """The codes that are sold and that the platform does not have as sold, each once."""
    return _records(session, window, Form.RETAIL_BILL)


def codes_back(session: Session, window: Window) -> list[Record]:
    """The codes that the platform has as sold and that came back since, or were never sold."""
    return _records(session, window, Form.RETAIL_RETURN)


def _records(session: Session, window: Window, form: Form) -> list[Record]:
    asked = {subject.partition(_MARK)[0]: subject for subject in window.subjects or ()}
    lines = _lines_by_code(session, window, _moved(session, window) if window.subjects is None else asked)
    told = _told(session, window, lines)
    found = []
    for code, rows in lines.items():
        still = [row for row in rows if row.returned_event is None]
        known = told[code].last is Form.RETAIL_BILL
        if known == bool(still) or known != (form is Form.RETAIL_RETURN):
            continue  # they have it as it stands, or the other form tells of it
        if code in asked or not (told[code].open or told[code].refused):
            subject = asked.get(code) or told[code].next(form, code)
            found.append(record_of_line(still[0] if still else rows[-1], window, form, subject))
    return sorted(found, key=lambda record: (record.recorded_at, int(record.document)))


def _moved(session: Session, window: Window) -> set[str]:
    """The codes of which something was recorded since: sold, come back, declared wrong, or answered."""
    recorded = or_(drug_sale.c.recorded_at >= window.since, drug_sale_line.c.returned_at >= window.since)
    query = (
        select(ident.c.uri)
        .join(drug_sale_line, drug_sale_line.c.item == ident.c.id)
        .join(drug_sale, drug_sale.c.id == drug_sale_line.c.sale)
        .where(drug_sale.c.organisation == window.organisation, ident.c.kind == UriKind.INSTANCE, recorded)
    )
    wrong = codes_of_events(session, declared_wrong(session, window))
    codes = {code_text(uri) for uri in session.scalars(query)} | {code for some in wrong.values() for code in some}
    codes |= {subject.partition(_MARK)[0] for subject in session.scalars(_answered(window))}
    return {code for code in codes if is_of_platform(code)}


def _answered(window: Window) -> Select[str]:
    """The subjects in files of which the platform said since what became of them."""
    said = or_(export_file.c.sent_at >= window.since, export_file.c.settled_at >= window.since)
    return (
        select(export_entry.c.subject)
        .join(export_file, export_file.c.id == export_entry.c.export_file)
        .where(export_file.c.target == window.target, export_file.c.form.in_(_FORMS), said)
    )


def _lines_by_code(
    session: Session, window: Window, codes: Iterable[str]
) -> Mapping[str, Sequence[Row[*tuple[Any, ...]]]]:
    """{code: its lines in all receipts since the telling began, the earliest first}."""
    items = sorted(find_idents(session, [drug_code_uri(code) for code in codes]).values())
    query = sale_lines(window).where(drug_sale.c.recorded_at >= window.begins)
    found: dict[str, list[Row[*tuple[Any, ...]]]] = {}
    for part in chunks(items):
        here = query.where(drug_sale_line.c.item.in_(part)).order_by(drug_sale.c.id, drug_sale_line.c.line)
        for row in session.execute(here):
            found.setdefault(code_text(row.uri), []).append(row)
    return found


def _told(session: Session, window: Window, lines: Mapping[str, Sequence[Row[*tuple[Any, ...]]]]) -> dict[str, _Told]:
    """What was told of each code, by the files in their order."""
    query = (
        select(export_file.c.id, export_entry.c.subject, export_entry.c.form, export_file.c.state)
        .join(export_file, export_file.c.id == export_entry.c.export_file)
        .where(export_entry.c.target == window.target, export_entry.c.form.in_(_FORMS))
    )
    rows = [row for part in chunks(lines) for row in session.execute(query.where(export_entry.c.subject.in_(part)))]
    # Of most codes there is nothing behind the first telling: they were sold once, and that is that.
    moved = {code for code, some in lines.items() if len(some) > 1 or some[0].returned_event is not None}
    moved |= {row.subject for row in rows if row.form == Form.RETAIL_RETURN}
    for part in chunks(moved, 100):
        behind = beginning_with(query, export_entry.c.subject, (f"{code}{_MARK}" for code in part))
        rows += session.execute(behind).all()
    told = {code: _Told() for code in lines}
    for row in sorted(rows, key=lambda row: (row.id, row.form)):
        of, form = told[row.subject.partition(_MARK)[0]], Form(row.form)
        of.subjects[form].add(row.subject)
        if row.state == State.REFUSED:
            of.refused = True
        elif row.state == State.QUEUED:
            of.open = True
        else:
            of.last = form
    return told
