"""Hold a lot, recall it, answer a recall, lift and close it (R7, R13; 食品安全法 Art. 63; 药品管理法 Art. 82).

One switch a lot reaches everything that was made of it (`trace.services.recall_reach`). A hold binds the own
organisation, a recall everybody who has any of it: those get a notice, an alert and a time to answer.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, lock_items, makers_of
from storage.origins import origins_of
from storage.stock import items_ever_here
from storage.tables import organisation, rapid_test, recall, recall_lot, recall_notice, stock
from storage.tenancy import across
from trace.domain.failures import N_, Conflict, Forbidden, Invalid, NotFound
from trace.domain.permissions import Actor, in_region
from trace.domain.recalls import LEVELS, RecallKind, Standing, state_of
from trace.services.commands import Command, run_once
from trace.services.lots import item_uri, lots_of
from trace.services.organisations import new_public_id
from trace.services.recall_notices import accounts_of, clock_of, note_own, recall_row, send_notices
from trace.services.recall_reach import Reach, add_lots, check_not_recalled, lock_reach
from trace.services.recall_stock import hold_here, release_here
from trace.services.sales import possible_sales

__all__ = [
    "acknowledge",
    "check_not_recalled",
    "close_recall",
    "hold_lot",
    "lift_recall",
    "look_again",
    "open_recall",
    "put_back",
]


def hold_lot(session: Session, command: Command, *, lot: str, reason: str) -> dict[str, Any]:
    """Hold a lot and everything that was made of it in the own organisation (`open_recall`)."""
    return open_recall(session, command, lot=lot, kind=RecallKind.HOLD, level=None, reason=reason)


@across(because="a recall reaches whoever has the goods")
def open_recall(
    session: Session, command: Command, *, lot: str, kind: RecallKind, level: int | None = None, reason: str
) -> dict[str, Any]:
    """Hold or recall a lot (any text that names it or a pack of it) and everything that was made of it.

    Own stock of all of it is held by one event; of a recall everybody who has or sold any gets a notice. Answers {id,
    lots, complete, held, holders, without_lot}: `complete` False says that the trace came to no end and there is more
    than is held (`look_again`); `without_lot` counts the kinds of goods it went into that name no lot.

    Who may: hold what one had; recall what one made, an inspector what somebody in the region made or had. Raises
    `NotFound` for a lot that is none of one's business, `Conflict` for a recall of what others made, `Invalid` without
    reason or level.

    Two at once, and a sale at the same moment: the rows of `ident` (`trace.services.recall_reach`).
    """

    def act() -> dict[str, Any]:
        return start_recall(session, command, lot=lot, kind=kind, level=level, reason=reason)

    return run_once(session, command, f"open_{kind.value}", act)


@across(because="a recall reaches whoever has the goods")
def start_recall(
    session: Session, command: Command, *, lot: str, kind: RecallKind, level: int | None = None, reason: str
) -> dict[str, Any]:
    """`open_recall` inside another command (a failed test holds at once)."""
    if not reason.strip():
        raise Invalid(N_("Say why."), field="reason")
    if kind is RecallKind.RECALL and level not in LEVELS:
        raise Invalid(N_("Give the level of the recall: 1, 2 or 3."), field="level")
    item = lot_number(session, command.actor, lot)
    reach = lock_reach(session, item)
    check_may_open(session, command.actor, item, reach, kind, lot)
    row = _insert(session, command, item, kind, level, reason.strip(), reach)
    held = hold_here(session, command, row)
    holders = _send_notices(session, command, row) if kind is RecallKind.RECALL else 0
    return {
        "id": row.public_id,
        "lots": _count(session, row, reach),
        "complete": reach.complete,
        "without_lot": len(reach.without_lot),
        "held": held,
        "holders": holders,
    }


def lot_number(session: Session, actor: Actor, text: str) -> int:
    """The number in the store of the lot that a text names, or of the lot of a pack; raises `Invalid`, `NotFound`."""
    uri = item_uri(text, field="lot")
    uri = lots_of(session, [uri], seen_by=actor.organisation).get(uri, uri)
    found = find_idents(session, [uri]).get(uri)
    if found is None:
        raise _unknown(text)
    return found


def _unknown(text: str) -> NotFound:
    return NotFound(N_("The lot {lot} is not recorded yet."), field="lot", lot=text[:80])


def check_may_open(session: Session, actor: Actor, item: int, reach: Reach, kind: RecallKind, text: str) -> None:
    """Raise unless the lot is the actor's business (see `open_recall`)."""
    makers = makers_of(session, [item]).get(item, set())
    if actor.watches:
        if kind is RecallKind.HOLD:
            raise Forbidden(N_("A hold is set by the shop; the regulator orders a recall."))
        if not any(in_region(region, actor.region) for region in _regions(session, makers | _havers(session, reach))):
            raise _unknown(text)
        return
    if kind is RecallKind.RECALL and is_maker(session, actor, item):
        return
    if actor.organisation not in makers | _havers(session, reach):
        raise _unknown(text)
    if kind is RecallKind.RECALL:
        raise Conflict(
            N_("Others made this lot: who made it recalls it, or the regulator. Hold it here and tell the supplier."),
            field="kind",
        )


def is_maker(session: Session, actor: Actor, item: int) -> bool:
    """Whether a lot is the actor's to recall: to have recorded that one made it is not enough where others had it
    before (`storage.origins.origins_of`).
    """
    return origins_of(session, [item]).get(item) == (actor.organisation, True)


def _count(session: Session, row: Row[Any], reach: Reach) -> int:
    """How many lots are reached, of a hold those that are or were here: what others made of theirs is their affair."""
    if row.kind == RecallKind.RECALL:
        return len(reach.items)
    return max(1, len(items_ever_here(session, row.organisation, reach.items)))


def _havers(session: Session, reach: Reach) -> set[int]:
    found: set[int] = set()
    for part in chunks(sorted(reach.items)):
        for column in (stock.c.item, stock.c.lot):  # each by its own index
            found.update(session.scalars(select(stock.c.organisation).where(column.in_(part)).distinct()))
    return found


def _regions(session: Session, organisations: set[int]) -> Sequence[str]:
    return session.scalars(select(organisation.c.region).where(organisation.c.id.in_(organisations))).all()


def _insert(
    session: Session,
    command: Command,
    item: int,
    kind: RecallKind,
    level: int | None,
    reason: str,
    reach: Reach,
) -> Row[Any]:
    due_at = None if level is None else clock_of(session, item, level, command.now).finish_by
    number = session.execute(
        insert(recall)
        .values(
            public_id=new_public_id(),
            organisation=command.actor.organisation,
            item=item,
            kind=kind.value,
            level=level,
            reason=reason,
            region=command.actor.region,
            person=command.actor.person,
            opened_at=command.now,
            due_at=due_at,
            lifted_reason="",
            closed_reason="",
            complete=reach.complete,
        )
        .returning(recall.c.id)
    ).scalar_one()
    add_lots(session, [{"recall": number, "item": reached} for reached in reach.items])
    return recall_row(session, number)


def _send_notices(session: Session, command: Command, row: Row[Any]) -> int:
    """A notice to everybody who has, sold or awaits any of it, and to who made it: how many were told."""
    having = accounts_of(session, row.id, ())
    known = ("on_hand", "held", "sold", "missing")
    told = {holder for holder, lots in having.items() if any(entry[name] for entry in lots for name in known)}
    told |= makers_of(session, [row.item]).get(row.item, set()) - {command.actor.organisation}
    if command.actor.organisation in told:
        note_own(session, row, command.actor.organisation, command.actor.person, command.now)
    items = {entry["item"] for lots in having.values() for entry in lots}
    possible = {key: sold.possible for key, sold in possible_sales(session, items).items()}
    holders = {
        one: [
            {**entry, "possible": possible.get((one, entry["item"], entry["unit"]), 0)} for entry in having.get(one, ())
        ]
        for one in told - {command.actor.organisation}
    }
    return send_notices(session, row, holders, now=command.now)


# ---- answering, lifting, closing ------------------------------------------------------------------------------------


def acknowledge(session: Session, command: Command, *, public_id: str, answer: str = "") -> dict[str, Any]:
    """Answer a recall notice: what is on hand of it here is held, who answered and when is kept.

    Raises `NotFound` without a notice for the own organisation, `Conflict` for one that was answered. Two at once: the
    guarded update of the notice lets one through.
    """

    def act() -> dict[str, Any]:
        row = get_recall_row(session, public_id)
        mine = (recall_notice.c.recall == row.id) & (recall_notice.c.organisation == command.actor.organisation)
        known = session.execute(select(recall_notice).where(mine)).one_or_none()
        if known is None:
            raise no_recall(public_id)
        answered = (
            update(recall_notice)
            .where(mine, recall_notice.c.acknowledged_at.is_(None))
            .values(acknowledged_at=command.now, acknowledged_by=command.actor.person, answer=answer.strip())
        )
        if session.execute(answered.returning(recall_notice.c.recall)).one_or_none() is None:
            raise Conflict(N_("This notice was answered already."), field="recall")
        if row.lifted_at is not None:
            return {"id": row.public_id, "held": []}
        _lock(session, row)
        return {"id": row.public_id, "held": hold_here(session, command, row)}

    return run_once(session, command, "acknowledge_recall", act)


@across(because="a recall reaches whoever has the goods")
def lift_recall(session: Session, command: Command, *, public_id: str, reason: str) -> dict[str, Any]:
    """The goods are in order: what the hold or recall held here goes back on hand, unless another one is over it.

    Other holders put back what it held there (`put_back`). Raises `NotFound` for another's, `Conflict` for one that
    ended before and for a hold on a failed test, which only the re-test lifts.

    Two at once that are over the same lots: both take the rows of `ident` of what they reach, so the later one sees
    that the earlier is lifted.
    """

    def act() -> dict[str, Any]:
        row = _own_open(session, command.actor, public_id)
        _check_no_failed_test(session, row)
        return end_hold(session, command, row, reason)

    return run_once(session, command, "lift_recall", act)


@across(because="a recall reaches whoever has the goods")
def end_hold(session: Session, command: Command, row: Row[Any], reason: str) -> dict[str, Any]:
    """Lift, inside another command (a re-test that was passed)."""
    if not reason.strip():
        raise Invalid(N_("Say why."), field="reason")
    _lock(session, row)
    values = {"lifted_at": command.now, "lifted_by": command.actor.person, "lifted_reason": reason.strip()[:200]}
    _end(session, row, values)
    return {"id": row.public_id, "released": release_here(session, command, recall_row(session, row.id))}


def put_back(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """Put back on hand what a recall held here that was lifted since; again is harmless.

    Two at once: both pass through the rows of `ident` of what the recall reached, and the later finds nothing held.
    """

    def act() -> dict[str, Any]:
        row = get_recall_row(session, public_id)
        if row.organisation != command.actor.organisation and not _has_notice(session, row, command.actor):
            raise no_recall(public_id)
        if row.lifted_at is None:
            raise Conflict(N_("The recall is not lifted: the goods stay where they are."), field="recall")
        _lock(session, row)
        return {"id": row.public_id, "released": release_here(session, command, row)}

    return run_once(session, command, "put_back", act)


@across(because="a recall reaches whoever has the goods")
def close_recall(
    session: Session, command: Command, *, public_id: str, reason: str, unanswered: str = ""
) -> dict[str, Any]:
    """End a hold or recall whose goods went back or were destroyed: what is left of them stays blocked for good.

    `reason` is the report's last sentence, `unanswered` why it ends although somebody did not answer: without it that
    is a `Conflict`. Two at once: the guarded update of the recall lets one through.
    """

    def act() -> dict[str, Any]:
        row = _own_open(session, command.actor, public_id)
        open_notices = select(recall_notice.c.organisation).where(
            recall_notice.c.recall == row.id, recall_notice.c.acknowledged_at.is_(None)
        )
        late = len(session.scalars(open_notices).all())
        if late and not unanswered.strip():
            raise Conflict(
                N_("{count} holders did not answer yet. Call them, or say why the recall ends all the same."),
                field="unanswered",
                count=late,
            )
        said = " ".join(text.strip() for text in (reason, unanswered) if text.strip())
        return finish(session, command, row, said)

    return run_once(session, command, "close_recall", act)


@across(because="a recall reaches whoever has the goods")
def finish(session: Session, command: Command, row: Row[Any], reason: str) -> dict[str, Any]:
    """Close, inside another command (a re-test that failed)."""
    if not reason.strip():
        raise Invalid(N_("Say why."), field="reason")
    values = {"closed_at": command.now, "closed_by": command.actor.person, "closed_reason": reason[:200]}
    _end(session, row, values)
    return {"id": row.public_id}


@across(because="a recall reaches whoever has the goods")
def look_again(session: Session, command: Command, *, public_id: str) -> dict[str, Any]:
    """Trace a hold or recall again, where the search came to no end: what is found now is held, too."""

    def act() -> dict[str, Any]:
        row = _own_open(session, command.actor, public_id)
        reach = lock_reach(session, row.item)
        add_lots(session, [{"recall": row.id, "item": item} for item in reach.items])
        session.execute(update(recall).where(recall.c.id == row.id).values(complete=reach.complete))
        held = hold_here(session, command, row)
        if row.kind == RecallKind.RECALL:
            _send_notices(session, command, row)
        return {"id": row.public_id, "lots": _count(session, row, reach), "complete": reach.complete, "held": held}

    return run_once(session, command, "look_again", act)


def get_recall_row(session: Session, public_id: str) -> Row[Any]:
    """The recall with this public id, whoever's; raises `NotFound`. Whose business it is, is the caller's to ask."""
    row = session.execute(select(recall).where(recall.c.public_id == public_id)).one_or_none()
    if row is None:
        raise no_recall(public_id)
    return row


def no_recall(public_id: str) -> NotFound:
    """There is none, or it is somebody else's affair: the two look alike."""
    return NotFound(N_("There is no hold or recall {id}."), field="recall", id=public_id)


def _own_open(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    row = get_recall_row(session, public_id)
    if row.organisation != actor.organisation:
        raise no_recall(public_id)
    _check_open(row)
    return row


def _check_open(row: Row[Any]) -> None:
    ended = state_of(row.lifted_at, row.closed_at)
    if ended is not Standing.OPEN:
        raise Conflict(
            N_("This hold or recall has ended already ({state})."), field="recall", state=f"recall_{ended.value}"
        )


def _end(session: Session, row: Row[Any], values: Mapping[str, Any]) -> None:
    """Write how it ended, unless it ended meanwhile: the guarded update decides."""
    still = (recall.c.id == row.id) & recall.c.lifted_at.is_(None) & recall.c.closed_at.is_(None)
    if session.execute(update(recall).where(still).values(dict(values)).returning(recall.c.id)).one_or_none() is None:
        _check_open(recall_row(session, row.id))


def _lock(session: Session, row: Row[Any]) -> None:
    """Line up with everybody who holds, lifts or moves what the recall reaches (`trace.services.recall_reach`)."""
    lock_items(session, session.scalars(select(recall_lot.c.item).where(recall_lot.c.recall == row.id)).all())


def _has_notice(session: Session, row: Row[Any], actor: Actor) -> bool:
    query = select(recall_notice.c.recall).where(
        recall_notice.c.recall == row.id, recall_notice.c.organisation == actor.organisation
    )
    return session.execute(query).one_or_none() is not None


def _check_no_failed_test(session: Session, row: Row[Any]) -> None:
    query = select(rapid_test.c.tested_for).where(rapid_test.c.recall == row.id)
    tested_for = session.scalars(query).first()
    if tested_for is not None:
        raise Conflict(
            N_("The test for {what} failed: only a re-test that is passed lifts this hold."),
            field="recall",
            what=tested_for,
        )
