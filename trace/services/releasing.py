"""Held goods go back on the shelf: what was found when they came is judged again, and decides who may release them.

What can have changed since is looked at anew, by the one judging of arrivals (`trace.services.inspecting.judge`): a
paper that came later, a licence on file, a supplier looked at or blocked, a lot that expired. What is a fact of its
coming (the temperature, the note, the order) stands as it was found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.tables import MICRO, acceptance, event_item, ident, organisation, person, product, receipt, receipt_line
from trace.domain.acceptance import check_way
from trace.domain.dispensing import NoCodeReason
from trace.domain.epcis.document import PREFIX
from trace.domain.papers import Finding, Severity
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.domain.rules.special_drugs import check_special_drug
from trace.domain.uris import UriKind, uri_kind
from trace.services.accepting import cold_range, ways_of
from trace.services.arrivals import Decision, Line, Prepared, Sender, Supplier, sender_of
from trace.services.commands import Command
from trace.services.inspecting import gather_papers, judge
from trace.services.lots import find_lots, lots_of
from trace.services.making import Goods, stranger_uri
from trace.services.overrides import Agreement, check_release, second_person
from trace.services.rulebook import rules_on

AGAINST = f"{PREFIX}against"  # in the event of a release: the rules whose findings people set aside
SECOND_PERSON = f"{PREFIX}secondPerson"  # the public id of who signed as the second; never a name
# The rules of an arrival whose facts can change after it.
_CHANGING = frozenset({"R1", "R2", "R3", "R7", "R8", "R9", "BLOCKED", "STANDING", "FIRST", "TWO", "PRODUCT"})


def allow_release(
    session: Session, command: Command, goods: Sequence[Goods], reason: str, agreement: Agreement | None = None
) -> dict[str, Any]:
    """What the event of a release says of the decision: the reason, what was set aside, the second person.

    Raises `Conflict` (`trace.services.overrides.check_release`) for goods of which a finding lets nobody put them on
    the shelf, or only two people.

    A correction of the line, or its record undone, at the same moment: the rows of `receipt` are taken shared, in
    order, before anything else is locked, so that either waits for this or this finds it done. A paper revoked or a
    supplier blocked at the same moment counts if it was written down before this looks.
    """
    second = second_person(session, actor=command.actor, agreement=agreement) if agreement else None
    rules = rules_on(session, command.day, command.actor.organisation)
    found = findings_again(session, command, goods, rules)
    signed = check_release(found, rules, first=command.actor, second=second)
    told: dict[str, Any] = {"sunshine:reason": reason}
    against = sorted({finding.rule for finding in found if finding.severity is not Severity.WARN})
    if against:
        told[AGAINST] = against
    if signed and second is not None:
        told[SECOND_PERSON] = session.scalars(select(person.c.public_id).where(person.c.id == second.person)).one()
    return told


def findings_again(session: Session, command: Command, goods: Sequence[Goods], rules: Rules) -> list[Finding]:
    """What is found today of goods that are held: of the lines they came held with, and of special drugs in any case.

    Goods that came by no held line (brought back by a customer, doubted at a check) have no findings of their coming.
    """
    lots = lots_of(session, [good.item for good in goods], seen_by=command.actor.organisation)
    classes = _classes(session, lots.values())
    found = [finding for drug_class in classes for finding in check_special_drug(drug_class, rules)]
    for line, of_line in _held_lines(session, command.actor, goods, lots):
        found += _judge_again(session, command, line, of_line)
    return found


def _classes(session: Session, lots: Iterable[str]) -> list[str]:
    """The drug classes of lots."""
    numbers = {row.product for row in find_lots(session, set(lots)).values()}
    query = select(product.c.drug_class).distinct().where(product.c.drug_class.is_not(None))
    return [one for part in chunks(numbers) for one in session.scalars(query.where(product.c.id.in_(part)))]


def _held_lines(
    session: Session, actor: Actor, goods: Sequence[Goods], lots: Mapping[str, str]
) -> list[tuple[Row[Any], list[Goods]]]:
    """The held lines of own records by which goods came, with those of the goods that may be of each.

    A pack is of the last line that its event names it in; of some of a lot nobody knows of which of its lines it is,
    so all that are held count.
    """
    ids = find_idents(session, {*lots, *lots.values()})
    rows = _lines_of(session, actor, {ids[lot] for lot in lots.values() if lot in ids})
    came = _came_with(session, [ids[good.item] for good in goods if good.item in ids], rows)
    held: dict[tuple[int, int], tuple[Row[Any], list[Goods]]] = {}
    for good in goods:
        of_lot = [row for row in rows if row.item == ids.get(lots.get(good.item, ""))]
        last = None if uri_kind(good.item) is UriKind.LOT else came.get(ids.get(good.item, 0))
        for row in of_lot if last is None else [last]:
            if row.decision == Decision.HOLD:
                held.setdefault((row.receipt, row.line), (row, []))[1].append(good)
    return list(held.values())


def _lines_of(session: Session, actor: Actor, lots: Iterable[int]) -> list[Row[Any]]:
    """The lines of own records of these lots (their numbers), the oldest first; nobody changes them meanwhile."""
    mine = (receipt.c.organisation == actor.organisation, receipt.c.undone_at.is_(None))
    of_lots = select(receipt.c.id).join(receipt_line, receipt_line.c.receipt == receipt.c.id).where(*mine)
    parts = list(chunks(sorted(lots)))
    numbers = {one for part in parts for one in session.scalars(of_lots.where(receipt_line.c.item.in_(part)))}
    for part in chunks(sorted(numbers)):
        lock = select(receipt.c.id).where(receipt.c.id.in_(part)).order_by(receipt.c.id)
        session.execute(lock.with_for_update(read=True)).all()
    lines = (
        select(receipt_line, ident.c.uri, receipt.c.received_at, receipt.c.supplier, receipt.c.supplier_name,
               receipt.c.supplier_address, receipt.c.supplier_contact)
        .join(receipt, receipt.c.id == receipt_line.c.receipt)
        .join(ident, ident.c.id == receipt_line.c.item)
        .where(*mine, receipt_line.c.decision != Decision.REFUSE.value)
    )  # fmt: skip
    rows = [row for part in parts for row in session.execute(lines.where(receipt_line.c.item.in_(part)))]
    return sorted(rows, key=lambda row: (row.receipt, row.line))


def _came_with(session: Session, items: Iterable[int], rows: Iterable[Row[Any]]) -> dict[int, Row[Any]]:
    """{item: the last of these lines whose event names it}."""
    lines = {row.event: row for row in rows}
    found: dict[int, Row[Any]] = {}
    for part in chunks(sorted(items)):
        query = select(event_item.c.item, event_item.c.event).where(event_item.c.item.in_(part))
        for item, number in session.execute(query.order_by(event_item.c.event)).tuples():
            if number in lines:
                found[item] = lines[number]
    return found


def _judge_again(session: Session, command: Command, row: Row[Any], goods: Sequence[Goods]) -> list[Finding]:
    """The findings of a held line as they stand today."""
    before = [Finding(**{**one, "severity": Severity(one["severity"])}) for one in row.findings]
    rules_before = {finding.rule for finding in before}
    then = replace(command, happened_at=row.received_at, client_key=None)
    sender = _sender(session, command.actor, row)
    ready = _prepared(session, row, goods, before)
    gather_papers(session, then, ready, sender, "goods", named=[paper["id"] for paper in row.papers])
    judge(session, then, ready, sender, again_on=command.day)
    # What came without codes and was not found fault with had its reason (R9): nobody gives it twice.
    anew = [one for one in ready.findings if one.rule in _CHANGING and (one.rule != "R9" or "R9" in rules_before)]
    stands = [one for one in before if one.rule not in _CHANGING]
    if "LOG" in rules_before:
        stands = _with_late_log(session, then, row, stands)
    return anew + stands


def _sender(session: Session, actor: Actor, row: Row[Any]) -> Sender:
    """Who delivered a line, as its record says and as the supplier's card says now."""
    said = Supplier(None, row.supplier_name, row.supplier_address, row.supplier_contact)
    if row.supplier is None:
        return Sender(None, said.name, said.address, said.contact, stranger_uri(actor, said.name), None)
    of = select(organisation.c.public_id).where(organisation.c.id == row.supplier)
    return sender_of(session, actor, replace(said, public_id=session.execute(of).scalar_one()))


def _prepared(session: Session, row: Row[Any], goods: Sequence[Goods], before: Sequence[Finding]) -> Prepared:
    """A line as it was when it came, with those of its goods that are asked about."""
    nameless = any(one.rule == "R1" and "lot_number" in one.values.get("fields", "") for one in before)
    line = Line(
        celsius=None if row.celsius is None else Decimal(row.celsius) / 100,
        no_code_reason=row.reason if row.reason in set(NoCodeReason) else "",
    )
    amount, known = Decimal(row.amount) / MICRO, find_lots(session, [row.uri])[row.uri]
    return Prepared(line, row.uri, known, list(goods), amount, row.unit, numbered=not nameless)


def _with_late_log(session: Session, command: Command, row: Row[Any], stands: list[Finding]) -> list[Finding]:
    """The findings of a cold line that came without its logger's file, with what the file says if it came since."""
    of = select(acceptance.c.id).where(acceptance.c.receipt == row.receipt)
    logs = [log for number in session.scalars(of).all() for log in ways_of(session, number)]
    if not logs:
        return stands
    query = select(product.c.celsius_low, product.c.celsius_high).where(product.c.id == row.product)
    rules = rules_on(session, command.day, command.actor.organisation)
    allowed = cold_range(session.execute(query).one(), rules)
    return [one for one in stands if one.rule != "LOG"] + check_way(logs, allowed, rules)
