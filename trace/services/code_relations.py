"""Bring in relation files (关联关系): from then on a case's code tells its boxes, and their batch.

What the file says becomes events of who brought it in: the boxes with their lot, and each case with what is in it. The
places of the events are left open: the packing line stood elsewhere.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.orm import Session

from schemas.relation_files import read_relations
from schemas.sheets import Limits
from storage.events import chunks, find_idents, insert_for, uris_of
from storage.objects import ObjectStore
from storage.stock import known_lots
from storage.tables import event_item, event_withdrawn, product, product_code, relation_file
from trace.domain.code_relations import PackedBatch, Relation, Tree, as_tree
from trace.domain.drugs import PACKS, CodeForm, parse_pack_code
from trace.domain.epcis.document import PREFIX
from trace.domain.epcis.vocabulary import BizStep, Disposition
from trace.domain.events import Action, AggregationEvent, Event, ObjectEvent
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.links import LOT_EXTENSION, Role
from trace.domain.permissions import Actor
from trace.services.capture import capture
from trace.services.commands import Command, run_once, stamp_of
from trace.services.drug_file import DrugCode, learn, new_identifiers, read_codes
from trace.services.lots import NewLot, open_lot
from trace.services.organisations import new_public_id
from trace.services.products import EVERYWHERE
from trace.services.rulebook import rules_on
from trace.services.scans import keep_object

SOURCE = f"{PREFIX}relation_file"  # in its events: the SHA-256 of the file
_BOXES_IN_EVENT = 5_000


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch of a file, read: what is in what, of which product, and its lot where the file says one."""

    said: PackedBatch
    tree: Tree
    product: str  # public id
    lot: str | None = None


def bring_in_relations(
    session: Session, command: Command, *, objects: ObjectStore, name: str, data: bytes, product: str | None = None
) -> dict[str, Any]:
    """Keep a relation file and record what it says, whole or not at all: its report, as `get_relation_file` tells it.

    `product` (public id) is the answer to "which product is this?" for identifiers that the drug file does not know;
    without it they are refused, and named in `details`. Raises `TooLarge`, `Invalid` for what is no relation file or
    cannot be true, `Conflict` where a box stands in another case or lot. The same file again changes nothing; two who
    bring it in at once: the unique key of `relation_file` decides, the later gets the first's report.
    """
    rules = rules_on(session, command.day, command.actor.organisation)
    most = rules.value("relation.limits")
    limits = replace(Limits(**rules.value("import.limits")), bytes=most["bytes"], rows=most["codes"])

    def act() -> dict[str, Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        said = read_relations(data, limits)
        media_type = "application/xml" if data.lstrip()[:1] == b"<" else "application/octet-stream"
        keep_object(session, actor=command.actor, objects=objects, data=data, media_type=media_type, now=command.now)
        public_id = _note_file(session, command, sha256, name)
        if public_id is None:
            mine = (relation_file.c.organisation == command.actor.organisation) & (relation_file.c.object == sha256)
            return {"id": session.execute(select(relation_file.c.public_id).where(mine)).scalar_one(), "again": True}
        batches = [_understood(session, command, one, product, number) for number, one in enumerate(said)]
        told = _record(session, command, batches, sha256)
        lots = [_lot_told(one) for one in batches]
        sums = {name: sum(lot[name] for lot in lots) for name in ("cases", "boxes")}
        report = {**sums, "fresh": told, "lots": lots}
        session.execute(update(relation_file).where(relation_file.c.public_id == public_id).values(report=report))
        return {"id": public_id, "again": False}

    return run_once(session, command, "bring_in_relations", act)


def _note_file(session: Session, command: Command, sha256: str, name: str) -> str | None:
    """The public id of a new row for the file; None where this organisation brought it in before."""
    row = {
        "public_id": new_public_id(),
        "organisation": command.actor.organisation,
        "object": sha256,
        "name": name[-120:] or "-",
        "report": {},
        "person": command.actor.person,
        "brought_in_at": command.now,
    }
    statement = insert_for(session, relation_file).values(row).on_conflict_do_nothing()
    return session.execute(statement.returning(relation_file.c.public_id)).scalar_one_or_none()


def _lot_told(batch: _Batch) -> dict[str, Any]:
    ends = batch.said.expires_on
    return {
        "lot": batch.lot,
        "lot_number": batch.said.lot_number,
        "expires_on": ends.isoformat() if ends else None,
        "product": batch.product,
        "cases": len(batch.tree.inside),
        "boxes": len(batch.tree.boxes),
    }


# ---- what the file says --------------------------------------------------------------------------------------------


def _understood(session: Session, command: Command, said: PackedBatch, product_id: str | None, number: int) -> _Batch:
    """A batch with its codes read, its product found or learnt, its lot opened."""
    tree = as_tree(tuple(_as_uris(said)))
    codes = read_codes(session, tree.levels, actor=command.actor)
    made_of = _product_of(codes, product_id)
    _learn_levels(session, command, said, tree, codes, made_of)
    if not said.lot_number:
        return _Batch(said, tree, made_of)
    new = NewLot(made_of, said.lot_number, said.produced_on, said.expires_on)
    field = f"batches.{number}"
    return _Batch(said, tree, made_of, open_lot(session, new, actor=command.actor, now=command.now, field=field))


def _as_uris(said: PackedBatch) -> Iterator[Relation]:
    """The rows with the URIs of their codes; raises `Invalid` for a text that names neither pack nor case."""
    for one in said.relations:
        yield replace(one, code=_uri(one.code, one.row), parent=_uri(one.parent, one.row) if one.parent else None)


def _uri(text: str, row: int) -> str:
    code = parse_pack_code(text)
    if code.uri is None or code.form not in (*PACKS, CodeForm.CONTAINER):
        raise Invalid(
            N_("Row {row}: {code} is no trace code. Nothing was taken over."), field="file", row=row, code=text[:60]
        )
    return code.uri


def _product_of(codes: Sequence[DrugCode], answer: str | None) -> str:
    """The one product that all codes of a batch are of; unknown ones are of the `answer`, or asked about."""
    known = {str(code.product["id"]): str(code.product["name"]) for code in codes if code.product is not None}
    if len(known) > 1:
        raise Invalid(
            N_("One batch of this file holds codes of several products: {names}. Nothing was taken over."),
            field="file",
            names=", ".join(sorted(known.values()))[:200],
        )
    unknown = new_identifiers(codes)
    if not unknown:
        return next(iter(known))
    if answer is None:
        asked = [one.identifier for one in unknown]
        raise Invalid(
            N_("The drug file does not know codes with {identifiers} yet: say which product they are of."),
            field="product",
            details={"new_identifiers": asked, "product": next(iter(known), None)},
            identifiers=", ".join(one.rpartition("/")[2] for one in asked)[:200],
        )
    if known and answer not in known:
        raise Invalid(
            N_("The boxes in this file are {name} in the drug file, and another product was chosen."),
            field="product",
            name=next(iter(known.values())),
        )
    return answer


def _learn_levels(
    session: Session, command: Command, said: PackedBatch, tree: Tree, codes: Sequence[DrugCode], made_of: str
) -> None:
    """What the file says of identifiers: new ones are learnt, levels that nobody knew are added.

    Raises `Invalid` where it says otherwise than the drug file: one of the two is mistaken, and a person decides.
    """
    cascade = said.cascade or None
    for new in new_identifiers(codes):
        level = tree.levels[new.codes[0]]
        learn(
            session,
            command,
            identifier=new.identifier,
            product=made_of,
            level=level,
            cascade=cascade,
            length=new.length,
        )
    told: dict[str, int] = {}
    for code in codes:
        level = tree.levels[str(code.uri)]
        if not code.identifier or code.form is CodeForm.CONTAINER:
            continue
        stands = code.pack_level or told.setdefault(code.identifier, level)
        if stands != level:
            raise Invalid(
                N_("{code} is at level {level} in this file, and codes with {identifier} are at level {stands}."),
                field="file",
                code=code.text[-60:],
                level=level,
                identifier=code.identifier.rpartition("/")[2],
                stands=stands,
            )
    for identifier, level in told.items():
        mine = (product_code.c.organisation == EVERYWHERE) & (product_code.c.code == identifier)
        unsaid = mine & product_code.c.pack_level.is_(None)
        session.execute(update(product_code).where(unsaid).values(pack_level=level))


# ---- what is recorded of it ----------------------------------------------------------------------------------------


def _record(session: Session, command: Command, batches: Sequence[_Batch], sha256: str) -> int:
    """Capture what is not recorded yet; the number of boxes and inner cases that were put into their case."""
    made = replace(stamp_of(session, command), seed=f"{command.actor.organisation}:{sha256}")
    events: list[Event] = []
    packed = 0
    for batch in batches:
        nowhere = {"read_point": None, "biz_location": None, "extensions": {SOURCE: sha256}}
        for part in chunks(_without_lot(session, command.actor, batch), _BOXES_IN_EVENT):
            said = {**made.common(len(events)), **nowhere, "extensions": {SOURCE: sha256, LOT_EXTENSION: batch.lot}}
            events.append(ObjectEvent(**said, action=Action.OBSERVE, biz_step=BizStep.PACKING, epcs=tuple(part)))
        there = _packed_in(session, [code for inside in batch.tree.inside.values() for code in inside])
        for case, inside in batch.tree.inside.items():
            fresh = tuple(code for code in inside if _is_new(code, case, there.get(code)))
            if fresh:
                packed += len(fresh)
                events.append(
                    AggregationEvent(
                        **{**made.common(len(events)), **nowhere},
                        action=Action.ADD,
                        biz_step=BizStep.PACKING,
                        disposition=Disposition.IN_PROGRESS,
                        parent=case,
                        child_epcs=fresh,
                    )
                )
    capture(session, events, actor=command.actor, now=command.now, strict=False)
    return packed


def _without_lot(session: Session, actor: Actor, batch: _Batch) -> list[str]:
    """The boxes whose lot nothing says yet; raises `Conflict` where it is said to be another."""
    if batch.lot is None:
        return []
    ids = find_idents(session, batch.tree.boxes)
    known = known_lots(session, ids.values(), seen_by=actor.organisation)
    names = uris_of(session, known.values())
    for uri, item in ids.items():
        if item in known and names[known[item]] != batch.lot:
            raise Conflict(
                N_("The box {code} is recorded in lot {other}; this file says {lot}. Nothing was taken over."),
                field="file",
                code=uri.rpartition("/")[2],
                other=names[known[item]].rpartition(".")[2],
                lot=batch.said.lot_number,
            )
    return [uri for uri in batch.tree.boxes if ids.get(uri) not in known]


def _is_new(code: str, case: str, there: str | None) -> bool:
    """Whether a box is still to be put into its case; raises `Conflict` where it is in another."""
    if there is not None and there != case:
        raise Conflict(
            N_("The box {code} is in the case {other} by what was recorded before. Nothing was taken over."),
            field="file",
            code=code.rpartition("/")[2],
            other=there.rpartition("/")[2],
        )
    return there is None


def _packed_in(session: Session, codes: Iterable[str]) -> dict[str, str]:
    """{code: the case it was last put into, and not taken out of since}."""
    ids = find_idents(session, codes)
    names = {item: uri for uri, item in ids.items()}
    last: dict[int, int | None] = {}
    for part in chunks(sorted(names)):
        query = (
            select(event_item.c.item, event_item.c.role, event_item.c.peer)
            .where(
                event_item.c.item.in_(part),
                event_item.c.role.in_((Role.PACKED, Role.UNPACKED)),
                ~exists().where(event_withdrawn.c.event == event_item.c.event),
            )
            .order_by(event_item.c.item, event_item.c.time, event_item.c.event)
        )
        for item, role, peer in session.execute(query):
            last[item] = peer if role == Role.PACKED else None
    cases = uris_of(session, [peer for peer in last.values() if peer is not None])
    return {names[item]: cases[peer] for item, peer in last.items() if peer is not None}


# ---- what was brought in -------------------------------------------------------------------------------------------


def list_relation_files(session: Session, *, actor: Actor, limit: int = 50) -> list[dict[str, Any]]:
    """The relation files that the actor's organisation brought in, the latest first."""
    query = select(relation_file).where(relation_file.c.organisation == actor.organisation)
    rows = session.execute(query.order_by(relation_file.c.id.desc()).limit(limit)).all()
    return _cards(session, rows)


def get_relation_file(session: Session, *, actor: Actor, public_id: str) -> dict[str, Any]:
    """One of them: {id, name, brought_in_at, cases, boxes, fresh, lots}; raises `NotFound`."""
    mine = (relation_file.c.public_id == public_id) & (relation_file.c.organisation == actor.organisation)
    rows = session.execute(select(relation_file).where(mine)).all()
    if not rows:
        raise NotFound(N_("There is no relation file {id}."), field="id", id=public_id)
    return _cards(session, rows)[0]


def _cards(session: Session, rows: Sequence[Any]) -> list[dict[str, Any]]:
    wanted = {lot["product"] for row in rows for lot in row.report["lots"]}
    query = select(product.c.public_id, product.c.name).where(product.c.public_id.in_(wanted))
    names = dict(session.execute(query).tuples().all()) if wanted else {}
    return [
        {
            "id": row.public_id,
            "name": row.name,
            "brought_in_at": row.brought_in_at,
            **row.report,
            "lots": [{**lot, "product_name": names.get(lot["product"], "")} for lot in row.report["lots"]],
        }
        for row in rows
    ]
