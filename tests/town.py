"""A small town for tests: organisations, products and commands in one line each, over a real store."""

import hashlib
import itertools
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Executable, func, insert, select

from storage.events import find_by_event_ids, find_idents, id_key, insert_for
from storage.store import Store, open_store
from storage.tables import (
    MICRO,
    object_owner,
    organisation,
    person,
    product,
    product_check,
    stock,
    stored_object,
    supplier,
)
from storage.tenancy import EVERYTHING, Sight
from trace.domain.epcis.document import load_document
from trace.domain.failures import Failure
from trace.domain.papers import CertificateKind
from trace.domain.parties import DRUG_TRADE, LicenceKind, OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.products import Category, Prescription
from trace.domain.suppliers import missing_items
from trace.domain.uris import drug_code_uri
from trace.services.certificates import file_certificate
from trace.services.demonstration_cast import know
from trace.services.disposal import dispose
from trace.services.duty import take_duty
from trace.services.hops import Batch, Command, Some, commission, ship
from trace.services.lots import NewLot
from trace.services.organisations import add_licence, create_organisation, get_organisation_row
from trace.services.people import create_person_by_hash, find_actor
from trace.services.pharmacists import file_pharmacist
from trace.services.products import register_product
from trace.services.receiving import Line, Supplier, receive
from trace.services.rulebook import rules_on
from trace.services.suppliers import file_licence, record_first_check
from trace.web.access import sight_of_actor

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(SHANGHAI)
TODAY = NOW.date()
# A supplier that is not on the system: name, address and contact as the law asks (食品安全法 Art. 53, 65).
STRANGER = Supplier(name="张家菜园（演示）", address="沙坡头区", contact="0955-7000199")
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
                session, name=name or f"{kind.value} {number}", kind=kind, region=region, now=self.now,
                address="沙坡头区", contact=f"0955-{number:07d}",
            )  # fmt: skip
            row = get_organisation_row(session, card["id"])
            actor = Actor(row.id, row.name, row.kind, row.party_uri, row.region, role)
            if licensed:
                add_licence(
                    session, actor=actor,
                    kind=LicenceKind.DRUG if kind in DRUG_TRADE else LicenceKind.FOOD_BUSINESS,
                    number=f"宁DA955{number:06d}" if kind in DRUG_TRADE else f"JY1640502{number:07d}",
                    expires_on=self.day(-365),
                )  # fmt: skip
            self.ids[row.id] = row.public_id
        return actor

    def do(self, service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """Call a service in a transaction of its own: the session comes first."""
        with self.store.seeing(_sight(args, kwargs)).writing() as session:
            return service(session, *args, **kwargs)

    def do_again(self, service: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        """The same, and once more where it lost against another one (`storage.again`), as what people do is."""
        return self.store.seeing(_sight(args, kwargs)).write(service, *args, **kwargs)

    def by_hand(self, *statements: Executable) -> None:
        """What no service does, and the role that serves has no right to: done by who owns the tables."""
        owner = open_store(re.sub(r"//\w+@", "//postgres@", self.store.url))
        with closing(owner), owner.writing() as session:
            for statement in statements:
                session.execute(statement)

    def refuses(self, failure: type[Failure], service: Callable[..., Any], *args: Any, **kwargs: Any) -> Failure:
        """The failure that a call of a service ends in; what it began is rolled back."""
        with pytest.raises(failure) as found:
            self.do(service, *args, **kwargs)
        return found.value

    def id_of(self, actor: Actor) -> str:
        """The public id of the actor's organisation."""
        return self.ids[actor.organisation]

    def product(self, actor: Actor, category: Category = Category.VEGETABLE, unit: str = "KGM", **details: Any) -> str:
        """A product in the file: its public id."""
        name = details.pop("name", f"{category.value} {next(_numbers)}")
        if category in (Category.PACKAGED_FOOD, Category.IMPORTED_FOOD):
            # What the law wants to stand in the record of packed food (R1) stands in its file.
            details = {"specification": "500 g", "shelf_life_days": 365, **details}
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
        """Receive a delivery of a sender on the system, whom the receiver has looked at."""
        supplier = Supplier(public_id=self.id_of(sender))
        self.know(receiver, sender)
        with self.store.writing() as session:
            return receive(session, self.command(receiver, hours=8), supplier=supplier, lines=list(lines), **more)

    def know(self, shop: Actor, supplier: Actor) -> None:
        """The first-delivery check of a supplier, made before it delivers; the drugs there are were looked at, too."""
        with self.store.writing() as session:
            know(session, self.command(shop), self.id_of(supplier))
        self.know_drugs(shop)

    def complete(self, shop: Actor, *lots: str) -> None:
        """What a stranger's delivery of drugs lacked is there now: first-delivery check, licence, the lots' papers."""
        with self.store.writing() as session:
            name = supplier.c.name == STRANGER.name
            mine = supplier.c.organisation == shop.organisation
            file = session.scalars(select(supplier.c.public_id).where(name, mine)).one()
            items = missing_items("", (), rules_on(session, TODAY, shop.organisation))
            record_first_check(session, self.command(shop), public_id=file, seen=items)
            number, ends = "宁DA9550001", self.day(-365)
            file_licence(
                session, self.command(shop), public_id=file, kind=LicenceKind.DRUG, number=number, expires_on=ends,
                override_reason="made up",
            )  # fmt: skip
        for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
            self.paper(shop, kind, *lots)
        self.know_drugs(shop)

    def know_drugs(self, shop: Actor) -> None:
        """The first-product files (首营品种) of all drugs there are."""
        with self.store.writing() as session:
            drugs = session.scalars(select(product.c.id).where(product.c.category == Category.DRUG.value)).all()
            made = {"organisation": shop.organisation, "checked": [], "checked_at": self.now}
            for number in drugs:
                row = insert_for(session, product_check).values(made | {"product": number})
                session.execute(row.on_conflict_do_nothing())

    def drug(self, actor: Actor, **details: Any) -> str:
        """A drug in the file, of OTC class B unless told otherwise: its public id."""
        details.setdefault("prescription", Prescription.OTC_B.value)
        return self.product(actor, Category.DRUG, "EA", **details)

    def packs(self, count: int = 1) -> tuple[str, ...]:
        """The URIs of so many new drug packs, all of one identifier of their own."""
        identifier = f"8{next(_numbers):06d}"
        return tuple(drug_code_uri(f"{identifier}{n:013d}") for n in range(count))

    def drugs_at(self, shop: Actor, codes: tuple[str, ...], **lot: Any) -> str:
        """Make packs of a drug at a maker and bring them to a shop with all papers: the lot."""
        maker = self.organisation(OrganisationKind.DRUG_MAKER)
        product = lot.pop("product", None) or self.drug(maker)
        lot.setdefault("expires_on", self.day(-300))
        made = self.lot(maker, product, len(codes), codes, **lot)
        for kind in (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE):
            self.paper(maker, kind, made)
        self.send(maker, shop, *(Some(code) for code in codes))
        self.arrive(maker, shop, Line(code=made, codes=codes))
        return made

    def paper(self, actor: Actor, kind: CertificateKind, *lots: str, **more: Any) -> str:
        """File a paper for lots: its public id."""
        more.setdefault("issued_on", self.day(1))
        command = self.command(actor, hours=15)
        return str(
            self.do(file_certificate, command, kind=kind, lots=lots, issuer=actor.organisation_name, **more)["id"]
        )

    def photo(self, actor: Actor) -> str:
        """A photo the actor's organisation uploaded: its SHA-256."""
        sha256 = hashlib.sha256(str(next(_numbers)).encode()).hexdigest()
        with self.store.writing() as session:
            row = {"sha256": sha256, "media_type": "image/jpeg", "size": 1, "stored_at": self.now}
            session.execute(insert(stored_object).values(row))
            session.execute(insert(object_owner).values(object=sha256, organisation=actor.organisation))
        return sha256

    def destroy(self, actor: Actor, *goods: Some, **more: Any) -> dict[str, Any]:
        """Destroy goods, photographed and before a witness."""
        record = {"reason": "rotten", "method": "denatured", "witness": "李四（演示）", **more}
        record.setdefault("sha256", self.photo(actor))
        return dict(self.do(dispose, self.command(actor), goods=list(goods), **record))

    def grown(self, actor: Actor, amount: float | str = 100, **lot: Any) -> str:
        """Harvest a lot of vegetables with its commitment certificate: the lot."""
        made = self.lot(actor, lot.pop("product", None) or self.product(actor), amount, **lot)
        self.paper(actor, CertificateKind.COMMITMENT, made, form="producer")
        return made

    def stock(self, actor: Actor, item: str) -> tuple[Decimal, Decimal]:
        """(on hand, held) of a lot or pack at the actor's organisation."""
        with self.store.reading() as session:
            number = find_idents(session, [item]).get(item, -1)
            here = (stock.c.organisation == actor.organisation) & (stock.c.item == number)
            row = session.execute(select(stock.c.on_hand, stock.c.held).where(here)).one_or_none()
        return (Decimal(0), Decimal(0)) if row is None else (Decimal(row.on_hand) / MICRO, Decimal(row.held) / MICRO)

    def events(self, *event_ids: str) -> list[dict[str, Any]]:
        """The EPCIS documents of events, in this order."""
        with self.store.reading() as session:
            found = find_by_event_ids(session, [(event_id, False) for event_id in event_ids])
        return [load_document(found[(id_key(event_id), False)].document) for event_id in event_ids]

    def count(self, table: Any) -> int:
        """How many rows a table has."""
        with self.store.reading() as session:
            return int(session.execute(select(func.count()).select_from(table)).scalar_one())

    def colleague(self, shop: Actor, role: Role, name: str = "") -> Actor:
        """A person with an account at a shop."""
        number = next(_numbers)
        with self.store.writing() as session:
            card = create_person_by_hash(
                session, sign_in=f"person-{number}", name=name or f"{role.value} {number}", password_hash="-",
                role=role, organisation_id=shop.organisation, now=self.now,
            )  # fmt: skip
            found = find_actor(session, card["id"])
        assert found is not None
        return found

    def pharmacist(self, shop: Actor, *, on_duty: bool = True, **registration: Any) -> Actor:
        """A pharmacist with a registration on file at a shop, on duty unless told otherwise."""
        made = self.colleague(shop, Role.PHARMACIST)
        self.register(shop, made, on_duty=on_duty, **registration)
        return made

    def register(self, shop: Actor, made: Actor, *, on_duty: bool = True, **registration: Any) -> None:
        """File a colleague's registration as a pharmacist; on duty unless told otherwise."""
        said = {"registration_no": f"6422{next(_numbers):08d}", "expires_on": self.day(-900), **registration}
        self.do(file_pharmacist, self.command(shop), person_id=self.id_of_person(made), **said)
        if on_duty:
            self.do(take_duty, self.command(made))

    def id_of_person(self, actor: Actor) -> str:
        """The public id of an actor who is a person."""
        with self.store.reading() as session:
            return str(session.execute(select(person.c.public_id).where(person.c.id == actor.person)).scalar_one())

    def as_role(self, actor: Actor, role: Role) -> Actor:
        """The same organisation's actor in another role."""
        return replace(actor, role=role)

    def number_of(self, name: str) -> int:
        """The store's number of an organisation."""
        with self.store.reading() as session:
            return int(session.execute(select(organisation.c.id).where(organisation.c.name == name)).scalar_one())


def _sight(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Sight:
    """Whose records a service sees: its actor's, as in a request; everybody's where it has none."""
    given = (*args, *kwargs.values())
    actors = [one.actor if isinstance(one, Command) else one for one in given if isinstance(one, Command | Actor)]
    return sight_of_actor(actors[0]) if actors and actors[0].organisation > 0 else EVERYTHING
