"""What a hold or recall reaches, and that nothing of it moves: one forward trace, one check, one look at every capture.

What decides between a hold and a sale at the same moment are the rows of `ident` of the lots concerned. Who moves goods
takes them shared (`storage.events.share_items`) before looking for recalls, who holds or recalls takes them alone
(`lock_items`) before writing the recall: so a mover either commits before the hold does, or finds it. Whoever makes
something of the goods is a mover, too; so what the hold reaches is traced again once it has the rows, until nothing new
is found. Rows of `ident` are locked before those of `stock`, by everybody.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Row, bindparam, select, update
from sqlalchemy.orm import Session

from storage.bulk import insert_rows
from storage.events import chunks, find_idents, lock_items, share_items, uris_of
from storage.origins import captors_of, origins_of
from storage.tables import lot, organisation, product, recall, recall_lot, stock
from storage.tenancy import across
from storage.trace_reader import TraceReader
from trace.domain.epcis.vocabulary import BizStep
from trace.domain.failures import N_, Conflict
from trace.domain.genealogy import Direction, Edge, EdgeKind
from trace.domain.links import Role
from trace.domain.permissions import Actor
from trace.domain.recalls import RecallKind, reached_by
from trace.domain.trace_search import ROWS, trace
from trace.domain.uris import UriKind, uri_kind
from trace.services.recall_notices import accounts_of, send_notices
from trace.services.stock_keeping import Recorded

# Rows read for one recall: about 1 s, 8 s, a minute. A real chain needs the first; who recalls has the time.
BOUNDS = (ROWS, 8 * ROWS, 64 * ROWS)
_ROUNDS = 5
_GOODS = (UriKind.LOT, UriKind.INSTANCE)


class Reach(NamedTuple):
    """The lots (and packs that no lot of them names) that are reached, and whether the trace came to its end.

    `without_lot` are the kinds of goods something was made into without any lot: nothing can stop those.
    """

    items: frozenset[int]
    complete: bool
    without_lot: frozenset[str] = frozenset()


def reach_of(session: Session, start: int) -> Reach:
    """Everything that was made of a lot, and itself, read with ever higher bounds; `complete` is False beyond the last.

    What is found is right even then, and there is more: whoever holds it has to say so. A stranger who records that a
    lot of another's was made of the own goods is not believed (`storage.origins.origins_of`): a recall would stop it
    everywhere.
    """
    for rows in BOUNDS:
        found = trace(TraceReader(session), start, Direction.FORWARD, rows=rows)
        if not found.truncated:
            break
    reached, packs = reached_by(found, start, _unbelieved(session, found.edges))
    uris = uris_of(session, reached)
    goods = {item for item in reached if uri_kind(uris[item]) in _GOODS}
    named = _named_by_lot(session, packs & goods, goods)
    classes = {uris[item] for item in reached if uri_kind(uris[item]) is UriKind.CLASS}
    return Reach(frozenset(goods - named), not found.truncated, frozenset(classes))


def _unbelieved(session: Session, edges: Iterable[Edge]) -> set[Edge]:
    """Those of these edges by which somebody says to have made what another organisation made."""
    making = [edge for edge in edges if edge.kind is EdgeKind.BECAME]
    uris = uris_of(session, {edge.target for edge in making})
    making = [edge for edge in making if uri_kind(uris[edge.target]) is not UriKind.CLASS]  # everybody makes leeks
    origins = origins_of(session, {edge.target for edge in making})
    captors = captors_of(session, {edge.event for edge in making})
    return {edge for edge in making if origins.get(edge.target) != (captors.get(edge.event), True)}


def _named_by_lot(session: Session, packs: Iterable[int], lots: set[int]) -> set[int]:
    """Those of these packs that every stock that knows them counts to one of the lots: the lot stands for them."""
    known: dict[int, set[int | None]] = {}
    for part in chunks(packs):
        for item, of in session.execute(select(stock.c.item, stock.c.lot).where(stock.c.item.in_(part))):
            known.setdefault(item, set()).add(of)
    return {item for item, of in known.items() if of <= lots}


def lock_reach(session: Session, start: int) -> Reach:
    """`reach_of`, with the rows of all of it locked until the transaction ends: nothing more can be made of it.

    Where something was made of it while the rows were waited for, all are given back and taken anew with what is new,
    in order: who sells two of them takes them in that order, too, and would wait for the one while its other is waited
    for. Of what is made faster than it is traced the rows are kept from `_ROUNDS` on, so that this comes to an end.
    """
    found = reach_of(session, start)
    locked: frozenset[int] = frozenset()
    rounds = 0
    while not found.items <= locked:
        rounds += 1
        attempt, locked = session.begin_nested(), locked | found.items
        lock_items(session, locked)
        found = reach_of(session, start)
        if found.items <= locked or rounds >= _ROUNDS:
            attempt.commit()
        else:
            attempt.rollback()
    return found


# ---- nothing of it moves --------------------------------------------------------------------------------------------


def recalls_over(session: Session, items: Iterable[int], *, organisation: int | None) -> dict[int, list[Row[Any]]]:
    """{item: the holds and recalls over it or over a lot of it, gravest first} that bind an organisation.

    Those that were closed bind on; those that were lifted do not. Without an organisation: recalls only. Takes no lock.
    """
    return _over(session, with_lots(session, items), organisation)


# Asked at every scan and every movement: put together once. A holder that is NULL is nobody.
_OVER = (
    select(recall_lot.c.item.label("reached"), recall)
    .join(recall, recall.c.id == recall_lot.c.recall)
    .where(
        recall.c.lifted_at.is_(None),
        (recall.c.kind == RecallKind.RECALL) | (recall.c.organisation == bindparam("holder")),
        recall_lot.c.item.in_(bindparam("items", expanding=True)),
    )
    .order_by(recall.c.kind.desc(), recall.c.id)
)
_LOTS_OF = (
    select(stock.c.item, stock.c.lot)
    .where(stock.c.item.in_(bindparam("items", expanding=True)), stock.c.lot.is_not(None))
    .distinct()
)


def _over(session: Session, of: Mapping[int, set[int]], organisation: int | None) -> dict[int, list[Row[Any]]]:
    """`recalls_over` of things whose lots are known."""
    over: dict[int, list[Row[Any]]] = {}
    for part in chunks(sorted({key for keys in of.values() for key in keys})):
        for row in session.execute(_OVER, {"items": list(part), "holder": organisation}):
            over.setdefault(row.reached, []).append(row)
    found = {item: [row for key in sorted(keys) for row in over.get(key, ())] for item, keys in of.items()}
    return {item: rows for item, rows in found.items() if rows}


@across(because="of which lot a pack is, whoever had it in stock knows")
def with_lots(session: Session, items: Iterable[int]) -> dict[int, set[int]]:
    """{item: itself and every lot that anybody's stock counts it to}."""
    of = {item: {item} for item in items}
    for part in chunks(of):
        for item, named in session.execute(_LOTS_OF, {"items": list(part)}):
            of[item].add(named)
    return of


def check_not_recalled(
    session: Session, items: Iterable[str], *, organisation: int, field: str, also: Iterable[str] = ()
) -> None:
    """Raise `Conflict` for lots or packs (URIs) that are held or recalled: they go back or are destroyed (R7).

    食品安全法 Art. 63; 药品管理法 Art. 82. The rows of `ident` are taken shared until the transaction ends, so that a
    hold set meanwhile waits for this movement, or this movement finds it (see the module). `also` are lots that the
    same movement looks at in a moment: all rows are taken at once and in order, or two would wait in a ring.
    """
    ids = find_idents(session, items)
    lots = {item for uri, item in ids.items() if uri_kind(uri) is UriKind.LOT}
    of = {item: {item} for item in lots} | with_lots(session, set(ids.values()) - lots)
    share_items(session, {key for keys in of.values() for key in keys}.union(find_idents(session, also).values()))
    over = _over(session, of, organisation)
    for uri, item in ids.items():
        if item in over:
            raise _is_recalled(session, uri, over[item][0], field)


def _is_recalled(session: Session, uri: str, row: Row[Any], field: str) -> Conflict:
    named, number = _name_and_number(session, row.reached) or (uri.rpartition("/")[2], "")
    values = {"product": named, "number": number, "reason": row.reason}
    details = {"item": uri, "recall": row.public_id}
    if row.kind == RecallKind.RECALL:
        return Conflict(
            N_(
                "{product} lot {number} is recalled by {who} ({reason}). Take it off the shelf; it may be sent back to"
                " the supplier or destroyed, nothing else."
            ),
            field=field,
            details=details,
            who=_name_of(session, row.organisation),
            **values,
        )
    return Conflict(
        N_(
            "{product} lot {number} is on hold since {since} ({reason}). Lift the hold first; or send the goods back or"
            " destroy them."
        ),
        field=field,
        details=details,
        since=row.opened_at.isoformat(timespec="minutes"),
        **values,
    )


def _name_and_number(session: Session, item: int) -> tuple[str, str] | None:
    """(product, lot number) of a lot."""
    query = select(product.c.name, lot.c.number).join(product, product.c.id == lot.c.product).where(lot.c.item == item)
    return session.execute(query).tuples().one_or_none()


def _name_of(session: Session, number: int) -> str:
    return str(session.execute(select(organisation.c.name).where(organisation.c.id == number)).scalar_one())


def recalled_because(session: Session, items: Iterable[str], *, organisation: int) -> str:
    """Why arriving lots or packs are held or recalled, with the recall's number; "" where they are not."""
    ids = find_idents(session, items)
    over = recalls_over(session, ids.values(), organisation=organisation)
    return next((f"{rows[0].reason} ({rows[0].public_id})" for rows in over.values()), "")


# ---- what is made or arrives later ----------------------------------------------------------------------------------


def follow_recalls(session: Session, recorded: Sequence[Recorded], ids: Mapping[str, int]) -> set[int]:
    """Let open holds and recalls reach what these events made of their goods; what arrived or was made, for
    `tell_holder` (nothing where no hold or recall is open).

    Partners' events are facts and are stored whatever is recalled; so are events that come late. The inputs of all
    transformations are taken shared first, for the reason the module gives.
    """
    turns = [one for one in recorded if _inputs(one)]
    arrived = {ids[link.item] for one in recorded if one.event.biz_step == BizStep.RECEIVING for link in one.links}
    share_items(session, {ids[uri] for one in turns for uri in _inputs(one)})
    if not (turns or arrived) or session.execute(_ANY_OPEN).one_or_none() is None:
        return set()
    for one in turns:
        arrived |= _follow(session, one, ids)
    return arrived


@across(because="goods under a recall are told to whoever gets them")
def tell_holder(session: Session, arrived: Iterable[int], *, actor: Actor, now: datetime) -> None:
    """Send the actor's organisation the notice of every recall over what just arrived there or was made there."""
    over = recalls_over(session, arrived, organisation=None)
    for row in {row.id: row for rows in over.values() for row in rows}.values():
        having = accounts_of(session, row.id, [actor.organisation])
        send_notices(session, row, {actor.organisation: having.get(actor.organisation, [])}, arrived=True, now=now)


_ANY_OPEN = select(recall.c.id).where(recall.c.lifted_at.is_(None)).limit(1)


def _inputs(one: Recorded) -> list[str]:
    return [link.item for link in one.links if link.role is Role.INPUT]


@across(because="a recall reaches what anybody made of its goods")
def _follow(session: Session, one: Recorded, ids: Mapping[str, int]) -> set[int]:
    """Add what a transformation made to the recalls over its inputs: the outputs (numbers)."""
    inputs = {ids[uri] for uri in _inputs(one)}
    outputs = {ids[link.item] for link in one.links if link.role is Role.OUTPUT and uri_kind(link.item) in _GOODS}
    if any(uri_kind(uri) not in _GOODS for uri in _inputs(one)):  # what was in a crate went in
        inputs |= {i for out in outputs for i in trace(TraceReader(session), out, Direction.BACKWARD).items}
    over = _all_over(session, inputs)
    made_here = (captors_of(session, [one.number]).get(one.number), True)
    believed = [out for out, origin in origins_of(session, outputs).items() if origin == made_here] if over else []
    for output in sorted(believed):
        found = lock_reach(session, output)
        rows = [{"recall": number, "item": item} for number in over for item in sorted(found.items)]
        add_lots(session, rows)
        if not found.complete:
            session.execute(update(recall).where(recall.c.id.in_(over)).values(complete=False))
    return outputs


def _all_over(session: Session, items: Iterable[int]) -> set[int]:
    """The numbers of all holds and recalls, whoever's, over these items or their lots."""
    keys = {key for group in with_lots(session, items).values() for key in group}
    query = select(recall_lot.c.recall).join(recall, recall.c.id == recall_lot.c.recall)
    query = query.where(recall.c.lifted_at.is_(None)).distinct()
    return {n for part in chunks(sorted(keys)) for n in session.scalars(query.where(recall_lot.c.item.in_(part)))}


def add_lots(session: Session, rows: Sequence[Mapping[str, int]]) -> None:
    """Add {recall, item} to what recalls reach; those that are there already are passed by (their primary key)."""
    insert_rows(session, recall_lot, ("recall", "item"), sorted((r["recall"], r["item"]) for r in rows), pass_by=True)
