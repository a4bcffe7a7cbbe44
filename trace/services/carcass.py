"""Cut meat cites the papers of its slaughter batch: nobody certifies it anew since 2026 (农业农村部 2025-09 通知).

Where the chain is on this system, the one trace leads back to the batch; where it is not, the line names the batch, and
the paper that the shop or its supplier filed for that batch stands for the meat. Which kinds of papers stand for which
goods, and from which day on, is the entry `carcass_papers` of the rule book.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import Row, or_, select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents
from storage.tables import certificate, lot, organisation, product, transit
from storage.trace_reader import TraceReader
from trace.domain.genealogy import Direction, Trace
from trace.domain.papers import CertificateKind, Paper, is_valid_on, same_number
from trace.domain.trace_search import trace
from trace.domain.uris import UriKind
from trace.services.arrivals import Prepared, Sender
from trace.services.certificates import as_paper, papers_of
from trace.services.commands import Command
from trace.services.rulebook import rules_on

# A lot of cuts has a few carcasses behind it, and the animals behind those; more rows than this is no butcher's day.
MOST_ROWS, MOST_LEVELS = 5_000, 24


@dataclass(frozen=True, slots=True)
class CarcassPaper:
    """A paper of the slaughter batch: its row, and as it counts for the meat cut from it."""

    row: Row[Any]
    paper: Paper


def carcass_papers(
    session: Session, command: Command, ready: Prepared, sender: Sender, direct: Sequence[Row[Any]]
) -> list[CarcassPaper]:
    """The papers that a line of meat cites, of the kinds that may be cited on the day; `direct` are its own papers.

    Traced: every batch that went into the meat has to have a paper of a kind, or none of that kind is cited; it counts
    if it was valid on the day of cutting, whatever it says of later days. By number: the paper has to name that batch.
    """
    entry = rules_on(session, command.day, command.actor.organisation).entry("carcass_papers")
    if entry is None or ready.product.category not in entry.value["categories"]:
        return []
    item = find_idents(session, [ready.lot])[ready.lot]
    found = {one.row.id: one for one in _traced(session, command, item, entry.value)}
    for row in (*direct, *_filed_for(session, command, ready.line.cites, sender, item, entry.value["kinds"])):
        batch = str(row.fields.get("batch") or "")
        cited = same_number(batch, ready.line.cites) or (batch and not same_number(batch, ready.product.number))
        if row.kind in entry.value["kinds"] and cited:
            found.setdefault(row.id, CarcassPaper(row, replace(as_paper(row), of_batch=batch)))
    return list(found.values())


# ---- where the chain is on this system -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Chain:
    """What lies behind a lot: whence each thing was made and on which day, and the lots of meat among them."""

    parents: Mapping[int, Sequence[tuple[int, date]]]
    lots: Mapping[int, Row[Any]]
    papers: Mapping[int, Sequence[Row[Any]]]
    kinds: Mapping[int, UriKind]
    seen: set[int] = field(default_factory=set)

    def cover(self, item: int, kind: str) -> list[CarcassPaper] | None:
        """The papers of a kind that stand for a thing, through all it was made of; None where one has none."""
        if item in self.seen:
            return []  # goods that went round in a circle cover themselves through what came in from outside
        self.seen.add(item)
        sources = [(source, day) for source, day in self.parents.get(item, ()) if self._is_meat(source)]
        found: list[CarcassPaper] = []
        for source, day in sources:
            own = [
                CarcassPaper(row, replace(as_paper(row), valid_until=None, of_batch=self.lots[source].number))
                for row in self.papers.get(source, ())
                if row.kind == kind and not row.form.startswith("animal") and is_valid_on(as_paper(row), day)
            ]
            more = own or self.cover(source, kind)
            if more is None:
                return None
            found += more
        return found if sources else None

    def _is_meat(self, item: int) -> bool:
        """Lots of meat, and the crates and packs that led to them; of salt and of the animals nothing is asked."""
        return item in self.lots or self.kinds.get(item) != UriKind.LOT


def _traced(session: Session, command: Command, item: int, rule: Mapping[str, Any]) -> Iterable[CarcassPaper]:
    reader = TraceReader(session)
    found = trace(reader, item, Direction.BACKWARD, rows=MOST_ROWS, levels=MOST_LEVELS)
    if found.truncated or not found.edges:
        return
    parents = _parents(found, command.now.tzinfo)
    lots = _lots(session, found.items, rule["categories"])
    kinds = reader.kinds(list(found.items))
    papers = papers_of(session, [number for number in lots if number != item])
    for kind in rule["kinds"]:
        yield from _Chain(parents, lots, papers, kinds).cover(item, kind) or ()


def _parents(found: Trace, zone: tzinfo | None) -> dict[int, list[tuple[int, date]]]:
    """{thing: what it was made of or what was in it, and on which local day}."""
    days = {event: datetime.fromtimestamp(rows[0].time / 1000, zone).date() for event, rows in found.events.items()}
    parents: dict[int, list[tuple[int, date]]] = {}
    for edge in found.edges:
        if edge.event in days:
            parents.setdefault(edge.target, []).append((edge.source, days[edge.event]))
    return parents


def _lots(session: Session, items: Iterable[int], categories: Collection[str]) -> dict[int, Row[Any]]:
    query = (
        select(lot.c.item, lot.c.number)
        .join(product, product.c.id == lot.c.product)
        .where(product.c.category.in_(categories))
    )
    rows: dict[int, Row[Any]] = {}
    for part in chunks(items):
        rows.update({row.item: row for row in session.execute(query.where(lot.c.item.in_(part)))})
    return rows


# ---- where it is not -----------------------------------------------------------------------------------------------


def _filed_for(
    session: Session, command: Command, batch: str, sender: Sender, item: int, kinds: Sequence[CertificateKind]
) -> list[Row[Any]]:
    """Papers of a batch that the shop filed, or its supplier, if that one recorded sending these goods here.

    Without that, whoever names a supplier and guesses at batches would learn what papers it has.
    """
    if not batch.strip():
        return []
    whose = {command.actor.organisation}
    if sender.number is not None:
        sent = select(transit.c.item).where(
            transit.c.sender == sender.number,
            transit.c.receiver == command.actor.organisation,
            or_(transit.c.item == item, transit.c.lot == item),
            transit.c.amount > 0,
        )
        whose |= {sender.number} if session.execute(sent.limit(1)).one_or_none() else set()
    query = (
        select(certificate, organisation.c.region)
        .join(organisation, organisation.c.id == certificate.c.organisation)
        .where(
            certificate.c.organisation.in_(whose),
            certificate.c.kind.in_(kinds),
            certificate.c.fields["batch"].as_string().is_not(None),
            certificate.c.issued_on <= command.day,
        )
        .order_by(certificate.c.id.desc())
        .limit(2_000)
    )
    return [row for row in session.execute(query) if same_number(str(row.fields.get("batch") or ""), batch)]
