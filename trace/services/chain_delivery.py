"""One delivery of a supplier that headquarters splits over its shops: what came, and how much of it where."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.tenancy import across
from trace.domain.failures import N_, Invalid
from trace.domain.papers import CertificateKind
from trace.services.arrivals import sender_of
from trace.services.certificates import file_certificate
from trace.services.chain import acting_for
from trace.services.chain_moves import Share, receive_for_shops
from trace.services.commands import Command, run_once
from trace.services.receiving import Line, Supplier


@dataclass(frozen=True, slots=True)
class ForShop:
    """How much of a line is for one shop (its public id): packs by their codes, or so much of the lot."""

    shop: str
    amount: Decimal | None = None
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SplitLine:
    """A line of the supplier's delivery: what it is, the number of its test report, and its parts, one a shop."""

    line: Line
    parts: tuple[ForShop, ...]
    report: str = ""


@across(because="headquarters receives for its shops")
def split_delivery(
    session: Session, command: Command, *, supplier: Supplier, lines: Sequence[SplitLine], delivery_note: str = ""
) -> dict[str, Any]:
    """Record a delivery for all shops that got something of it, all or nothing: {receipts, shops}, in one order.

    Each shop gets a record of its own, and its own copy of the papers that came by their numbers: the delivery note
    (随货同行单) and each batch's test report. Raises `Invalid` for a line of which no shop gets anything, and what
    `receive_for_shops` raises, naming `parts.<shop>.lines.<line>...`: the shops counted as they are first named in
    `lines`, the lines as that shop has them.

    Two at once, and a repetition: as for `receive_for_shops`; the papers are rows of their own and lock nothing.
    """

    def act() -> dict[str, Any]:
        issuer = sender_of(session, command.actor, supplier).name
        shares = [
            Share(shop, tuple(_for_shop(session, command, shop, issuer, wanted, delivery_note)))
            for shop, wanted in by_shop.items()
        ]
        done = receive_for_shops(
            session, replace(command, client_key=None), supplier=supplier, shares=shares, delivery_note=delivery_note
        )
        return {**done, "shops": list(by_shop)}

    by_shop: dict[str, list[tuple[SplitLine, ForShop]]] = {}
    for number, split in enumerate(lines):
        if not split.parts:
            raise Invalid(N_("Say which shops get something."), field=f"lines.{number}")
        for part in split.parts:
            by_shop.setdefault(part.shop, []).append((split, part))
    if not by_shop:
        raise Invalid(N_("A delivery has at least one line."), field="lines")
    return run_once(session, command, "split_delivery", act)


def _for_shop(
    session: Session,
    command: Command,
    shop: str,
    issuer: str,
    wanted: Sequence[tuple[SplitLine, ForShop]],
    delivery_note: str,
) -> list[Line]:
    """The lines of one shop's record, with the shop's copies of the papers."""
    there = replace(command, actor=acting_for(session, command.actor, shop), client_key=None, place=None)

    def filed(kind: CertificateKind, number: str) -> tuple[str, ...]:
        if not number:
            return ()
        card = file_certificate(session, there, kind=kind, lots=(), issuer=issuer, issued_on=command.day, number=number)
        return (card["id"],)

    note = filed(CertificateKind.DELIVERY_NOTE, delivery_note)
    found = []
    for split, part in wanted:
        papers = note + filed(CertificateKind.DRUG_TEST_REPORT, split.report) + split.line.certificates
        found.append(replace(split.line, amount=part.amount, codes=part.codes, certificates=papers))
    return found
