"""Look at what arrives (进货查验): papers, licence, dates against the rules; and the decision on each line."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.tables import dispensing_head, licence
from trace.domain.failures import N_, Conflict, Invalid
from trace.domain.papers import CertificateKind, PaperState, Severity, is_valid_on, paper_states
from trace.domain.parties import DRUG_LICENCES, FOOD_LICENCES, UNLICENSED
from trace.domain.products import Category
from trace.domain.rules.receiving import Arrival, check_arrival
from trace.services.arrivals import (
    Decision,
    Line,
    Prepared,
    Sender,
    Supplier,
    check_not_in_stock,
    prepare_line,
    sender_of,
)
from trace.services.certificates import as_paper, link_lots, papers_of, visible_certificate_ids
from trace.services.commands import Command
from trace.services.delivery import check_against_shipment
from trace.services.lots import get_product
from trace.services.rulebook import rules_on


def look_at_delivery(
    session: Session, command: Command, *, supplier: Supplier, lines: Sequence[Line]
) -> list[dict[str, Any]]:
    """How each line would stand if it were received now: its lot, its papers present or missing, the findings.

    Works exactly as receiving does, up to the decision; the caller rolls the session back, so nothing is kept.
    """
    sender = sender_of(session, command.actor, supplier)
    day = command.day
    cards = []
    for number, line in enumerate(lines):
        ready = prepare_line(session, command, line, number, day)
        find_faults(session, command, ready, sender, f"lines.{number}")
        cards.append(
            {
                "lot": ready.lot,
                "lot_number": ready.product.number,
                "product": ready.product.product_name,
                "category": ready.product.category,
                "amount": ready.amount,
                "unit": ready.unit,
                "papers": [as_paper_state(state) for state in ready.papers],
                "findings": [finding.as_dict() for finding in ready.findings],
            }
        )
    return cards


def as_paper_state(state: PaperState) -> dict[str, Any]:
    """One group of papers as the desks show it."""
    return {
        "any_of": [kind.value for kind in state.requirement.any_of],
        "satisfied_by": state.satisfied_by.value if state.satisfied_by else None,
        "expired": [kind.value for kind in state.expired],
        "severity": state.requirement.severity.value,
        "source": state.requirement.source,
    }


def find_faults(session: Session, command: Command, ready: Prepared, sender: Sender, where: str) -> None:
    """Put the findings of a line, and how its papers stand, on it; nothing is decided here."""
    line, day = ready.line, command.day
    rules = rules_on(session, day, command.actor.organisation)
    linked = _link_papers(session, command, ready, sender, where)
    known = ready.product
    made_of = get_product(session, known.product_public_id)
    cold = made_of.celsius_low is not None and made_of.celsius_high is not None
    held_papers = tuple(as_paper(row) for row in linked)
    ready.papers = paper_states(known.category, held_papers, rules)
    ready.papers_there = [_paper_there(row, day) for row in linked]
    ready.findings = check_arrival(
        Arrival(
            category=Category(known.category),
            lot_number=known.number if ready.numbered else "",
            produced_on=known.produced_on,
            expires_on=known.expires_on,
            papers=held_papers,
            licence_valid=_licence_valid(session, sender, Category(known.category), day),
            codes=len(line.codes) or sum(1 for g in ready.goods if g.amount is None),
            no_code_reason=line.no_code_reason,
            sold_before=_sold_before(session, ready),
            celsius=None if line.celsius is None else int(line.celsius * 100),
            celsius_range=(made_of.celsius_low, made_of.celsius_high) if cold else None,
        ),
        rules,
    )
    check_not_in_stock(session, command.actor, ready, where)
    ready.findings += check_against_shipment(session, command, sender.number, sender.name, ready.goods, where)


def _sold_before(session: Session, ready: Prepared) -> str:
    """The first code of a line that some pharmacy has sold and not taken back; "" where there is none."""
    ids = find_idents(session, [good.item for good in ready.goods if good.amount is None])
    sold: set[int] = set()
    for part in chunks(list(ids.values())):
        open_sales = (dispensing_head.c.item.in_(part), dispensing_head.c.open_sales > 0)
        sold |= set(session.scalars(select(dispensing_head.c.item).where(*open_sales)))
    return next((uri.rpartition("/")[2] for uri, item in ids.items() if item in sold), "")


def check_decision(ready: Prepared, where: str) -> None:
    """Raise `Conflict` for a decision that goes against the findings, `Invalid` for one without its reason."""
    line = ready.line
    gravest = ready.findings[0] if ready.findings else None
    if line.decision is Decision.ACCEPT and gravest:
        if gravest.severity is Severity.BLOCK:
            raise Conflict(
                N_("This line cannot be accepted: {why} Hold it or refuse it."),
                field=f"{where}.decision",
                details={"rule": gravest.rule, "source": gravest.source},
                why=gravest,
            )
        if gravest.severity is Severity.HOLD and not line.reason.strip():
            raise Conflict(
                N_("Give a reason for accepting this line all the same, or hold it: {why}"),
                field=f"{where}.reason",
                details={"rule": gravest.rule, "source": gravest.source},
                why=gravest,
            )
    # A mere remark does not say why; what blocks or holds the line does.
    said = line.reason.strip() or any(finding.severity is not Severity.WARN for finding in ready.findings)
    if line.decision is not Decision.ACCEPT and not said:
        raise Invalid(N_("Say why this line is held or refused."), field=f"{where}.reason")


def _link_papers(session: Session, command: Command, ready: Prepared, sender: Sender, where: str) -> list[Any]:
    """The papers of a line: those named now (linked to its lot), and those linked to the lot before.

    A delivery note came with one delivery: that of another shop's, of the same lot, says nothing about this one.
    """
    named = visible_certificate_ids(
        session, actor=command.actor, public_ids=ready.line.certificates, field=f"{where}.certificates"
    )
    for row in named.values():
        link_lots(session, command, certificate_id=row.id, lots=[ready.lot])
    item = find_idents(session, [ready.lot])[ready.lot]
    both = (command.actor.organisation, sender.number)
    return [
        row
        for row in papers_of(session, [item]).get(item, [])
        if row.kind != CertificateKind.DELIVERY_NOTE or row.organisation in both or row.public_id in named
    ]


def _paper_there(row: Any, day: date) -> dict[str, Any]:
    """A paper as the purchase inspection record keeps it: what stood on it, and whether it was valid on the day."""
    return {
        "id": row.public_id,
        "kind": row.kind,
        "number": row.number,
        "issuer": row.issuer,
        "issued_on": row.issued_on.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "valid": is_valid_on(as_paper(row), day),
    }


def _licence_valid(session: Session, sender: Sender, category: Category, day: date) -> bool | None:
    """Whether the supplier has a licence for such goods that is valid on the day; None where none is needed."""
    if sender.kind in UNLICENSED and category is not Category.DRUG:
        return None
    if sender.number is None:
        return False
    kinds = DRUG_LICENCES if category is Category.DRUG else FOOD_LICENCES
    rows = session.execute(
        select(licence.c.expires_on).where(licence.c.organisation == sender.number, licence.c.kind.in_(kinds))
    )
    return any(expires is None or day <= expires for (expires,) in rows)
