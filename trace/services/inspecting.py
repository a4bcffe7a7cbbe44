"""Look at what arrives (进货查验): papers, licence, dates against the rules."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.tables import dispensing_head
from trace.domain.papers import CertificateKind, Paper, PaperState, is_valid_on, paper_states
from trace.domain.products import Category
from trace.domain.rules.overrides import gravest_override
from trace.domain.rules.receiving import Arrival, PaperUse, check_arrival
from trace.services.arrivals import (
    Line,
    Prepared,
    Sender,
    Supplier,
    check_not_in_stock,
    prepare_line,
    sender_of,
)
from trace.services.blocks import block_of
from trace.services.carcass import carcass_papers
from trace.services.certificates import as_paper, link_lots, papers_of, visible_certificate_ids
from trace.services.commands import Command
from trace.services.delivery import check_against_shipment
from trace.services.first_products import first_products
from trace.services.lots import get_product
from trace.services.packs_elsewhere import check_elsewhere
from trace.services.paper_use import differing, uses_of
from trace.services.recall_reach import recalled_because
from trace.services.rulebook import rules_on
from trace.services.suppliers import facts_of, licence_valid


def look_at_delivery(
    session: Session, command: Command, *, supplier: Supplier, lines: Sequence[Line]
) -> list[dict[str, Any]]:
    """How each line would stand if it were received now: its lot, its papers present or missing, the findings.

    Works exactly as receiving does, up to the decision; the caller rolls the session back, so nothing is kept.
    """
    sender = sender_of(session, command.actor, supplier)
    day, rules = command.day, rules_on(session, command.day, command.actor.organisation)
    cards, looked_at = [], list[Prepared]()
    for number, line in enumerate(lines):
        ready = prepare_line(session, command, line, number, day)
        gather_papers(session, command, ready, sender, f"lines.{number}")
        find_faults(session, command, ready, sender, f"lines.{number}", earlier=looked_at)
        looked_at.append(ready)
        cards.append(
            {
                "lot": ready.lot,
                "lot_number": ready.product.number,
                "product": ready.product.product_name,
                "category": ready.product.category,
                "amount": ready.amount,
                "unit": ready.unit,
                "new_identifiers": list(ready.new_identifiers),
                "papers": [as_paper_state(state) for state in ready.papers],
                "findings": [finding.as_dict() for finding in ready.findings],
                "override": gravest_override(ready.findings, rules).value,
                "expires_on": ready.product.expires_on,
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


def gather_papers(
    session: Session, command: Command, ready: Prepared, sender: Sender, where: str, *, named: Collection[str] = ()
) -> None:
    """Put the papers of a line on it: those named now, those of its lot, and of cut meat those of its carcass.

    `named` are papers that the record of the line names already, by their public ids.
    """
    linked = _link_papers(session, command, ready, sender, where, named)
    cited = carcass_papers(session, command, ready, sender, linked)
    for one in cited:
        link_lots(session, command, certificate_id=one.row.id, lots=[ready.lot])
    ready.carcass = {one.row.id: one.paper for one in cited}
    known = {row.id for row in linked}
    ready.paper_rows = [*linked, *(one.row for one in cited if one.row.id not in known)]


def find_faults(
    session: Session,
    command: Command,
    ready: Prepared,
    sender: Sender,
    where: str,
    *,
    earlier: Sequence[Prepared] = (),
) -> None:
    """Put the findings of a line, and how its papers stand, on it; nothing is decided here.

    Its papers are on it already (`gather_papers`); `earlier` are the lines before it.
    """
    judge(session, command, ready, sender, uses=uses_of(session, command, ready, sender, earlier=earlier))
    ready.findings += [*differing(ready), *ready.line.told]
    check_not_in_stock(session, command.actor, ready, where)
    ready.findings += check_against_shipment(session, command, sender.number, sender.name, ready.goods, where)


def judge(
    session: Session,
    command: Command,
    ready: Prepared,
    sender: Sender,
    *,
    uses: tuple[PaperUse, ...] = (),
    again_on: date | None = None,
) -> None:
    """Put on a line what is found of the goods as such by the rules of the command's day, and how their papers stand.

    `again_on`: goods that were held on that day are judged again on this one (`trace.domain.rules.receiving.Arrival`).
    """
    line, day = ready.line, command.day
    rules = rules_on(session, day, command.actor.organisation)
    known = ready.product
    supplier = facts_of(session, command.actor, sender)
    made_of = get_product(session, known.product_public_id)
    cold = made_of.celsius_low is not None and made_of.celsius_high is not None
    held_papers = tuple(ready.carcass.get(row.id) or as_paper(row) for row in ready.paper_rows)
    ready.papers = paper_states(known.category, held_papers, rules, again_on=again_on)
    ready.papers_there = [
        _paper_there(row, paper, day) for row, paper in zip(ready.paper_rows, held_papers, strict=True)
    ]
    ready.findings = check_arrival(
        Arrival(
            category=Category(known.category),
            lot_number=known.number if ready.numbered else "",
            produced_on=known.produced_on,
            expires_on=known.expires_on,
            papers=held_papers,
            uses=uses,
            licence_valid=licence_valid(session, command.actor, sender, Category(known.category), day),
            blocked=block_of(
                session, organisation=sender.number, uscc=supplier.uscc, name=sender.name, on=again_on or day
            ),
            supplier_blocked_here=supplier.blocked_here,
            first_delivery=not supplier.known,
            recalled=recalled_because(
                session, [ready.lot, *(good.item for good in ready.goods)], organisation=command.actor.organisation
            ),
            codes=len(line.codes) or sum(1 for g in ready.goods if g.amount is None),
            no_code_reason=line.no_code_reason,
            sold_before=_sold_before(session, ready),
            celsius=None if line.celsius is None else int(line.celsius * 100),
            celsius_range=(made_of.celsius_low, made_of.celsius_high) if cold else None,
            product_name=known.product_name,
            specification=made_of.specification,
            shelf_life_days=made_of.shelf_life_days,
            amount=ready.amount,
            unit=ready.unit,
            supplier_name=sender.name,
            supplier_address=sender.address,
            supplier_contact=sender.contact,
            drug_class=made_of.drug_class or "",
            first_product=bool(first_products(session, command.actor, [known.product])),
            again_on=again_on,
        ),
        rules,
    )
    ready.findings += check_elsewhere(
        session, actor=command.actor, sender=sender.number, goods=ready.goods, rules=rules
    )


def _sold_before(session: Session, ready: Prepared) -> str:
    """The first code of a line that some pharmacy has sold and not taken back; "" where there is none."""
    ids = find_idents(session, [good.item for good in ready.goods if good.amount is None])
    sold: set[int] = set()
    for part in chunks(list(ids.values())):
        open_sales = (dispensing_head.c.item.in_(part), dispensing_head.c.open_sales > 0)
        sold |= set(session.scalars(select(dispensing_head.c.item).where(*open_sales)))
    return next((uri.rpartition("/")[2] for uri, item in ids.items() if item in sold), "")


def _link_papers(
    session: Session, command: Command, ready: Prepared, sender: Sender, where: str, known: Collection[str]
) -> list[Any]:
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
        if row.kind != CertificateKind.DELIVERY_NOTE or row.organisation in both or row.public_id in {*named, *known}
    ]


def _paper_there(row: Any, paper: Paper, day: date) -> dict[str, Any]:
    """A paper as the purchase inspection record keeps it: what stood on it, and whether it was valid on the day."""
    return {
        "id": row.public_id,
        "kind": row.kind,
        "number": row.number,
        "issuer": row.issuer,
        "issued_on": row.issued_on.isoformat(),
        "valid_until": row.valid_until.isoformat() if row.valid_until else None,
        "valid": is_valid_on(paper, day),
        "of_batch": paper.of_batch,
    }
