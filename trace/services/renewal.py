"""Who mixes or re-packs issues a new certificate (R6, 农产品质量安全法 Art. 39): which lots wait, of what they are."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.orm import Session

from storage.events import chunks, makers_of, uris_of
from storage.tables import certificate, certificate_lot, event, event_item
from storage.trace_reader import TraceReader
from trace.domain.commitment import has_to_renew, is_in_scope
from trace.domain.failures import N_, Conflict
from trace.domain.genealogy import Direction, EdgeKind
from trace.domain.links import Role
from trace.domain.papers import CertificateKind, CommitmentForm, Severity, is_valid_on, paper_states
from trace.domain.parties import PRODUCERS
from trace.domain.permissions import Actor
from trace.domain.regions import find_region
from trace.domain.trace_search import trace
from trace.services.certificates import as_paper, papers_of, visible_among
from trace.services.commands import Command
from trace.services.lots import find_lots, lots_of
from trace.services.rulebook import rules_on


def sources_of(session: Session, command: Command, known: Mapping[str, Row[Any]]) -> set[int]:
    """The papers (numbers in the store) of what these lots were made of, one step back, valid on the day of the mixing.

    What the organisation issued itself for goods that it bought vouches for nothing here. Raises `Conflict` naming the
    lots that lack one: form 2 states that they were collected.
    """
    went_in: dict[str, date] = {}
    for row in known.values():
        went_in |= inputs_of(session, command.actor, row, now=_moment(command))
    rows = find_lots(session, went_in)
    papers = papers_of(session, [row.ident for row in rows.values()])
    open_to = visible_among(session, command.actor, {paper.id for some in papers.values() for paper in some})
    me, made = command.actor.organisation, makers_of(session, papers)
    bought = {item for item in papers if me not in made.get(item, set())}
    found: set[int] = set()
    lacking = []
    for uri, row in rows.items():
        day = went_in[uri]
        rules = rules_on(session, day, command.actor.organisation)
        valid = [
            p
            for p in papers.get(row.ident, ())
            if p.id in open_to and is_valid_on(as_paper(p), day)
            if not (p.issued_here and p.organisation == me and row.ident in bought)
        ]
        needed = [
            s
            for s in paper_states(row.category, [as_paper(p) for p in valid], rules)
            if s.requirement.severity is not Severity.WARN
        ]
        if any(state.satisfied_by is None for state in needed):
            lacking.append(f"{row.product_name} {row.number}")
        kinds = {kind.value for state in needed for kind in state.requirement.any_of}
        found |= {paper.id for paper in valid if paper.kind in kinds}
    if lacking:
        raise Conflict(
            N_(
                "The certificate would say that the papers of what went in were collected, and these lots have no valid"
                " one: {lots}. File their papers first."
            ),
            field="lots",
            details={"rule": "R6", "lots": lacking},
            lots="、".join(lacking),
        )
    return found


def check_own_produce(session: Session, command: Command, known: Mapping[str, Row[Any]]) -> None:
    """Raise `Conflict` for form 1 of a purchaser for goods it did not grow: how they grew is another's to say."""
    if command.actor.organisation_kind in PRODUCERS:
        return
    for row in known.values():
        if inputs_of(session, command.actor, row, now=_moment(command)):
            raise Conflict(
                N_("Form 1 is for what one grew or raised; {lot} was bought, or made of what was. Choose form 2."),
                field="form",
                lot=f"{row.product_name} {row.number}",
            )


def inputs_of(session: Session, actor: Actor, row: Row[Any], *, now: datetime) -> dict[str, date]:
    """{lot: the day} of what a lot was made of here; itself where it was bought; nothing for one's own harvest."""
    if actor.organisation not in makers_of(session, [row.ident]).get(row.ident, set()):
        return {row.uri: now.date()}
    found = trace(TraceReader(session), row.ident, Direction.BACKWARD)
    turned = {e.source: e.event for e in found.edges if e.target == row.ident and e.kind is EdgeKind.BECAME}
    uris = uris_of(session, turned)
    lots = lots_of(session, uris.values(), seen_by=actor.organisation)
    days = {
        number: datetime.fromtimestamp(rows[0].time / 1000, now.tzinfo).date()
        for number, rows in found.events.items()
        if rows
    }
    return {lots[uris[item]]: days.get(number, now.date()) for item, number in turned.items() if uris[item] in lots}


def _moment(command: Command) -> datetime:
    """When a command happened, in the shop's local time."""
    return (command.happened_at or command.now).astimezone(command.now.tzinfo)


def origin_of(session: Session, actor: Actor, row: Row[Any], *, now: datetime) -> tuple[str, str]:
    """(county by its six digits, place) a lot is from: what its record says, else where what went into it is from.

    "" where nobody said, and for the county where several went in.
    """
    if row.origin_region or row.origin:
        return row.origin_region or "", row.origin
    rows = find_lots(session, inputs_of(session, actor, row, now=now)).values()
    regions = {each.origin_region for each in rows}
    if len(regions) == 1:
        return regions.pop() or "", "、".join(dict.fromkeys(each.origin for each in rows if each.origin))
    places = (find_region(each.origin_region) if each.origin_region else each.origin for each in rows)
    return "", "、".join(dict.fromkeys(place for place in places if place))[:120]


def needs_new_certificate(session: Session, actor: Actor, lots: Iterable[str], *, on: date) -> list[Row[Any]]:
    """The records of those lots that the actor's organisation mixed or re-packed and has not certified anew (R6).

    农产品质量安全法 Art. 39. A handwritten certificate that was filed for the lot counts like one issued here.
    """
    rules = rules_on(session, on, actor.organisation)
    if not has_to_renew(actor.organisation_kind, rules):
        return []
    rows = {row.ident: row for row in find_lots(session, lots).values() if is_in_scope(row.category, rules)}
    for part in chunks(rows):
        made = (
            select(event_item.c.item)
            .join(event, event.c.id == event_item.c.event)
            .where(event_item.c.item.in_(part), event_item.c.role == Role.OUTPUT)
            .where(event.c.captured_by == actor.organisation)
        )
        certified = (
            select(certificate_lot.c.item)
            .join(certificate, certificate.c.id == certificate_lot.c.certificate)
            .where(certificate_lot.c.item.in_(part), certificate.c.kind == CertificateKind.COMMITMENT)
            .where(certificate.c.form == CommitmentForm.PURCHASER, certificate.c.revoked_at.is_(None))
            .where(certificate.c.organisation == actor.organisation)
        )
        lacking = set(session.scalars(made)) - set(session.scalars(certified))
        rows = {item: row for item, row in rows.items() if item in lacking or item not in part}
    return list(rows.values())
