"""Watch what is received under each paper, over all shops (R5): one certificate, used again and again, is told.

What counts is `trace.domain.paper_use`; which kinds of papers certify an amount is the entry `paper_use` of the rule
book. A shop learns of the others a sum, never who or how much each; the inspector of the region finds it out.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row, insert, or_, select, update
from sqlalchemy.orm import Session

from storage.events import insert_for, uris_of
from storage.tables import MICRO, alert, certificate, certificate_use, organisation, paper_head, receipt, receipt_line
from storage.tenancy import across
from trace.domain.failures import N_
from trace.domain.paper_use import PassedOn, Use, counted, room, shares
from trace.domain.papers import CertificateKind, Finding, Severity, alone_key, is_valid_on, requirements_for
from trace.domain.permissions import Actor, region_prefix
from trace.domain.quantities import comparable
from trace.domain.rules.book import Rules
from trace.domain.rules.receiving import PaperUse
from trace.domain.rules.weighing import weighing_tolerance
from trace.services.alerts import raise_alert
from trace.services.arrivals import Decision, Prepared, Sender
from trace.services.certificates import as_paper
from trace.services.commands import Command
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro

ALERT = "certificate_overused"
_SOURCE = "农产品质量安全法 Art. 39; 动物防疫法 Art. 78"


@dataclass(slots=True)
class Watched:
    """One paper under all its filings: what it certifies in `unit` (millionths), and what came under it so far."""

    row: Row[Any]
    unit: str
    certified: int | None
    differing: tuple[int, ...]
    uses: list[Use]
    filings: frozenset[int]
    apart: tuple[tuple[str, str], ...] = ()  # (amount, unit) that it certifies and that do not compare


@dataclass(frozen=True, slots=True)
class Share:
    """The part of a line that comes under one paper, in millionths of `paper.unit`; `counted` with it."""

    paper: Watched
    amount: int
    counted: int


def lock_papers(session: Session, prepared: Sequence[Prepared]) -> None:
    """Line up with everybody who receives under one of these papers: what is summed after this, nobody else changes.

    The rows of `paper_head` (`SELECT ... FOR UPDATE`; the single writer on SQLite) of all lines at once, in the order
    of their keys, so that two shops with the same papers in another order do not wait for each other in a ring. A
    paper that is the same by QR for one filer and by number for another has both keys, and so shares a lock with each.
    Taken after the locks on the goods (`arrivals.lock_arrivals`), by everybody in that order.
    """
    lock_rows(session, [row for ready in prepared for row in ready.paper_rows])


def lock_rows(session: Session, rows: Iterable[Row[Any]]) -> None:
    """The locks of `lock_papers` for rows of `certificate`."""
    keys = {key for row in rows for key in (key_of(row), row.number_key) if key}
    if not keys:
        return
    for key in sorted(keys):
        session.execute(insert_for(session, paper_head).values(paper_key=key).on_conflict_do_nothing())
    query = select(paper_head.c.paper_key).where(paper_head.c.paper_key.in_(keys)).order_by(paper_head.c.paper_key)
    session.execute(query.with_for_update()).all()


def uses_of(
    session: Session, command: Command, ready: Prepared, sender: Sender, *, earlier: Sequence[Prepared] = ()
) -> tuple[PaperUse, ...]:
    """What is received under each paper of a line, with it; its shares are put on the line (`ready.uses`).

    The line's amount is spread over its papers of one kind, the older ones filled first. `earlier` are the lines before
    it in the same delivery, which count as received. Exact for two shops at once after `lock_papers`.
    """
    rules = rules_on(session, command.day, command.actor.organisation)
    policy, unit = policy_of(rules), comparable(Decimal(1), ready.unit)[1]
    amount = micro(comparable(ready.amount, ready.unit)[0])
    ready.uses = []
    for rows in _certifying(rules, ready, command).values():
        papers = [watch(session, row, unit) for row in rows]
        for paper in papers:
            paper.uses += [
                Use(command.actor.organisation, sender.number, share.amount)
                for line in earlier
                if line.line.decision is not Decision.REFUSE
                for share in line.uses
                if share.paper.filings & paper.filings and share.paper.unit == unit
            ]
        rooms = [
            None if paper.certified is None else room(paper.certified, paper.uses, sender.number, policy)
            for paper in papers
        ]
        for paper, share in zip(papers, shares(amount, rooms), strict=True):
            if share:
                use = Use(command.actor.organisation, sender.number, share)
                ready.uses.append(Share(paper, share, counted([*paper.uses, use], policy)))
    return tuple(_as_paper_use(share, policy) for share in ready.uses)


def differing(ready: Prepared) -> Iterable[Finding]:
    """R5: what the paper certifies was transcribed differently (the smaller counts), or does not compare."""
    for paper in (share.paper for share in ready.uses):
        named = {"paper": paper.row.kind, "number": paper.row.number}
        if paper.certified is None and paper.apart:
            certified, of = paper.apart[0]
            text = N_(
                "{paper} {number} certifies {certified} {of}, and these goods are counted in {unit}: compare by hand."
            )
            values = {**named, "certified": certified, "of": of, "unit": ready.unit}
            yield Finding("R5", Severity.WARN, text, values, _SOURCE)
        if paper.differing:
            text = N_("{paper} {number} was filed with different quantities: {amounts}. Look at the paper itself.")
            amounts = " / ".join(_text(amount) for amount in paper.differing)
            yield Finding("R5", Severity.WARN, text, {**named, "amounts": amounts}, _SOURCE)


def note_uses(session: Session, command: Command, number: int, prepared: Sequence[Prepared], sender: Sender) -> None:
    """Write down what a receipt (its number in the store) was received under; too much is an alert.

    Called in the transaction that took `lock_papers`: no two shops can each see less than is received, and none is
    told twice of one paper.
    """
    rules = rules_on(session, command.day, command.actor.organisation)
    rows = []
    for position, ready in enumerate(prepared):
        for share in ready.uses if ready.line.decision is not Decision.REFUSE else ():
            row = share.paper.row
            rows.append(
                {
                    "receipt": number,
                    "line": position,
                    "certificate": row.id,
                    "paper_key": key_of(row),
                    "amount": share.amount,
                    "unit": share.paper.unit,
                }
            )
    if not rows:
        return
    session.execute(insert(certificate_use), rows)
    for ready in prepared:
        for share in ready.uses if ready.line.decision is not Decision.REFUSE else ():
            tell_excess(session, command, share, rules)


def recount(session: Session, command: Command, *, number: int, line: int, amount: int) -> None:
    """A line's amount was corrected (millionths of its own unit, 0: it was refused): its uses shrink or grow alike.

    Too much is an alert then, too. Lines up with everybody who receives under the same papers, as `lock_papers` does.
    """
    here = (certificate_use.c.receipt == number, certificate_use.c.line == line)
    was = session.execute(
        select(receipt_line.c.unit).where(receipt_line.c.receipt == number, receipt_line.c.line == line)
    ).scalar_one()
    now = micro(comparable(Decimal(amount) / MICRO, was)[0])
    query = select(certificate, certificate_use.c.amount.label("came"), certificate_use.c.unit.label("in_unit"))
    query = query.join(certificate_use, certificate_use.c.certificate == certificate.c.id).where(*here)
    kinds: dict[str, list[Row[Any]]] = {}
    rows = session.execute(query.order_by(certificate.c.issued_on, certificate.c.id)).all()
    lock_rows(session, rows)
    for row in rows:
        kinds.setdefault(row.kind, []).append(row)
    for same in kinds.values():
        for row, share in zip(same, shares(now, [*(row.came for row in same[:-1]), None]), strict=True):
            one = (*here, certificate_use.c.certificate == row.id)
            session.execute(update(certificate_use).where(*one).values(amount=share))
    rules = rules_on(session, command.day, command.actor.organisation)
    for row in rows:
        paper = watch(session, row, row.in_unit)
        tell_excess(session, command, Share(paper, 0, counted(paper.uses, policy_of(rules))), rules)


def received_under(session: Session, row: Row[Any], *, actor: Actor) -> dict[str, Any]:
    """What came under a paper: own receipts one by one, all others as a sum; what is left of it, None: not certified.

    Amounts are decimals in `unit`. `certified` is the smallest of what its filings say. An inspector is told the
    receipts of the shops of the region, each with its `organisation`.
    """
    organisation_id = actor.organisation
    unit = row.unit or _unit_used(session, row)
    paper = watch(session, row, comparable(Decimal(1), unit)[1])
    rules = rules_on(session, row.issued_on, organisation_id)
    total = counted(paper.uses, policy_of(rules))
    own = sum(use.amount for use in paper.uses if use.receiver == organisation_id)
    query = (
        select(
            receipt.c.public_id, receipt.c.received_at, receipt.c.supplier_name, certificate_use.c.amount,
            organisation.c.name,
        )
        .join(receipt, receipt.c.id == certificate_use.c.receipt)
        .join(organisation, organisation.c.id == receipt.c.organisation)
        .where(
            certificate_use.c.certificate.in_(paper.filings),
            certificate_use.c.unit == paper.unit,
            organisation.c.region.startswith(region_prefix(actor.region))
            if actor.watches
            else receipt.c.organisation == organisation_id,
            receipt.c.undone_at.is_(None),
        )
        .order_by(receipt.c.id.desc())
        .limit(200)
    )  # fmt: skip
    return {
        "unit": paper.unit,
        "certified": None if paper.certified is None else _number(paper.certified),
        "differing": [_number(amount) for amount in paper.differing],
        "received": _number(total),
        "own": _number(own),
        "elsewhere": _number(max(0, total - min(own, total))),
        "left": None if paper.certified is None else _number(max(0, paper.certified - total)),
        "receipts": [
            {
                "id": use.public_id,
                "at": use.received_at,
                "organisation": use.name,
                "supplier": use.supplier_name,
                "amount": _number(use.amount),
            }
            for use in session.execute(query)
        ],
    }


# ---- one paper under all its filings -------------------------------------------------------------------------------


def policy_of(rules: Rules) -> PassedOn:
    """How goods that go on under the same paper count on the day of these rules."""
    entry = rules.entry("paper_use")
    return PassedOn(entry.value["passed_on"]) if entry else PassedOn.EXCESS


def _certifying(rules: Rules, ready: Prepared, command: Command) -> dict[str, list[Row[Any]]]:
    """{kind: the line's papers that certify an amount of such goods and are valid, each once, the oldest first}."""
    entry = rules.entry("paper_use")
    if entry is None:
        return {}
    asked = {kind for wanted in requirements_for(ready.product.category, rules) for kind in wanted.any_of}
    found: dict[str, dict[str, Row[Any]]] = {}
    own_first = sorted(
        ready.paper_rows, key=lambda row: (row.organisation != command.actor.organisation, row.issued_on, row.id)
    )
    for row in own_first:
        paper = ready.carcass.get(row.id) or as_paper(row)
        if row.kind in entry.value["kinds"] and CertificateKind(row.kind) in asked and is_valid_on(paper, rules.day):
            known = found.setdefault(row.kind, {})
            if not any(_is_same(row, other) for other in known.values()):
                known[key_of(row)] = row
    return {kind: sorted(rows.values(), key=lambda row: (row.issued_on, row.id)) for kind, rows in found.items()}


def _is_same(one: Row[Any], other: Row[Any]) -> bool:
    if one.number_key and one.number_key == other.number_key:
        return True
    return key_of(one) == key_of(other) and not (one.number_key and other.number_key)


def key_of(row: Row[Any]) -> str:
    """The key of a paper; one that was filed before there were keys is known to itself alone."""
    return str(row.paper_key or alone_key(row.public_id))


def _filings(session: Session, row: Row[Any]) -> list[Any]:
    """The certificates, of whatever organisation, that are this paper.

    Of the same QR, unless both name another number (some QR codes open one page for all papers); or of the same number.
    One step: who files a paper of one QR under another's number joins no two papers of others.
    """
    if row.paper_key is None:
        return [row]
    by_qr = certificate.c.paper_key == row.paper_key
    if row.number_key:
        by_qr = by_qr & (certificate.c.number_key.is_(None) | (certificate.c.number_key == row.number_key))
    same = or_(by_qr, certificate.c.number_key == row.number_key) if row.number_key else by_qr
    query = select(certificate.c.id, certificate.c.amount, certificate.c.unit).where(same).order_by(certificate.c.id)
    return [*session.execute(query)]


@across(because="a paper says how much there is, and whoever received under it has used of that (R3)")
def watch(session: Session, row: Row[Any], unit: str) -> Watched:
    """A paper under all its filings, in a unit (KGM for grams), as it stands now; exact after `lock_rows`."""
    filings = _filings(session, row)
    amounts = [comparable(Decimal(one.amount) / MICRO, one.unit) for one in filings if one.amount is not None]
    said = sorted({micro(amount) for amount, of in amounts if of == unit})
    apart = tuple(sorted({(f"{amount.normalize() + 0:f}", of) for amount, of in amounts if of != unit}))
    ids = frozenset(one.id for one in filings)
    query = (
        select(receipt.c.organisation, receipt.c.supplier, certificate_use.c.amount)
        .join(receipt, receipt.c.id == certificate_use.c.receipt)
        .where(certificate_use.c.certificate.in_(ids), certificate_use.c.unit == unit, receipt.c.undone_at.is_(None))
    )
    uses = [Use(use.organisation, use.supplier, use.amount) for use in session.execute(query)]
    return Watched(row, unit, said[0] if said else None, tuple(said) if len(said) > 1 else (), uses, ids, apart)


@across(because="a paper says how much there is, and whoever received under it has used of that (R3)")
def _unit_used(session: Session, row: Row[Any]) -> str:
    query = select(certificate_use.c.unit).where(certificate_use.c.certificate == row.id).limit(1)
    return str(session.execute(query).scalar_one_or_none() or "KGM")


def _as_paper_use(share: Share, policy: PassedOn) -> PaperUse:
    paper, row = share.paper, share.paper.row
    return PaperUse(
        kind=CertificateKind(row.kind),
        number=row.number,
        certified=None if paper.certified is None else _number(paper.certified),
        unit=paper.unit,
        before=_number(counted(paper.uses, policy)),
        now=_number(share.counted),
        issued_on=row.issued_on,
    )


# ---- too much ------------------------------------------------------------------------------------------------------


@across(because="whoever received under an overdrawn paper is told")
def tell_excess(session: Session, command: Command, share: Share, rules: Rules) -> None:
    """Two scales differ: the line is told of every gram, shops and inspector of what no scale explains."""
    paper = share.paper
    if paper.certified is not None and share.counted > paper.certified * (1 + weighing_tolerance(paper.unit, rules)):
        _tell_all(session, command, share)


def _tell_all(session: Session, command: Command, share: Share) -> None:
    """One alert for each shop that received under the paper, and through its region the inspector; once a paper."""
    query = (
        select(
            receipt.c.organisation, organisation.c.region, receipt_line.c.item, certificate.c.public_id,
            certificate.c.kind, certificate.c.number, certificate_use.c.paper_key, certificate_use.c.amount,
        )
        .join(receipt, receipt.c.id == certificate_use.c.receipt)
        .join(
            receipt_line,
            (receipt_line.c.receipt == certificate_use.c.receipt) & (receipt_line.c.line == certificate_use.c.line),
        )
        .join(organisation, organisation.c.id == receipt.c.organisation)
        .join(certificate, certificate.c.id == certificate_use.c.certificate)
        .where(certificate_use.c.certificate.in_(share.paper.filings), receipt.c.undone_at.is_(None))
        .order_by(receipt.c.id.desc())
    )  # fmt: skip
    latest: dict[int, Any] = {}
    own: dict[int, int] = {}
    for row in session.execute(query).all():
        latest.setdefault(row.organisation, row)
        own[row.organisation] = own.get(row.organisation, 0) + row.amount
    told = set(
        session.scalars(
            select(alert.c.organisation).where(
                alert.c.kind == ALERT,
                alert.c.organisation.in_(latest),
                alert.c.details["paper"].as_string().in_({row.paper_key for row in latest.values()}),
            )
        )
    )
    uris = uris_of(session, [row.item for row in latest.values()])
    for shop, last in latest.items():
        if shop not in told:
            facts = _facts(share, last, own[shop])
            raise_alert(
                session, kind=ALERT, item=last.item, organisation=shop, region=last.region, now=command.now,
                details={"paper": last.paper_key, "code": uris[last.item], "subject": last.public_id, "facts": facts},
            )  # fmt: skip


def _facts(share: Share, row: Any, own: int) -> Mapping[str, str]:
    return {
        "number": row.number,
        "certified": f"{_text(share.paper.certified or 0)} {share.paper.unit}",
        "received_everywhere": f"{_text(share.counted)} {share.paper.unit}",
        "received_here": f"{_text(own)} {share.paper.unit}",
    }


def _number(amount: int) -> Decimal:
    return (Decimal(amount) / MICRO).normalize() + 0


def _text(amount: int) -> str:
    return f"{_number(amount):f}"
