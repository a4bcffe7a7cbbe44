"""A canteen's dishes: what was cooked today, of which lots; the board that everybody may read (明厨亮灶).

Cooking turns lots into a dish, so a trace forward from a lot reaches everything that was served of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select
from sqlalchemy.orm import Session

from storage.events import find_idents, uris_of
from storage.tables import MICRO, correction, dish, dish_lot, event_withdrawn, licence, organisation, product
from storage.tenancy import across
from trace.domain.dishes import Meal, take_first
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Quantity, TransformationEvent
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.papers import Severity, paper_states
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.regions import region_name
from trace.domain.uris import UriKind, uri_kind
from trace.services.capture import capture
from trace.services.certificates import as_paper, papers_of
from trace.services.commands import Command, Some, goods_of, run_once, stamp_of
from trace.services.hop_checks import check_fresh
from trace.services.lots import NewLot, find_lots, open_lot
from trace.services.making import Goods
from trace.services.organisations import new_public_id
from trace.services.pictures import check_own_picture
from trace.services.products import register_product
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro
from trace.services.stock_list import list_stock
from trace.services.undoing import declare_wrong


def cook(
    session: Session,
    command: Command,
    *,
    name: str,
    meal: Meal,
    goods: Sequence[Some],
    photo: str | None = None,
    retained: bool = False,
) -> dict[str, Any]:
    """Record a dish and what goes into it (lots with amounts): {id, lot, events}; stock counts it as used.

    `photo` is the SHA-256 of an own upload; `retained` says that a sample is kept back (留样), for as long as the rule
    book says. Raises `Forbidden` outside canteens, `Invalid` for single packs, `Conflict` for what is expired, held,
    recalled or not on hand. Two cooks and one lot: the locked row of its stock (`storage.stock.lock_stock`) decides.
    """

    def act() -> dict[str, Any]:
        _check_canteen(command.actor)
        if not name.strip():
            raise Invalid(N_("Give the dish its name."), field="name")
        used = goods_of(session, goods, "goods")
        for number, good in enumerate(used):
            if uri_kind(good.item) is not UriKind.LOT:
                text = N_("Name what goes into a dish by its lot and quantity.")
                raise Invalid(text, field=f"goods.{number}.code")
        check_fresh(session, command, used)
        if photo is not None:
            check_own_picture(session, command.actor, photo, field="photo")
        return _record(session, command, name.strip(), meal, used, photo, retained)

    return run_once(session, command, "cook", act)


def _check_canteen(actor: Actor) -> None:
    if actor.organisation_kind != OrganisationKind.CANTEEN:
        raise Forbidden(N_("{name} is no canteen; dishes are recorded by canteens."), name=actor.organisation_name)


def _record(
    session: Session,
    command: Command,
    name: str,
    meal: Meal,
    used: Sequence[Goods],
    photo: str | None,
    retained: bool,
) -> dict[str, Any]:
    public_id, moment = new_public_id(), command.happened_at or command.now
    made_of = _product(session, command, name)
    new = NewLot(made_of, f"{command.day:%Y%m%d}-{public_id[:6]}", command.day)
    lot = open_lot(session, new, actor=command.actor, now=command.now, field="name", makes=True)
    event = TransformationEvent(
        **stamp_of(session, command).common(),
        biz_step=BizStep.COMMISSIONING,
        disposition=Disposition.ACTIVE,
        input_quantities=tuple(Quantity(good.item, good.amount, good.unit) for good in used),
        output_quantities=(Quantity(lot),),  # how much: nobody weighs what is eaten, and it is no stock
    )
    (done,) = capture(session, [event], actor=command.actor, now=command.now)
    ids = find_idents(session, [lot, *(good.item for good in used)])
    hours = rules_on(session, command.day, command.actor.organisation).value("retained_sample")["hours"]
    values = {
        "public_id": public_id,
        "organisation": command.actor.organisation,
        "name": name,
        "day": command.day,
        "meal": meal.value,
        "event": done.event,
        "item": ids[lot],
        "object": photo,
        "retained_until": moment + timedelta(hours=hours) if retained else None,
        "person": command.actor.person,
        "cooked_at": moment,
    }
    number = session.execute(insert(dish).values(values).returning(dish.c.id)).scalar_one()
    rows = [{"dish": number, "item": ids[g.item], "amount": micro(g.amount), "unit": g.unit} for g in used]
    session.execute(insert(dish_lot), rows)
    return {"id": public_id, "lot": lot, "events": [done.event_id]}


def _product(session: Session, command: Command, name: str) -> str:
    """The dish as a product of the canteen's own; two cooks who name a new one at once make two, which harms nobody."""
    mine = select(product.c.public_id).where(
        product.c.registered_by == command.actor.organisation,
        product.c.category == Category.DISH,
        product.c.name == name,
    )
    known = session.scalars(mine.order_by(product.c.id).limit(1)).one_or_none()
    if known is not None:
        return str(known)
    card = register_product(session, actor=command.actor, name=name, category=Category.DISH, unit="EA", now=command.now)
    return str(card["id"])


def cook_again(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """The same dish for the same meal today: as much of the same products, of the lots that expire first.

    Raises `NotFound` for another canteen's dish, `Conflict` naming the product of which there is not as much.
    """

    def act() -> dict[str, Any]:
        query = select(dish).where(dish.c.public_id == public_id, dish.c.organisation == command.actor.organisation)
        row = session.execute(query).one_or_none()
        if row is None:
            raise NotFound(N_("There is no dish {id}."), id=public_id[:26])
        goods = _same_products(session, command, row)
        inner = Command(command.actor, command.now, happened_at=command.happened_at, place=command.place)
        return cook(session, inner, name=row.name, meal=Meal(row.meal), goods=goods, retained=bool(row.retained_until))

    return run_once(session, command, "cook_again", act)


def take_back(session: Session, command: Command, *, public_id: str, reason: str, device: str = "") -> dict[str, Any]:
    """A dish was recorded by mistake: {id}; what went in is back in stock, lists and board show it no more.

    Nothing is deleted: its event is declared wrong, and who did it and why is kept (R16). Raises `NotFound` for another
    canteen's dish and for one that was taken back, `Invalid` without a reason. Two at once: the locked row of `dish`.
    """

    def act() -> dict[str, Any]:
        mine = (dish.c.public_id == public_id, dish.c.organisation == command.actor.organisation)
        row = session.execute(select(dish).where(*mine).with_for_update()).one_or_none()
        if row is None or session.scalar(select(event_withdrawn.c.event).where(event_withdrawn.c.event == row.event)):
            raise NotFound(N_("There is no dish {id}."), id=public_id[:26])
        if not reason.strip():
            raise Invalid(N_("Say why the dish is taken back."), field="reason")
        declare_wrong(session, command, [row.event])
        kept = {
            "organisation": row.organisation,
            "kind": "dish",
            "subject": public_id,
            "field": "taken_back",
            "old": row.name,
            "new": command.now.isoformat(),
            "reason": reason.strip(),
            "event": row.event,
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "device": device[:120],
            "corrected_at": command.now,
        }
        session.execute(insert(correction).values(kept))
        return {"id": public_id}

    return run_once(session, command, "take_back_dish", act)


def _stands() -> ColumnElement[bool]:
    """Dishes whose event nobody declared wrong."""
    return dish.c.event.not_in(select(event_withdrawn.c.event).where(event_withdrawn.c.event == dish.c.event))


def _same_products(session: Session, command: Command, row: Row[Any]) -> list[Some]:
    used = session.execute(select(dish_lot).where(dish_lot.c.dish == row.id)).all()
    uris = uris_of(session, [one.item for one in used])
    lots = find_lots(session, uris.values())
    wanted: dict[tuple[str, str], Decimal] = {}
    for one in used:
        key = (lots[uris[one.item]].product_name, one.unit)
        wanted[key] = wanted.get(key, Decimal(0)) + Decimal(one.amount) / MICRO
    shelf = _shelf(list_stock(session, actor=command.actor), command.day)
    goods: list[Some] = []
    for (name, unit), amount in wanted.items():
        taken = take_first(shelf.get((name, unit), ()), amount)
        if taken is None:
            raise Conflict(
                N_("There is not as much {product} here as went into this dish. Record it anew, with what there is."),
                field="goods",
                product=name,
            )
        goods += [Some(lot, some) for lot, some in taken]
    return goods


def _shelf(stock: Iterable[Mapping[str, Any]], on: date) -> dict[tuple[str, str], list[tuple[str, Decimal]]]:
    """{(product, unit): [(lot, on hand)]} of what is good on a day, what expires first in front."""
    found: dict[tuple[str, str], list[tuple[str, Decimal]]] = {}
    for row in stock:
        if row["on_hand"] > 0 and not (row["expires_on"] and row["expires_on"] < on):
            found.setdefault((row["product"], row["unit"]), []).append((row["lot"], row["on_hand"]))
    return found


def list_dishes(session: Session, *, actor: Actor, day: date) -> list[dict[str, Any]]:
    """The dishes of the actor's canteen on a day, in the order of the meals, with what went into each and how much."""
    return [
        {**_card(row), "used": used, "retained_until": row.retained_until}
        for row, used in _dishes(session, actor.organisation, day)
    ]


def dish_names(session: Session, *, actor: Actor) -> list[str]:
    """What the canteen has cooked before, by name: nobody types a dish twice."""
    query = select(dish.c.name).where(dish.c.organisation == actor.organisation).distinct().order_by(dish.c.name)
    return list(session.scalars(query.limit(200)))


def _dishes(session: Session, organisation_id: int, day: date) -> list[tuple[Row[Any], list[dict[str, Any]]]]:
    query = select(dish).where(dish.c.organisation == organisation_id, dish.c.day == day, _stands()).order_by(dish.c.id)
    meals = list(Meal)
    rows = sorted(session.execute(query), key=lambda row: meals.index(Meal(row.meal)))
    lots = select(dish_lot).where(dish_lot.c.dish.in_([row.id for row in rows])).order_by(dish_lot.c.item)
    entries = session.execute(lots).all()
    uris = uris_of(session, [entry.item for entry in entries])
    known = find_lots(session, uris.values())
    used: dict[int, list[dict[str, Any]]] = {}
    for entry in entries:
        lot = known[uris[entry.item]]
        used.setdefault(entry.dish, []).append(
            {
                "lot": lot.uri,
                "lot_number": lot.number,
                "product": lot.product_name,
                "amount": Decimal(entry.amount) / MICRO,
                "unit": entry.unit,
                "record": lot,
            }
        )
    return [(row, used.get(row.id, [])) for row in rows]


def _card(row: Row[Any]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "name": row.name,
        "meal": row.meal,
        "day": row.day,
        "cooked_at": row.cooked_at,
        "photo": row.object,
    }


@across(because="the board is public (明厨亮灶)")
def board(session: Session, *, public_id: str, day: date) -> dict[str, Any]:
    """What a canteen shows at its door: its licence, the day's dishes by meal, the ingredients' origins and papers.

    For everybody, so without amounts, prices, suppliers or persons (R18). `papers` of an ingredient are its kinds of
    paper that are in order on the day, `missing` says whether one is lacking. Raises `NotFound` for what is no canteen.
    """
    query = select(organisation).where(
        organisation.c.public_id == public_id, organisation.c.kind == OrganisationKind.CANTEEN
    )
    owner = session.execute(query).one_or_none()
    if owner is None:
        raise NotFound(N_("There is no canteen {id}."), id=public_id[:26])
    meals: dict[str, list[dict[str, Any]]] = {}
    for row, used in _dishes(session, owner.id, day):
        shown = {"id": row.public_id, "name": row.name, "photo": row.object is not None}
        ingredients = _ingredients(session, owner.id, day, [one["record"] for one in used])
        meals.setdefault(row.meal, []).append({**shown, "ingredients": ingredients})
    return {"name": owner.name, "day": day, "licence": _licence(session, owner.id, day), "meals": meals}


def _ingredients(session: Session, owner: int, day: date, lots: Sequence[Row[Any]]) -> list[dict[str, Any]]:
    """Each ingredient once a lot: product, county, papers."""
    papers = papers_of(session, [lot.ident for lot in lots])
    rules = rules_on(session, day, owner)
    found = []
    for lot in lots:
        states = paper_states(lot.category, [as_paper(row) for row in papers.get(lot.ident, ())], rules)
        committed = (row.fields.get("origin") for row in papers.get(lot.ident, ()) if row.issued_here)
        wanted = [state for state in states if state.requirement.severity is not Severity.WARN]
        found.append(
            {
                "product": lot.product_name,
                "origin": _county(lot) or next(filter(None, committed), ""),
                "papers": list(dict.fromkeys(state.satisfied_by.value for state in states if state.satisfied_by)),
                "missing": any(state.satisfied_by is None for state in wanted),
                "lot": lot.uri,
            }
        )
    return found


def _county(lot: Row[Any]) -> str:
    return region_name(lot.origin_region).split(" ")[-1] if lot.origin_region else str(lot.origin)


def _licence(session: Session, owner: int, day: date) -> dict[str, Any] | None:
    """The food business licence that holds longest."""
    query = select(licence.c.number, licence.c.expires_on).where(
        licence.c.organisation == owner, licence.c.kind == LicenceKind.FOOD_BUSINESS
    )
    rows = sorted(session.execute(query), key=lambda row: row.expires_on or date.max)
    if not rows:
        return None
    return {**rows[-1]._mapping, "expired": bool(rows[-1].expires_on and rows[-1].expires_on < day)}


@across(because="the board is public (明厨亮灶)")
def photo_of(session: Session, *, public_id: str, canteen: str) -> str:
    """The SHA-256 of the photo of a dish on a canteen's board; raises `NotFound`."""
    query = (
        select(dish.c.object)
        .join(organisation, organisation.c.id == dish.c.organisation)
        .where(
            dish.c.public_id == public_id, organisation.c.public_id == canteen, dish.c.object.is_not(None), _stands()
        )
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(N_("There is no dish {id}."), id=public_id[:26])
    return str(found)


def last_dishes(session: Session, *, actor: Actor, before: date) -> list[dict[str, Any]]:
    """The dishes of the last day on which the canteen cooked, of those before a day."""
    days = select(func.max(dish.c.day)).where(dish.c.organisation == actor.organisation, dish.c.day < before, _stands())
    day = session.scalars(days).one()
    return list_dishes(session, actor=actor, day=day) if day else []


def board_id(session: Session, *, actor: Actor) -> str:
    """The public id under which the actor's own board is shown."""
    return str(session.scalars(select(organisation.c.public_id).where(organisation.c.id == actor.organisation)).one())


def proposals(session: Session, *, actor: Actor, now: datetime) -> list[dict[str, Any]]:
    """What a dish may be made of today: what is good and on hand, by product, what expires first in front.

    Of several lots of a product the one to take first is marked `first`.
    """
    rows = [row for row in list_stock(session, actor=actor) if row["on_hand"] > 0]
    good = [row for row in rows if not (row["expires_on"] and row["expires_on"] < now.date())]
    shelf: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in good:
        shelf.setdefault((row["product"], row["unit"]), []).append(row)
    return [
        {**row, "first": place == 0 and len(lots) > 1}
        for _, lots in sorted(shelf.items())
        for place, row in enumerate(lots)
    ]
