"""Packs that arrive here while another pharmacy has them in stock (R8): one of the two boxes is a copy, or one of the
two records is wrong. Told before anybody decides, and, once it is recorded, to both pharmacies and their inspectors.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.events import chunks, documents_of, find_idents, uris_of
from storage.tables import event, event_item, organisation, stock
from trace.domain.dispensing import code_text
from trace.domain.epcis.document import load_document
from trace.domain.epcis.vocabulary import PIECE
from trace.domain.failures import N_
from trace.domain.papers import Finding, Severity
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.domain.uris import UriKind, uri_kind
from trace.services.alerts import raise_alert
from trace.services.making import Goods

TWO_STOCKS = "code_in_two_stocks"


@dataclass(frozen=True, slots=True)
class _There:
    """A pack (its number) and a pharmacy that has it in stock: number, region."""

    item: int
    organisation: int
    region: str


def check_elsewhere(
    session: Session, *, actor: Actor, sender: int | None, goods: Iterable[Goods], rules: Rules
) -> list[Finding]:
    """R8: packs of a line that another pharmacy has in stock; it is not said which.

    The sender's own stock is no finding here: who did not record the sending is told so by
    `trace.services.delivery.check_against_shipment`.
    """
    entry = rules.entry("acceptance.elsewhere")
    items = sorted({there.item for there in _elsewhere(session, actor, sender, goods)}) if entry is not None else []
    if entry is None or not items:
        return []
    text = N_("The code {code} stands in another pharmacy's stock ({count} of this line do): one of the two is a copy.")
    values = {"code": code_text(uris_of(session, items[:1])[items[0]]), "count": str(len(items))}
    remedy = N_("Keep the boxes apart, ask the supplier, and tell the inspector.")
    return [Finding("R8", Severity(entry.value["severity"]), text, values, entry.source, remedy)]


def alarm_elsewhere(
    session: Session, *, actor: Actor, sender: int | None, goods: Mapping[int, Sequence[Goods]], now: datetime
) -> None:
    """Tell this pharmacy, those that have the same packs in stock, and through their regions the inspectors; the events
    of both are named. `goods` {event that was just recorded: what it is about}.

    Two pharmacies that receive one pack at once: the rows of `ident` that receiving locks, the later one sees both.
    """
    for number, arrived in goods.items():
        found: dict[int, list[_There]] = {}
        for there in _elsewhere(session, actor, sender, arrived):
            found.setdefault(there.item, []).append(there)
        for item, others in found.items():
            _alarm(session, actor, number, item, others, now)


def _alarm(session: Session, actor: Actor, number: int, item: int, others: Sequence[_There], now: datetime) -> None:
    events = {actor.organisation: number} | _arrivals(session, item, [there.organisation for there in others])
    times = dict(
        session.execute(select(event.c.id, event.c.event_time).where(event.c.id.in_(events.values()))).tuples().all()
    )
    documents = documents_of(session, list(events.values()))
    told = [
        {
            "event": load_document(documents[one])["eventID"],
            "at": datetime.fromtimestamp(times[one] / 1000, now.tzinfo).isoformat(timespec="minutes"),
            "organisation": shop,
        }
        for shop, one in events.items()
        if one in documents
    ]
    details = {"code": code_text(uris_of(session, [item])[item]), "sales": told}
    for shop, region in {actor.organisation: actor.region, **{one.organisation: one.region for one in others}}.items():
        raise_alert(session, kind=TWO_STOCKS, item=item, organisation=shop, region=region, details=details, now=now)


def _arrivals(session: Session, item: int, shops: Sequence[int]) -> dict[int, int]:
    """{pharmacy: the last event it recorded about a pack}: what is in stock has not left since."""
    query = (
        select(event.c.captured_by, func.max(event.c.id))
        .join(event_item, event_item.c.event == event.c.id)
        .where(event_item.c.item == item, event.c.captured_by.in_(shops))
        .group_by(event.c.captured_by)
    )
    return dict(session.execute(query).tuples().all())


def _elsewhere(session: Session, actor: Actor, sender: int | None, goods: Iterable[Goods]) -> list[_There]:
    uris = [good.item for good in goods if good.amount is None and uri_kind(good.item) is UriKind.INSTANCE]
    query = (
        select(stock.c.item, stock.c.organisation, organisation.c.region)
        .join(organisation, organisation.c.id == stock.c.organisation)
        .where(
            organisation.c.kind == OrganisationKind.PHARMACY,
            stock.c.organisation.not_in({actor.organisation, sender or actor.organisation}),
            stock.c.unit == PIECE,
            stock.c.on_hand + stock.c.held > 0,
        )
        .order_by(stock.c.item, stock.c.organisation)
    )
    items = find_idents(session, uris).values()
    return [_There(*row) for part in chunks(items) for row in session.execute(query.where(stock.c.item.in_(part)))]
