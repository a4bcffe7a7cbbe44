"""A small town for tests: organisations, products and commands in one line each, over a real store."""

import itertools
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select

from storage.store import Store
from storage.tables import organisation
from trace.domain.parties import LicenceKind, OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category
from trace.services.hops import Batch, Command, Some, commission, ship
from trace.services.lots import NewLot
from trace.services.organisations import add_licence, create_organisation, get_organisation_row
from trace.services.products import register_product
from trace.services.receiving import Line, Supplier, receive

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(SHANGHAI)
TODAY = NOW.date()
_numbers = itertools.count(1)


@dataclass
class Town:
    """Makes what a test needs; every call is one transaction of its own."""

    store: Store
    now: datetime = NOW
    ids: dict[int, str] = field(default_factory=dict)

    def organisation(
        self,
        kind: OrganisationKind = OrganisationKind.SUPERMARKET,
        *,
        name: str | None = None,
        region: str = "640502",
        role: Role = Role.CLERK,
        licensed: bool = True,
    ) -> Actor:
        """A new organisation, with a valid licence unless told otherwise: an actor at it."""
        number = next(_numbers)
        with self.store.writing() as session:
            card = create_organisation(
                session, name=name or f"{kind.value} {number}", kind=kind, region=region, now=self.now
            )
            row = get_organisation_row(session, card["id"])
            actor = Actor(row.id, row.name, row.kind, row.party_uri, row.region, role)
            if licensed:
                add_licence(
                    session, actor=actor, kind=LicenceKind.FOOD_BUSINESS, number=f"JY1640502{number:07d}",
                    expires_on=self.day(-365),
                )  # fmt: skip
            self.ids[row.id] = row.public_id
        return actor

    def id_of(self, actor: Actor) -> str:
        """The public id of the actor's organisation."""
        return self.ids[actor.organisation]

    def product(self, actor: Actor, category: Category = Category.VEGETABLE, unit: str = "KGM", **details: Any) -> str:
        """A product in the file: its public id."""
        name = details.pop("name", f"{category.value} {next(_numbers)}")
        with self.store.writing() as session:
            card = register_product(
                session, actor=actor, name=name, category=category, unit=unit, now=self.now, **details
            )
        return str(card["id"])

    def command(self, actor: Actor, key: str | None = None, **moment: float) -> Command:
        """A command of the actor, now or `days=...`, `hours=...` ago."""
        happened = self.now - timedelta(**moment) if moment else None
        return Command(actor, self.now, client_key=key, happened_at=happened)

    def day(self, days_ago: int) -> date:
        """So many days before (or, negative, after) today."""
        return (self.now - timedelta(days=days_ago)).date()

    def lot(
        self, actor: Actor, product: str, amount: float | str = 100, codes: tuple[str, ...] = (), **lot: Any
    ) -> str:
        """Commission a lot: its URI."""
        lot.setdefault("number", f"L{next(_numbers)}")
        lot.setdefault("produced_on", self.day(1))
        batch = Batch(NewLot(product, **lot), Decimal(str(amount)), codes=codes)
        with self.store.writing() as session:
            return str(commission(session, self.command(actor, hours=20), batch=batch)["lots"][0])

    def send(self, sender: Actor, receiver: Actor, *goods: Some, **more: Any) -> None:
        """Ship goods."""
        with self.store.writing() as session:
            ship(session, self.command(sender, hours=10), receiver=self.id_of(receiver), goods=list(goods), **more)

    def arrive(self, sender: Actor, receiver: Actor, *lines: Line, **more: Any) -> dict[str, Any]:
        """Receive a delivery of a sender on the system."""
        supplier = Supplier(public_id=self.id_of(sender))
        with self.store.writing() as session:
            return receive(session, self.command(receiver, hours=8), supplier=supplier, lines=list(lines), **more)

    def as_role(self, actor: Actor, role: Role) -> Actor:
        """The same organisation's actor in another role."""
        return replace(actor, role=role)

    def number_of(self, name: str) -> int:
        """The store's number of an organisation."""
        with self.store.reading() as session:
            return int(session.execute(select(organisation.c.id).where(organisation.c.name == name)).scalar_one())
