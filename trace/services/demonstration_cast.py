"""Who plays in the demonstration's stories, and the commands that more than one of them gives."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from trace.domain.checks import check_digit
from trace.domain.papers import CommitmentBasis
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.suppliers import missing_items
from trace.services.arrivals import sender_of
from trace.services.commands import Command
from trace.services.commitment import Contents, issue_commitment
from trace.services.drug_editing import check_product
from trace.services.products import register_product
from trace.services.receiving import Line, Supplier, receive
from trace.services.rulebook import rules_on
from trace.services.suppliers import facts_of, find_file, note_delivery, record_first_check


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays: actors and public ids by key, and the local time of today."""

    actors: dict[str, Actor]
    ids: dict[str, str]
    today: datetime

    def command(self, who: str, days_ago: int, hour: int, minute: int = 0) -> Command:
        """A command by `who`, so many days ago at that hour of local time."""
        moment = (self.today - timedelta(days=days_ago)).replace(hour=hour, minute=minute, second=0, microsecond=0)
        moment = min(moment, self.today)
        return Command(self.actors[who], moment, happened_at=moment)

    def day(self, days: int) -> date:
        """So many days before (or, negative, after) today."""
        return (self.today - timedelta(days=days)).date()


def gtin(body: str) -> str:
    """A 13-digit GTIN from its first twelve digits."""
    return body + check_digit(body)


def product(session: Session, cast: Cast, who: str, name: str, category: Category, unit: str, **details: Any) -> str:
    """Register a product: its public id."""
    card = register_product(
        session, actor=cast.actors[who], name=name, category=category, unit=unit, now=cast.today, **details
    )
    return str(card["id"])


def lots(answer: dict[str, Any]) -> list[str]:
    """The lots a command made."""
    return list(answer["lots"])


def arrive(
    session: Session,
    command: Command,
    sender: str,
    lines: Sequence[Line],
    note: str = "",
) -> None:
    """Receive a delivery of a sender on the system, whom the receiver has looked at."""
    know(session, command, sender)
    receive(session, command, supplier=Supplier(public_id=sender), lines=lines, delivery_note=note)


def know_drug(session: Session, command: Command, drug: str) -> None:
    """The first-product file (首营品种) of a drug, made before it is bought."""
    items = rules_on(session, command.day, command.actor.organisation).value("first_product.items")
    check_product(session, command, public_id=drug, seen=items)


def know(session: Session, command: Command, organisation: str) -> None:
    """The first-delivery check of a supplier on the system, made before it delivers."""
    sender = sender_of(session, command.actor, Supplier(public_id=organisation))
    if facts_of(session, command.actor, sender).known:
        return
    note_delivery(session, command, sender)
    file = find_file(session, command.actor, sender)
    assert file is not None  # noted just now
    items = missing_items(sender.kind or "", (), rules_on(session, command.day, command.actor.organisation))
    record_first_check(session, replace(command, client_key=None), public_id=file.public_id, seen=items)


def certify(
    session: Session,
    command: Command,
    lot: str,
    name: str,
    quantity: str,
    basis: Sequence[CommitmentBasis],
    origin: str = "宁夏中卫",
) -> None:
    """Issue the commitment certificate of a lot."""
    issue_commitment(
        session,
        command,
        lots=[lot],
        contents=Contents(product_name=name, quantity=quantity, origin=origin),
        basis=basis,
        statement_accepted=True,
    )
