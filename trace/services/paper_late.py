"""Papers that come after their goods, or are read after them: what was received counts under them all the same (R5).

A paper that was only photographed says nothing of another shop's until its number is typed; one that is tied to lots in
stock certifies what was received of them before.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, lock_items
from storage.tables import MICRO, certificate, certificate_use, product, receipt, receipt_line
from trace.domain.paper_use import counted
from trace.domain.papers import requirements_for
from trace.domain.permissions import Actor
from trace.domain.quantities import comparable
from trace.services.arrivals import Decision
from trace.services.certificates import file_certificate, had_by, link_lots, visible_row
from trace.services.commands import Command, run_once
from trace.services.lots import item_uri
from trace.services.paper_use import Share, key_of, lock_rows, policy_of, tell_excess, watch
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro


def file_paper(session: Session, command: Command, *, lots: Sequence[str], **said: Any) -> dict[str, Any]:
    """`file_certificate` of a paper whose goods may have come before it: what was received of them counts under it."""
    _lock_goods(session, command.actor, lots)
    done = file_certificate(session, command, lots=lots, **said)
    if lots:
        row = visible_row(session, command.actor, done["id"])
        _count_linked(session, command, row.id, _items(session, lots))
    return done


def link_paper(session: Session, command: Command, *, public_id: str, lots: Sequence[str]) -> dict[str, Any]:
    """Tie a paper one may see to more lots that one had: {id, lots}; again is harmless.

    What was received of these lots before counts as received under the paper from now on. Two at once: one row a pair,
    by its primary key, and the locks on goods and paper in the order in which receiving takes them. Raises `NotFound`
    for either that is not one's to name.
    """

    def act() -> dict[str, Any]:
        row = visible_row(session, command.actor, public_id)
        _lock_goods(session, command.actor, lots)
        link_lots(session, command, certificate_id=row.id, lots=lots, had_only=True)
        _count_linked(session, command, row.id, _items(session, lots))
        return {"id": public_id, "lots": list(lots)}

    return run_once(session, command, "link_paper", act)


def _items(session: Session, lots: Sequence[str]) -> list[int]:
    uris = [item_uri(text, field=f"lots.{n}") for n, text in enumerate(lots)]
    return sorted(find_idents(session, uris).values())


def _lock_goods(session: Session, actor: Actor, lots: Sequence[str]) -> None:
    lock_items(session, sorted(had_by(session, actor, _items(session, lots))))


def _count_linked(session: Session, command: Command, certificate_id: int, items: Iterable[int]) -> None:
    """A paper was tied to lots (their numbers) that the organisation received before: they came under it, too.

    What of a line came under another paper of its kind stays there. Too much is an alert. Comes after the locks on the
    goods (`storage.events.lock_items`), as in receiving; lines up with whoever receives under the paper, then.
    """
    row = session.execute(select(certificate).where(certificate.c.id == certificate_id)).one()
    rules = rules_on(session, command.day, command.actor.organisation)
    entry = rules.entry("paper_use")
    if entry is None or row.kind not in entry.value["kinds"]:
        return
    lock_rows(session, [row])
    rows = []
    for line in _lines_of(session, command.actor, items):
        asked = {kind for wanted in requirements_for(line.category, rules) for kind in wanted.any_of}
        amount, unit = comparable(Decimal(line.amount) / MICRO, line.unit)
        rest = micro(amount) - _under_others(session, line, row.kind)
        if row.kind in asked and rest > 0 and not _is_counted(session, line, row.id):
            one = {"receipt": line.receipt, "line": line.line, "certificate": row.id, "paper_key": key_of(row)}
            rows.append({**one, "amount": rest, "unit": unit})
    if rows:
        session.execute(insert(certificate_use), rows)
        look_again(session, command, certificate_id)


def _lines_of(session: Session, actor: Actor, items: Iterable[int]) -> list[Any]:
    """The lines of own records, taken in or held, of these lots."""
    query = (
        select(receipt_line.c.receipt, receipt_line.c.line, receipt_line.c.amount, receipt_line.c.unit,
               product.c.category)
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .join(product, product.c.id == receipt_line.c.product)
        .where(
            receipt.c.organisation == actor.organisation,
            receipt.c.undone_at.is_(None),
            receipt_line.c.decision != Decision.REFUSE.value,
        )
        .order_by(receipt_line.c.receipt, receipt_line.c.line)
    )  # fmt: skip
    return [row for part in chunks(items) for row in session.execute(query.where(receipt_line.c.item.in_(part)))]


def _under_others(session: Session, line: Row[Any], kind: str) -> int:
    """Millionths of a line that came under papers of a kind."""
    query = (
        select(certificate_use.c.amount)
        .join(certificate, certificate.c.id == certificate_use.c.certificate)
        .where(certificate_use.c.receipt == line.receipt, certificate_use.c.line == line.line)
        .where(certificate.c.kind == kind)
    )
    return sum(session.scalars(query))


def _is_counted(session: Session, line: Row[Any], certificate_id: int) -> bool:
    one = (certificate_use.c.receipt == line.receipt, certificate_use.c.line == line.line)
    query = select(certificate_use.c.amount).where(*one, certificate_use.c.certificate == certificate_id)
    return session.execute(query).one_or_none() is not None


def look_again(session: Session, command: Command, certificate_id: int) -> None:
    """What stands on a paper was typed or corrected after goods came under it: too much is an alert now.

    A paper that was only photographed is known to be another shop's, too, as soon as its number is typed. Lines up with
    whoever receives under it, under its keys as they are now.
    """
    row = session.execute(select(certificate).where(certificate.c.id == certificate_id)).one()
    lock_rows(session, [row])
    rules = rules_on(session, command.day, command.actor.organisation)
    units = select(certificate_use.c.unit).where(certificate_use.c.certificate == certificate_id).distinct()
    for unit in session.scalars(units).all():
        paper = watch(session, row, unit)
        tell_excess(session, command, Share(paper, 0, counted(paper.uses, policy_of(rules))), rules)
