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
from storage.tenancy import across
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
class _Shop:
    """A pharmacy: number, region."""

    organisation: int
    region: str


@dataclass(frozen=True, slots=True)
class _There:
    """A pack (its number) and a pharmacy that has it in stock."""

    item: int
    shop: _Shop


@across(because="a code is in one pharmacy's stock (R8)")
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


@across(because="a code is in one pharmacy's stock (R8)")
def alarm_elsewhere(
    session: Session, *, actor: Actor, sender: int | None, goods: Mapping[int, Sequence[Goods]], now: datetime
) -> None:
    """Tell this pharmacy, those that have the same packs in stock, and through their regions the inspectors; the events
    of both are named. `goods` {event that was just recorded: what it is about}.

    Packs that came together, here and there, are one alert that says how many: a delivery whose sending nobody wrote
    down hides no other alert. Two pharmacies that receive one pack at once: the rows of `ident` that receiving locks,
    the later one sees both.
    """
    for number, arrived in goods.items():
        others: dict[int, list[_There]] = {}
        for there in _elsewhere(session, actor, sender, arrived):
            others.setdefault(there.item, []).append(there)
        came = _arrivals(session, others)
        together: dict[tuple[tuple[_Shop, int], ...], list[int]] = {}
        for item, found in others.items():
            shops = tuple((there.shop, came.get((item, there.shop.organisation), 0)) for there in found)
            together.setdefault(shops, []).append(item)
        here = _Shop(actor.organisation, actor.region)
        for shops, items in together.items():
            _alarm(session, ((here, number), *shops), items, now)


def _alarm(session: Session, shops: Sequence[tuple[_Shop, int]], items: Sequence[int], now: datetime) -> None:
    """One alert to each of these pharmacies, by their events, about packs that all of them have."""
    events = [number for _, number in shops]
    times = dict(session.execute(select(event.c.id, event.c.event_time).where(event.c.id.in_(events))).tuples().all())
    documents = documents_of(session, events)
    told = [
        {
            "event": load_document(documents[number])["eventID"],
            "at": datetime.fromtimestamp(times[number] / 1000, now.tzinfo).isoformat(timespec="minutes"),
            "organisation": shop.organisation,
        }
        for shop, number in shops
        if number in documents
    ]
    code = code_text(uris_of(session, items[:1])[items[0]])
    details = {"code": code, "sales": told, "facts": {"packs": str(len(items))}}
    for shop, _ in shops:
        raise_alert(
            session,
            kind=TWO_STOCKS,
            item=items[0],
            organisation=shop.organisation,
            region=shop.region,
            details=details,
            now=now,
        )


def _arrivals(session: Session, others: Mapping[int, Sequence[_There]]) -> dict[tuple[int, int], int]:
    """{(pack, pharmacy): the last event it recorded about it}: what is in stock has not left since."""
    shops = {there.shop.organisation for found in others.values() for there in found}
    query = (
        select(event_item.c.item, event.c.captured_by, func.max(event.c.id))
        .join(event, event.c.id == event_item.c.event)
        .where(event.c.captured_by.in_(shops))
        .group_by(event_item.c.item, event.c.captured_by)
    )
    return {
        (item, shop): number
        for part in chunks(others)
        for item, shop, number in session.execute(query.where(event_item.c.item.in_(part))).tuples()
    }


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
    rows = [row for part in chunks(items) for row in session.execute(query.where(stock.c.item.in_(part)))]
    return [_There(row.item, _Shop(row.organisation, row.region)) for row in rows]
