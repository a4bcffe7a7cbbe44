"""From codes to lines: what was photographed, scanned or typed becomes the lines of a delivery, as far as it is known.

Nobody should type what a label or a partner's record says already: a lot's number and dates come from the label, from
what the sender recorded, or from the lot's own record; only what nobody knows is left to the person.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.events import chunks, find_idents, uris_of
from storage.stock import known_lots
from storage.tables import stock, transit
from trace.domain.codes import Code, CodeKind, parse_code
from trace.domain.failures import Failure
from trace.domain.permissions import Actor
from trace.domain.uris import UriKind, uri_kind
from trace.services.delivery import expected
from trace.services.issued_certificates import verify_address
from trace.services.lots import find_lots
from trace.services.open_containers import goods_inside
from trace.services.products import find_product
from trace.services.shop_codes import as_shop_reads

UNITS = ("KGM", "EA", "LTR")  # that a new product may be counted in at the desk
NO_GOODS = frozenset(
    {CodeKind.USCC, CodeKind.LICENCE, CodeKind.CERTIFICATE_QR, CodeKind.GLN, CodeKind.URL, CodeKind.UNKNOWN}
)


@dataclass(slots=True)
class Proposal:
    """What codes say about a delivery: its lines, its sender where they agree, and the codes that are no goods.

    `supplier` is who is not on this system; `left_out` what came before and is made no more
    (`trace.services.repeating`).
    """

    lines: list[dict[str, Any]] = field(default_factory=list)
    sender: str | None = None
    others: list[dict[str, Any]] = field(default_factory=list)
    supplier: dict[str, str] | None = None
    left_out: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """As the API answers it."""
        return {"lines": self.lines, "sender": self.sender, "others": self.others}


def propose_lines(
    session: Session,
    *,
    actor: Actor,
    texts: Sequence[str] = (),
    codes: Sequence[Code] = (),
    on: date | None = None,
) -> Proposal:
    """The lines that these texts (typed) and codes (of the boxes in photos) most probably are; each counts once.

    The shop's own codes are read by its profile `on` a day (`trace.services.shop_codes`), where one is given.

    A product's GTIN becomes one line for each of its lots that are on the way here; a GS1 code with lot and dates a
    line with them; trace codes of one lot are one line; a case whose content its packer recorded is one line.
    """
    coming = expected(session, actor=actor)
    proposal = Proposal()
    found = list(codes)
    for text in dict.fromkeys(texts):
        try:
            found.append(parse_code(text))
        except Failure:
            found.append(Code(CodeKind.UNKNOWN, text[:200]))
    if on is not None:
        found = [as_shop_reads(session, actor=actor, code=code, on=on) for code in found]
    for code in _each_once(found):
        if code.kind in NO_GOODS:
            proposal.others.append({"text": code.text, "kind": code.kind.value})
            continue
        _add(proposal, _lines_of(session, actor, code, coming))
    for other in proposal.others:
        lots = [line["lot"] for line in proposal.lines if line["lot"]]
        other["certificate"] = verify_address(session, other["text"], lots=lots)
    proposal.sender = _sender(session, actor, proposal, coming)
    return proposal


def _each_once(codes: Sequence[Code]) -> list[Code]:
    """The codes without repetitions; of one pack that two say something of, the one that says more."""
    once: dict[str, Code] = {}
    for code in codes:
        single = code.uri is not None and uri_kind(code.uri) is UriKind.INSTANCE
        key = str(code.uri) if single else code.text
        if key not in once or _says(code) > _says(once[key]):
            once[key] = code
    return list(once.values())


def _says(code: Code) -> int:
    return sum(fact is not None for fact in (code.gtin, code.lot, code.produced_on, code.expires_on))


def lines_from(session: Session, *, actor: Actor, sender: str) -> Proposal:
    """Everything that this sender recorded as on its way here, as lines: nothing to type but what differs."""
    proposal = Proposal(sender=sender)
    for entry in expected(session, actor=actor):
        if entry["sender"]["id"] == sender:
            _add(proposal, [_expected_line(entry)])
    return proposal


def _lines_of(session: Session, actor: Actor, code: Code, coming: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kind = uri_kind(code.uri) if code.uri else UriKind.OTHER
    if kind in (UriKind.CONTAINER_UNIT, UriKind.RETURNABLE) or code.kind is CodeKind.DRUG_TRACE_CODE:
        inside = goods_inside(session, code.uri or "").goods
        if inside and _concerns(session, actor, [good.item for good in inside]):
            return [_container_line(session, code, [g.item for g in inside])]
    known = find_product(session, actor=actor, code=code)
    lot_uri = code.lot_uri or _lot_of_instance(session, code)
    if lot_uri and (recorded := find_lots(session, [lot_uri]).get(lot_uri)):
        line = _line(
            code, product=_product_of(recorded), lot=lot_uri, lot_number=recorded.number, unit=recorded.unit,
            produced_on=recorded.produced_on, expires_on=recorded.expires_on,
        )  # fmt: skip
        on_the_way = [entry for entry in coming if entry["lot"] == lot_uri and not entry["packs"]]
        if line["amount"] is None and on_the_way and not line["codes"]:
            line["amount"] = _expected_line(on_the_way[0])["amount"]
        return [line]
    matching = [entry for entry in coming if code.amount is None and _announces(entry, code, known)]
    if matching:
        return [{**_expected_line(entry), "label": code.text} for entry in matching]
    line = _line(code, product=known, unit=known["unit"] if known else None)
    if code.plu and known and code.unit != known["unit"]:
        line["amount"] = None  # a weight says nothing of what is counted in pieces
    return [line]


def _announces(entry: dict[str, Any], code: Code, known: dict[str, Any] | None) -> bool:
    """Whether what is on the way is what a code without amount names: its lot, or any lot of its class."""
    if code.lot_uri:
        return bool(entry["lot"] == code.lot_uri and not entry["codes"])
    if not code.uri or uri_kind(code.uri) is not UriKind.CLASS:
        return False
    return bool(
        entry["product"]["id"] == known["id"]
        if known and entry["product"]
        else not known and not entry["product"] and entry["product_code"] == code.gtin
    )


def _concerns(session: Session, actor: Actor, items: list[str]) -> bool:
    """Whether any of these goods is on the way to the actor's organisation or in its stock: others' cases stay shut."""
    ids = list(find_idents(session, items).values())
    for part in chunks(ids):
        coming = select(transit.c.item).where(
            transit.c.receiver == actor.organisation, transit.c.item.in_(part), transit.c.amount > 0
        )
        here = select(stock.c.item).where(stock.c.organisation == actor.organisation, stock.c.item.in_(part))
        if session.execute(coming.union(here).limit(1)).first() is not None:
            return True
    return False


def _line(code: Code, **values: Any) -> dict[str, Any]:
    """A line with what the code itself says; `values` add to it or take precedence."""
    single = code.uri is not None and uri_kind(code.uri) is UriKind.INSTANCE
    line = {
        "label": _label(code),
        "in_store": bool(code.plu),
        "product": None,
        "lot": None,
        "lot_number": code.lot or "",
        "produced_on": code.produced_on,
        "expires_on": code.expires_on,
        "amount": code.amount,
        "unit": code.unit,
        "codes": [code.uri] if single else [],
        "container": None,
        "new_product_code": None,
    }
    line |= {name: value for name, value in values.items() if value is not None}
    if line["product"] is None and (code.class_uri or code.plu):
        line["new_product_code"] = code.text if code.plu else code.gtin or code.drug_identifier
    return line


def _label(code: Code) -> str:
    """The text of a code if it says the same when typed: eight digits of a UPC-E would name another product."""
    return code.text if parse_code(code.text).uri == code.uri else str(code.gtin or code.uri)


def _expected_line(entry: dict[str, Any]) -> dict[str, Any]:
    """What a sender announced, as a line: of a lot that nobody described yet, what its code says."""
    made_of = entry["product"]
    counted_alike = entry["unit"] == made_of["unit"] if made_of else entry["unit"] in UNITS
    return {
        "label": "" if entry["recorded"] else entry["lot"] or entry["product_code"] or "",
        "in_store": False,
        "product": made_of,
        "lot": entry["lot"] if entry["recorded"] else None,
        "announced": entry["lot"],
        "lot_number": entry["lot_number"],
        "produced_on": entry["produced_on"],
        "expires_on": entry["expires_on"],
        # A receiver counts in the product's unit: 5,000 grams announced are typed as what the scale says.
        "amount": entry["amount"] if counted_alike and not entry["codes"] else None,
        "unit": entry["unit"] if counted_alike else made_of and made_of["unit"],
        "codes": entry["codes"],
        "container": None,
        "new_product_code": None if made_of else entry["product_code"],
    }


def _container_line(session: Session, code: Code, items: list[str]) -> dict[str, Any]:
    lots = {item for item in items if uri_kind(item) is UriKind.LOT}
    instances = find_idents(session, [item for item in items if uri_kind(item) is not UriKind.LOT])
    lots |= set(uris_of(session, set(known_lots(session, list(instances.values())).values())).values())
    found = find_lots(session, sorted(lots))
    first = next(iter(found.values()), None)
    values: dict[str, Any] = {"container": code.text, "codes": []}
    if first is not None:
        values |= {"product": _product_of(first), "lot": first.uri, "lot_number": first.number, "unit": first.unit}
        values |= {"produced_on": first.produced_on, "expires_on": first.expires_on}
    return {**_line(code), **values, "inside": len(items), "lots_inside": len(found), "new_product_code": None}


def _lot_of_instance(session: Session, code: Code) -> str | None:
    """The lot of a single pack, where somebody in the chain recorded it."""
    if not code.uri or uri_kind(code.uri) is not UriKind.INSTANCE:
        return None
    item = find_idents(session, [code.uri]).get(code.uri)
    number = known_lots(session, [item]).get(item) if item else None
    return uris_of(session, [number]).get(number) if number else None


def _product_of(row: Any) -> dict[str, Any]:
    return {"id": row.product_public_id, "name": row.product_name, "category": row.category, "unit": row.unit}


def _add(proposal: Proposal, lines: list[dict[str, Any]]) -> None:
    """Add lines; what says the same lot again goes onto the line that is there."""
    for line in lines:
        for there in proposal.lines:
            same_lot = line["lot"] is not None and line["lot"] == there["lot"]
            unknown_lot = line["lot"] is None and there["lot"] is None and line["codes"] and there["codes"]
            same_product = unknown_lot and _of(line) is not None and _of(line) == _of(there)
            if _weighed(line) and _weighed(there) and line["product"]["id"] == there["product"]["id"]:
                there["amount"] += line["amount"]  # so many labels of one scale
                break
            if (same_lot or same_product) and not line["container"] and not there["container"]:
                there["codes"] = list(dict.fromkeys([*there["codes"], *line["codes"]]))
                break
        else:
            proposal.lines.append(line)


def _weighed(line: dict[str, Any]) -> bool:
    """Whether a line came from a label of the shop's own scale."""
    return bool(line["in_store"] and line["product"] and line["amount"] is not None)


def _of(line: dict[str, Any]) -> tuple[Any, ...] | None:
    """What packs without a recorded lot have to agree on to be one line; None where nobody knows what they are."""
    made_of = line["product"]["id"] if line["product"] else line["new_product_code"]
    return (made_of, line["lot_number"], line["produced_on"], line["expires_on"]) if made_of else None


def _sender(session: Session, actor: Actor, proposal: Proposal, coming: list[dict[str, Any]]) -> str | None:
    """Who sent all of it, if the records of what is on the way say so with one voice."""
    lots = {lot for line in proposal.lines if (lot := line["lot"] or line.get("announced"))}
    senders = {entry["sender"]["id"] for entry in coming if entry["lot"] in lots}
    return senders.pop() if len(senders) == 1 else None
