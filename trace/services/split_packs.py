"""Packs that are open on the counter and sold in parts (拆零, GSP): opened by the first sale, kept in a register."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, insert_for
from storage.tables import ident, lot, person, product, split_pack, stock
from trace.domain.dispensing import Opened, code_text
from trace.domain.failures import N_, Conflict
from trace.domain.permissions import Actor
from trace.services.commands import Command


def open_pack(session: Session, command: Command, *, item: int, opened: Opened) -> None:
    """Note that a pack is open from now on; how many of its units are sold is kept by `trace.services.code_sales`.

    The caller holds the row of the code in `dispensing_head`; the primary key stands behind it.
    """
    values = {
        "organisation": command.actor.organisation,
        "item": item,
        "units": opened.units,
        "unit_name": opened.unit_name,
        "sold": 0,
        "opened_at": command.happened_at or command.now,
        "opened_by": command.actor.person,
        "use_by": opened.use_by,
    }
    session.execute(insert_for(session, split_pack).values(values).on_conflict_do_nothing())


def check_closed(session: Session, actor: Actor, uris: Iterable[str]) -> None:
    """Raise `Conflict` for a pack that is open: it is sold here, goes back, or is destroyed (R7, R8)."""
    ids = {number: uri for uri, number in find_idents(session, uris).items()}
    for part in chunks(sorted(ids)):
        here = (split_pack.c.organisation == actor.organisation) & split_pack.c.item.in_(part)
        for item in session.scalars(select(split_pack.c.item).where(here).limit(1)):
            text = N_("The pack {code} is open and sold in parts here; it may go back or be destroyed, nothing else.")
            raise Conflict(text, field="goods", details={"item": ids[item]}, code=code_text(ids[item]))


def list_open_packs(session: Session, *, actor: Actor, today: date, limit: int = 100) -> list[dict[str, Any]]:
    """The register (拆零记录) of one's own shop, what is still to be sold first, then the latest.

    {code, product, specification, lot_number, expires_on, units, unit_name, left, opened_at, opened_by, use_by, over,
    held} each; `over`: its days are over.
    """
    left = split_pack.c.units - split_pack.c.sold
    query = (
        select(
            ident.c.uri,
            product.c.name,
            product.c.specification,
            lot.c.number,
            lot.c.expires_on,
            split_pack,
            stock.c.held,
            person.c.name.label("by"),
        )
        .join(ident, ident.c.id == split_pack.c.item)
        .join(stock, (stock.c.item == split_pack.c.item) & (stock.c.organisation == split_pack.c.organisation))
        .join(lot, lot.c.item == stock.c.lot)
        .join(product, product.c.id == lot.c.product)
        .outerjoin(person, person.c.id == split_pack.c.opened_by)
        .where(split_pack.c.organisation == actor.organisation)
        .order_by((left > 0).desc(), split_pack.c.opened_at.desc(), split_pack.c.item)
        .limit(limit)
    )
    return [
        {
            "code": code_text(row.uri),
            "uri": row.uri,
            "product": row.name,
            "specification": row.specification,
            "lot_number": row.number,
            "expires_on": row.expires_on,
            "units": row.units,
            "unit_name": row.unit_name,
            "left": row.units - row.sold,
            "opened_at": row.opened_at,
            "opened_by": row.by or "",
            "use_by": row.use_by,
            "over": row.use_by is not None and row.use_by < today,
            "held": row.held > 0,
        }
        for row in session.execute(query)
    ]
