"""Codes scanned into an acceptance, by several people at once: each falls to its line, or waits for an answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, delete, func, insert, select, update
from sqlalchemy.orm import Session

from storage.events import chunks
from storage.tables import acceptance, acceptance_code
from trace.domain.acceptance import Pack, Sorted, sort_packs
from trace.domain.drugs import CodeForm
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.acceptance_rows import (
    NewLine,
    line_update,
    lines_of,
    move_codes,
    next_line,
    note_lines,
    open_row,
    placed_before,
    write_lines,
)
from trace.services.commands import Command, run_once
from trace.services.drug_file import DrugCode, learn, new_identifiers, read_codes
from trace.services.lots import find_lots, lots_of
from trace.services.open_containers import containers_among, goods_inside

MOST_CODES = 20_000  # of one acceptance


@dataclass(frozen=True, slots=True)
class _Read:
    """A pack that was read: its code as the file reads it, and the case that brought it."""

    code: DrugCode
    parent: str | None = None


def scan(
    session: Session,
    command: Command,
    *,
    public_id: str,
    texts: Sequence[str],
    line: int | None = None,
    scans: Sequence[str] = (),
) -> dict[str, Any]:
    """Put scanned codes into an acceptance; `line` decides where several lines fit. Any order, any number of times.

    Answers how many packs were read, were new (`fresh`), were in this acceptance before (`again`: no error), wait for
    an answer (`waiting`: which product, or which line), what cases told nothing (`empty_cases`: no relation file says
    what is in them), and `others`, texts that name no pack. Several people at once: the locked row of the acceptance.
    """

    def act() -> dict[str, Any]:
        return put(session, command, open_row(session, command.actor, public_id), texts, line=line, scans=scans)

    return run_once(session, command, "scan_into_acceptance", act)


def put(
    session: Session,
    command: Command,
    row: Row[Any],
    texts: Sequence[str],
    *,
    line: int | None = None,
    scans: Sequence[str] = (),
) -> dict[str, Any]:
    """What `scan` does, with the acceptance's row locked."""
    read = read_codes(session, texts, actor=command.actor)
    loose, empty = _without_cases(session, command.actor, read)
    packs = {str(one.code.uri): one for one in loose if one.code.is_pack}
    there = placed_before(session, row.id, packs)
    fresh = {uri: one for uri, one in packs.items() if uri not in there}
    _check_room(session, row.id, len(fresh))
    placed = _sort(session, row.id, [packs[uri] for uri in packs if there.get(uri) is None], line)
    rows = [
        {
            "acceptance": row.id,
            "uri": uri,
            "line": placed.get(uri),
            "parent": one.parent,
            "lot_number": one.code.lot or "",
            "expires_on": one.code.expires_on,
            "person": command.actor.person,
            "scanned_at": command.now,
        }
        for uri, one in fresh.items()
    ]
    if rows:
        session.execute(insert(acceptance_code), rows)
    move_codes(session, row.id, {uri: number for uri, number in placed.items() if uri in there})
    if scans:
        kept = list(dict.fromkeys([*row.scans, *scans]))
        session.execute(update(acceptance).where(acceptance.c.id == row.id).values(scans=kept))
    return {
        "id": row.public_id,
        "read": len(packs),
        "fresh": len(fresh),
        "again": len(there),
        "waiting": sum(1 for uri in packs if placed.get(uri, there.get(uri)) is None),
        "empty_cases": empty,
        "others": [one.text[:80] for one in read if not one.is_pack and one.form is not CodeForm.CONTAINER],
        "unknown": [asked.identifier for asked in new_identifiers([one.code for one in packs.values()])],
    }


def _without_cases(session: Session, actor: Actor, read: Sequence[DrugCode]) -> tuple[list[_Read], list[str]]:
    """The packs, with what relation files and records say is in the cases instead of the cases; the silent cases."""
    may_hold = [one for one in read if one.uri and (one.form is CodeForm.CONTAINER or one.pack_level != 1)]
    cases = containers_among(session, [str(one.uri) for one in may_hold])
    packs: list[_Read] = []
    empty: list[str] = []
    inside: dict[str, str] = {}
    for one in read:
        if one.uri in cases and one.uri is not None:
            goods = [good.item for good in goods_inside(session, one.uri).goods]
            found = [item for item in goods if uri_kind(item) is UriKind.INSTANCE]
            inside |= dict.fromkeys(found, one.uri)
            if not found:
                empty.append(one.text)
        elif one.uri and (one.form is CodeForm.CONTAINER or (one.pack_level or 1) > 1):
            empty.append(one.text)
        else:
            packs.append(_Read(one))
    told = [one for one in read_codes(session, inside, actor=actor) if one.uri in inside]
    return [*packs, *(_Read(one, inside[str(one.uri)]) for one in _of_batch(session, actor, told))], empty


def _of_batch(session: Session, actor: Actor, codes: Sequence[DrugCode]) -> list[DrugCode]:
    """Boxes of a case with the batch that its relation file, or who packed it, says they are of."""
    lots = lots_of(session, [str(one.uri) for one in codes if one.lot is None], seen_by=actor.organisation)
    known = find_lots(session, set(lots.values()))
    found = {uri: known[lot] for uri, lot in lots.items() if lot in known}
    return [
        replace(one, lot=found[one.uri].number, expires_on=one.expires_on or found[one.uri].expires_on)
        if one.uri in found
        else one
        for one in codes
    ]


def _check_room(session: Session, number: int, more: int) -> None:
    if not more:
        return
    count = select(func.count()).select_from(acceptance_code).where(acceptance_code.c.acceptance == number)
    there = session.execute(count).scalar_one()
    if there + more > MOST_CODES:
        text = N_("One acceptance takes at most {most} codes. Accept these, and begin another for the rest.")
        raise Invalid(text, field="codes", most=MOST_CODES)


def _sort(session: Session, number: int, read: Iterable[_Read], into: int | None) -> dict[str, int]:
    """{code: line} of the packs that fall to a line; lines that open, or learn their batch, are written."""
    packs = _packs(one.code for one in read)
    if not packs:
        return {}
    before = note_lines(lines_of(session, number))
    if into is not None and into not in [line.number for line in before]:
        raise Invalid(N_("There is no such line."), field="line")
    found = sort_packs(packs, before, into=into)
    for old, new in zip(before, found.lines, strict=False):
        if old != new:
            changed = {"lot_number": new.lot_number, "expires_on": new.expires_on}
            session.execute(line_update(number, new.number).values(changed))
    opened = found.lines[len(before) :]
    write_lines(
        session,
        number,
        [NewLine(line.product, None, line.lot_number, None, line.expires_on) for line in opened],
        first=opened[0].number if opened else 0,
    )
    return found.placed


def _packs(codes: Iterable[DrugCode]) -> list[Pack]:
    """Those whose product the file knows."""
    return [
        Pack(str(code.uri), str(code.product["id"]), code.lot or "", code.expires_on)
        for code in codes
        if code.product is not None
    ]


def would_fall(waiting: Iterable[DrugCode], lines: Iterable[Row[Any]]) -> Sorted:
    """Where codes that are of no line yet would fall now; nothing is written."""
    return sort_packs(_packs(waiting), note_lines(lines))


def settle(session: Session, actor: Actor, number: int) -> int:
    """Let the codes that are of no line yet fall again, after a line or an identifier became known; what still waits.

    The acceptance's row is locked.
    """
    waiting = waiting_codes(session, actor, number)
    placed = _sort(session, number, [_Read(code) for code in waiting], None)
    move_codes(session, number, placed)
    return len(waiting) - len(placed)


def waiting_codes(session: Session, actor: Actor, number: int) -> list[DrugCode]:
    """The codes that are of no line yet, as the file reads them now, with what they said when they were scanned."""
    query = (
        select(acceptance_code)
        .where(acceptance_code.c.acceptance == number, acceptance_code.c.line.is_(None))
        .order_by(acceptance_code.c.scanned_at, acceptance_code.c.uri)
    )
    rows = session.execute(query).all()
    read = read_codes(session, [row.uri for row in rows], actor=actor)
    return [
        replace(code, lot=row.lot_number or code.lot, expires_on=row.expires_on or code.expires_on)
        for code, row in zip(read, rows, strict=True)
    ]


def name_identifier(
    session: Session,
    command: Command,
    *,
    public_id: str,
    identifier: str,
    product: str,
    level: int | None = 1,
    length: int | None = None,
) -> dict[str, Any]:
    """Say which product an unknown identifier is of (`trace.services.drug_file.learn`); its codes fall to their lines.

    Two at once: the locked row of the acceptance, and the file's own keys.
    """

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        card = learn(session, command, identifier=identifier, product=product, level=level, length=length)
        return {"id": public_id, "product": card["name"], "waiting": settle(session, command.actor, row.id)}

    return run_once(session, command, "name_identifier", act)


def set_apart(
    session: Session, command: Command, *, public_id: str, line: int, texts: Sequence[str], decision: str, reason: str
) -> dict[str, Any]:
    """Put some boxes of a line apart, to hold or refuse them: a line of their own with the same product and batch.

    Raises `Invalid` for codes that are not on that line. Two at once: the locked row of the acceptance.
    """

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        known = {one.line: one for one in lines_of(session, row.id)}
        if line not in known:
            raise Invalid(N_("There is no such line."), field="line")
        uris = [str(one.uri) for one in read_codes(session, texts, actor=command.actor) if one.uri]
        there = placed_before(session, row.id, uris)
        if not uris or any(there.get(uri) != line for uri in uris):
            raise Invalid(N_("Scan the boxes of this line that are set apart."), field="codes")
        old, first = known[line], next_line(session, row.id)
        more = {**old.more, "apart": True, "decision": decision, "reason": reason}
        new = NewLine(old.public_id, None, old.lot_number, old.produced_on, old.expires_on, more=more)
        write_lines(session, row.id, [new], first=first)
        move_codes(session, row.id, dict.fromkeys(uris, first))
        return {"id": public_id, "line": first, "codes": len(set(uris))}

    return run_once(session, command, "set_apart", act)


def leave_out(session: Session, command: Command, *, public_id: str, texts: Sequence[str]) -> dict[str, Any]:
    """Take codes out that were scanned by mistake. Two at once: the locked row of the acceptance."""

    def act() -> dict[str, Any]:
        row = open_row(session, command.actor, public_id)
        uris = [str(one.uri) for one in read_codes(session, texts, actor=command.actor) if one.uri]
        gone = placed_before(session, row.id, uris)
        for part in chunks(gone):
            mine = (acceptance_code.c.acceptance == row.id) & acceptance_code.c.uri.in_(part)
            session.execute(delete(acceptance_code).where(mine))
        return {"id": public_id, "left_out": len(gone)}

    return run_once(session, command, "leave_out_of_acceptance", act)
