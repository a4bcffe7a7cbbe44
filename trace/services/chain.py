"""A chain and its shops: who belongs to whom, acting for a shop, and how all of them stand today.

Which shop has which headquarters is written down when the shop is registered (`organisation.headquarters`, by the
platform's administrator). A headquarters sees and acts for its own shops only; a shop sees no other shop.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, Select, func, or_, select
from sqlalchemy.orm import Session

from storage.tables import (
    alert,
    drug_sale,
    drug_sale_line,
    duty,
    export_file,
    ident,
    lot,
    organisation,
    person,
    pharmacist,
    product,
    stock,
    transit,
)
from storage.tenancy import across, see_as, sight_of
from trace.domain.failures import N_, Forbidden, NotFound
from trace.domain.parties import CHAIN_HEADS
from trace.domain.permissions import Actor, Permission, Role, authorize
from trace.services.alerts import is_settled_by
from trace.services.balance import as_amount
from trace.services.rulebook import rules_on
from trace.services.stock_list import count_shelves

MANY_PLACES = 500  # lots in shops that are told at once
_WAITING, _REFUSED = ("queued", "sent"), "refused"  # states of what is exported


def headquarters_of(session: Session, shop: int) -> int | None:
    """The number of the organisation that a shop (its number) belongs to, or None."""
    return session.scalar(select(organisation.c.headquarters).where(organisation.c.id == shop))


def same_chain(session: Session, one: int, other: int) -> bool:
    """Whether two organisations (their numbers) are shops of one headquarters, or one is the other's."""
    query = select(organisation.c.id, organisation.c.headquarters).where(organisation.c.id.in_((one, other)))
    heads = [row.headquarters or row.id for row in session.execute(query)]
    return one != other and len(heads) == 2 and heads[0] == heads[1]


def shops_of(session: Session, actor: Actor) -> list[dict[str, Any]]:
    """The shops of the actor's chain by name, as {id, name, region, address, number}; raises `Forbidden`."""
    return [_card(row) for row in _shop_rows(session, actor)]


def acting_for(session: Session, actor: Actor, shop: str) -> Actor:
    """The actor at one of the chain's shops (its public id), or at the headquarters' own store.

    At a shop one works as a clerk does: its people, keys and settings stay its administrator's. What is done is
    written down as the shop's own deed, by the person (or key) of the headquarters that did it. They sell no drugs
    there (`permissions.check_sells`). Raises `Forbidden` without CHAIN_MANAGE, `NotFound` for whatever is no shop of
    this chain.
    """
    own = session.scalar(select(organisation.c.public_id).where(organisation.c.id == actor.organisation))
    if shop == own:
        authorize(actor, Permission.CHAIN_MANAGE)
        return actor
    row = next((row for row in _shop_rows(session, actor) if row.public_id == shop), None)
    if row is None:
        raise NotFound(N_("There is no shop {id} in your chain."), field="shop", id=shop)
    see_as(session, sight_of(row.id))
    return replace(actor_of_shop(actor, row), role=Role.CLERK, at_shop=True)


def actor_of_shop(actor: Actor, row: Row[Any]) -> Actor:
    """The same person or key, for another organisation (its row)."""
    return replace(
        actor,
        organisation=row.id,
        organisation_name=row.name,
        organisation_kind=row.kind,
        party_uri=row.party_uri,
        region=row.region,
    )


def find_actor_at(session: Session, actor: Actor, shop: str) -> Actor | None:
    """`acting_for`, or None where the actor has no such shop (any more)."""
    try:
        return acting_for(session, actor, shop)
    except (Forbidden, NotFound):
        return None


def _shop_rows(session: Session, actor: Actor) -> Sequence[Row[Any]]:
    authorize(actor, Permission.CHAIN_MANAGE)
    if actor.organisation_kind not in CHAIN_HEADS:
        return []
    query = select(organisation).where(organisation.c.headquarters == actor.organisation)
    return session.execute(query.order_by(organisation.c.name, organisation.c.id)).all()


def _card(row: Row[Any]) -> dict[str, Any]:
    return {"id": row.public_id, "name": row.name, "region": row.region, "address": row.address, "number": row.id}


@across(because="headquarters sees its shops")
def overview(session: Session, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """How each place of the chain stands today, the headquarters' own store first, then the shops by name.

    Of each: its card (`own` for the headquarters), `shelves` (`stock_list.count_shelves`), `coming` (lots and packs on
    the way to it), `sales` and `codes` of the day (receipts of the counter, trace codes on them), `alerts` since
    yesterday morning that it has not settled, `on_duty` ([{name, registration_no}]), and of the files that are exported
    the `waiting` and the `refused` ones. Nine statements, however many shops.
    """
    shops = shops_of(session, actor)
    head = session.execute(select(organisation).where(organisation.c.id == actor.organisation)).one()
    places = [_card(head) | {"own": True}, *(shop | {"own": False} for shop in shops)]
    numbers = [place["number"] for place in places]
    rules = rules_on(session, now.date(), actor.organisation)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    yesterday = midnight - timedelta(days=1)
    shelves = count_shelves(session, organisations=numbers, rules=rules, on=now.date())
    coming = _counted(session, select(transit.c.receiver, func.count()).where(transit.c.amount > 0), numbers)
    alerts = _counted(
        session,
        select(alert.c.organisation, func.count()).where(
            alert.c.created_at >= yesterday, ~is_settled_by(alert.c.organisation)
        ),
        numbers,
    )
    sales = _sales(session, numbers, midnight)
    pharmacists = _on_duty(session, numbers, now)
    exports = _exports(session, numbers)
    return [
        {
            **{name: place[name] for name in ("id", "name", "region", "address", "own")},
            "shelves": shelves[place["number"]],
            "coming": coming.get(place["number"], 0),
            "alerts": alerts.get(place["number"], 0),
            "sales": sales.get(place["number"], (0, 0))[0],
            "codes": sales.get(place["number"], (0, 0))[1],
            "on_duty": pharmacists.get(place["number"], []),
            "waiting": sum(exports.get((place["number"], state), 0) for state in _WAITING),
            "refused": exports.get((place["number"], _REFUSED), 0),
        }
        for place in places
    ]


def _counted(session: Session, query: Select[Any], numbers: Sequence[int]) -> dict[int, int]:
    """{organisation: count} of a query whose first column is the organisation."""
    of = query.exported_columns[0]
    rows = session.execute(query.where(of.in_(numbers)).group_by(of))
    return {row[0]: row[1] for row in rows}


def _sales(session: Session, numbers: Sequence[int], since: datetime) -> dict[int, tuple[int, int]]:
    """{organisation: (receipts of the counter, trace codes on them)} since a moment."""
    query = (
        select(
            drug_sale.c.organisation,
            func.count(drug_sale.c.id.distinct()).label("sales"),
            func.count().filter(drug_sale_line.c.item != drug_sale_line.c.lot).label("codes"),
        )
        .join(drug_sale_line, drug_sale_line.c.sale == drug_sale.c.id)
        .where(drug_sale.c.organisation.in_(numbers), drug_sale.c.sold_at >= since)
        .group_by(drug_sale.c.organisation)
    )
    return {row.organisation: (row.sales, row.codes) for row in session.execute(query)}


def _on_duty(session: Session, numbers: Sequence[int], now: datetime) -> dict[int, list[dict[str, str]]]:
    query = (
        select(duty.c.organisation, person.c.name, pharmacist.c.registration_no)
        .join(person, person.c.id == duty.c.person)
        .join(pharmacist, pharmacist.c.person == duty.c.person)
        .where(duty.c.organisation.in_(numbers), duty.c.ended_at.is_(None), duty.c.until > now)
        # As `duty.on_duty` says it to the shop: no account that ended, no registration that is over.
        .where(person.c.active, or_(pharmacist.c.expires_on.is_(None), pharmacist.c.expires_on >= now.date()))
        .order_by(duty.c.started_at)
    )
    found: dict[int, list[dict[str, str]]] = {}
    for row in session.execute(query):
        card = {"name": row.name, "registration_no": row.registration_no}
        found.setdefault(row.organisation, []).append(card)
    return found


def _exports(session: Session, numbers: Sequence[int]) -> dict[tuple[int, str], int]:
    files = export_file.c
    query = (
        select(files.organisation, files.state, func.count().label("files"))
        .where(files.organisation.in_(numbers), files.state.in_((*_WAITING, _REFUSED)))
        .group_by(files.organisation, files.state)
    )
    return {(row.organisation, row.state): row.files for row in session.execute(query)}


@across(because="headquarters sees its shops")
def chain_stock(session: Session, *, actor: Actor, text: str = "", lot_uri: str | None = None) -> list[dict[str, Any]]:
    """Where goods are in the chain: by lot, what expires first on top, with what each place has on hand and held.

    `text` is part of a product's name or of a lot's number; `lot_uri` one lot. At most `MANY_PLACES` lots in shops.
    """
    places = {row.id: row for row in _shop_rows(session, actor)}
    own = session.execute(select(organisation).where(organisation.c.id == actor.organisation)).one()
    places |= {own.id: own}
    found: dict[tuple[int, str], dict[str, Any]] = {}
    for row in session.execute(_places(places, text, lot_uri)):
        card = found.setdefault(
            (row.item, row.unit),
            {
                "lot": row.uri,
                "lot_number": row.number,
                "product": row.name,
                "category": row.category,
                "expires_on": row.expires_on,
                "unit": row.unit,
                "places": [],
            },
        )
        place = places[row.organisation]
        amounts = {"on_hand": as_amount(row.on_hand), "held": as_amount(row.held)}
        card["places"].append({"id": place.public_id, "name": place.name, **amounts})
    return list(found.values())


def _places(numbers: Iterable[int], text: str, lot_uri: str | None) -> Select[Any]:
    on_hand, held = func.sum(stock.c.on_hand), func.sum(stock.c.held)
    query = (
        select(
            lot.c.item, ident.c.uri, lot.c.number, lot.c.expires_on, product.c.name, product.c.category,
            stock.c.unit, stock.c.organisation, on_hand.label("on_hand"), held.label("held"),
        )
        .join(lot, lot.c.item == stock.c.lot)
        .join(ident, ident.c.id == lot.c.item)
        .join(product, product.c.id == lot.c.product)
        .where(stock.c.organisation.in_(tuple(numbers)))
        .group_by(lot.c.item, ident.c.uri, product.c.id, stock.c.unit, stock.c.organisation)
        .having(on_hand + held > 0)
        .order_by(lot.c.expires_on, product.c.name, lot.c.item, stock.c.organisation)
        .limit(MANY_PLACES)
    )  # fmt: skip
    if lot_uri is not None:
        query = query.where(ident.c.uri == lot_uri)
    if text:
        columns = (product.c.name, lot.c.number)
        query = query.where(or_(*(column.icontains(text, autoescape=True) for column in columns)))
    return query
