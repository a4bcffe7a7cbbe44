"""A year of a small pharmacy, made up: what came, what was sold, how warm it was."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select
from sqlalchemy.orm import Session

from storage.event_keys import KEEP_ALL
from storage.events import intern
from storage.names import keep_names, product_names
from storage.sending import is_postgresql
from storage.store import Store
from storage.tables import (
    MICRO,
    climate_reading,
    dispensing,
    dispensing_head,
    drug_sale,
    drug_sale_line,
    event,
    event_item,
    ident,
    lot,
    product,
    product_code,
    receipt,
    receipt_line,
    stock,
    storage_zone,
)
from tests.town import Town
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.domain.uris import UriKind, drug_class_uri, drug_code_uri
from trace.services.arrivals import Supplier, sender_of
from trace.services.keys import issue_key
from trace.services.organisations import new_public_id
from trace.services.suppliers import note_delivery

DAYS = 365
PACKS_A_LOT = 40
LOTS_A_DELIVERY = 6
PRODUCTS = 800
_FIRST = 8_300_000  # of the identifiers
_EVERY = timedelta(minutes=10)  # a sensor's readings; of a smaller year fewer
_FULL = 60_000
_BATCH = 20_000  # rows of one statement


@dataclass(frozen=True, slots=True)
class Year:
    """What was filled in, and by which names to ask for it."""

    key: str
    begin: datetime
    sales: int
    readings: int
    zones: list[str]
    end: datetime
    text: str = "测量药品 7"  # part of the names of some products


def fill_year(store: Store, packs: int, now: datetime) -> Year:
    """A pharmacy with a year of `packs` packs behind it, in an empty, prepared store: everything up to now."""
    town, draw = Town(store, now), random.Random(3)
    maker = town.organisation(OrganisationKind.DRUG_DISTRIBUTOR)
    shop = town.organisation(OrganisationKind.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)
    town.know(shop, maker)
    begin = now - timedelta(days=DAYS)
    with store.writing() as session:
        key = issue_key(session, role=shop.role, organisation_id=shop.organisation, now=now)
        sender = sender_of(session, shop, Supplier(public_id=town.id_of(maker)))
        file = note_delivery(session, town.command(shop), sender)
        products = _products(session, maker.organisation, now)
        words = ("receiving", "dispensing", "in_progress", "dispensed")
        ids = intern(session, dict.fromkeys(words, int(UriKind.OTHER)))
        last = session.execute(select(func.max(ident.c.id))).scalar_one()
        shelf = _Shelf(shop.organisation, begin, ids, products, draw, last)
        rows = shelf.arrivals(packs, supplier=maker.organisation, file=file, name=maker.organisation_name)
        for name, more in shelf.sales().items():
            rows[name] += more
        for shelved in rows["stock"]:
            shelved.update({"on_hand": 0, "sold": MICRO} if shelf.is_sold(shelved["item"]) else {})
        for table in _ORDER:
            _insert(session, table, rows[table.name])
        zones = [_zone(session, shop.organisation, kind, begin) for kind in ("cold", "cool", "room")]
        moments = list(_moments(begin, now, _EVERY * max(_FULL // packs, 1)))
        readings = sum(_readings(session, zone, moments, draw) for zone, _ in zones)
        if not is_postgresql(session):
            session.connection().exec_driver_sql(KEEP_ALL)
        session.connection().exec_driver_sql("ANALYZE")
    return Year(key, begin, len(rows["drug_sale"]), readings, [public_id for _, public_id in zones], now)


_ORDER = (
    ident, lot, event, event_item, receipt, receipt_line, stock, dispensing, dispensing_head, drug_sale,
    drug_sale_line,
)  # fmt: skip


def _insert(session: Session, table: Table, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), _BATCH):
        session.execute(insert(table), rows[start : start + _BATCH])


def _products(session: Session, registrar: int, now: datetime) -> list[int]:
    rows = [
        {
            "public_id": new_public_id(),
            "class_uri": drug_class_uri(str(_FIRST + number)),
            "name": f"测量药品 {number}",
            "category": "drug",
            "specification": "24 粒",
            "unit": "EA",
            "producer": "测量药业",
            "prescription": ("otc_b", "otc_a", "rx")[number % 3],
            "dosage_form": "胶囊剂",
            "approval_no": f"国药准字H{number:08d}",
            "registered_by": registrar,
            "created_at": now,
        }
        for number in range(PRODUCTS)
    ]
    session.execute(insert(product), rows)
    ids = list(session.scalars(select(product.c.id).order_by(product.c.id)))
    keep_names(session, [name for id_, row in zip(ids, rows, strict=True) for name in product_names(id_, row)])
    codes = [{"product": id_, "organisation": 0, "code": str(_FIRST + n), "pack_level": 1} for n, id_ in enumerate(ids)]
    session.execute(insert(product_code), codes)
    return ids


class _Shelf:
    """The shop's goods over the year: deliveries of some lots each, whose packs are sold two by two, oldest first."""

    def __init__(
        self, shop: int, begin: datetime, words: dict[str, int], products: list[int], draw: random.Random, last: int
    ):
        self._shop, self._begin, self._words, self._products, self._draw = shop, begin, words, products, draw
        self._item = last
        self._event = 0
        self._sold: set[int] = set()
        self._packs: list[tuple[int, int, int, float]] = []  # item, lot, product, day it came on

    def arrivals(self, packs: int, *, supplier: int, file: int, name: str) -> dict[str, list[dict[str, Any]]]:
        """Rows of what came: one delivery every so often, each lot of one product."""
        rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in _ORDER}
        lots = packs // PACKS_A_LOT
        for number in range(lots):
            delivery, line = divmod(number, LOTS_A_DELIVERY)
            day = delivery * LOTS_A_DELIVERY * DAYS / lots
            if line == 0:
                rows["receipt"].append(self._receipt(delivery, day, supplier, file, name))
            self._lot(rows, number, line, day)
        return rows

    def _receipt(self, delivery: int, day: float, supplier: int, file: int, name: str) -> dict[str, Any]:
        moment = self._begin + timedelta(days=day)
        return {
            "id": delivery + 1,
            "public_id": new_public_id(),
            "organisation": self._shop,
            "supplier": supplier,
            "supplier_name": name,
            "supplier_address": "沙坡头区",
            "supplier_contact": "0955-7000199",
            "supplier_file": file,
            "delivery_note": f"N-{delivery}",
            "received_at": moment,
            "recorded_at": moment,
        }

    def _lot(self, rows: dict[str, list[dict[str, Any]]], number: int, line: int, day: float) -> None:
        moment, kind = self._begin + timedelta(days=day), number % len(self._products)
        identifier, made_of = str(_FIRST + kind), self._products[kind]
        happened = self._event_row(rows, moment, "receiving", "in_progress")
        self._item += 1
        batch = self._item
        rows["ident"].append(
            {"id": batch, "uri": f"{drug_class_uri(identifier)}-lot-{number}", "kind": int(UriKind.LOT)}
        )
        produced = (moment - timedelta(days=self._draw.randrange(30, 700))).date()
        rows["lot"].append(
            {
                "item": batch,
                "product": made_of,
                "number": f"B{number}",
                "produced_on": produced,
                "expires_on": produced + timedelta(days=1095),
                "created_by": self._shop,
                "created_at": moment,
            }
        )
        rows["receipt_line"].append(
            {
                "receipt": number // LOTS_A_DELIVERY + 1,
                "line": line,
                "item": batch,
                "product": made_of,
                "amount": PACKS_A_LOT * MICRO,
                "unit": "EA",
                "price": 12 * MICRO,
                "decision": "accept",
                "event": happened,
            }
        )
        for pack in range(PACKS_A_LOT):
            self._item += 1
            code = f"{identifier}{number * PACKS_A_LOT + pack:013d}"
            rows["ident"].append({"id": self._item, "uri": drug_code_uri(code), "kind": int(UriKind.INSTANCE)})
            rows["stock"].append(_stock(self._shop, self._item, batch))
            self._item_row(rows, self._item, moment, happened, batch, pack)
            self._packs.append((self._item, batch, made_of, day))

    def sales(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of what was sold: about nine of ten packs, some days or weeks after they came; two a receipt."""
        rows: dict[str, list[dict[str, Any]]] = {table.name: [] for table in _ORDER}
        went = [(day + self._draw.expovariate(1 / 45), pack) for *pack, day in self._packs]
        sold = sorted(sale for sale in went if sale[0] < DAYS)
        for number, (day, (item, batch, made_of)) in enumerate(sold):
            moment = self._begin + timedelta(days=day)
            receipt_number, line = divmod(number, 2)
            happened = self._event_row(rows, moment, "dispensing", "dispensed")
            self._item_row(rows, item, moment, happened, batch, 0)
            sale = {"organisation": self._shop, "item": item, "event": happened, "dispensed_at": moment}
            rows["dispensing"].append(sale)
            rows["dispensing_head"].append({"item": item, "open_sales": 1, "split_units": 0})
            if line == 0:
                rows["drug_sale"].append(self._sale(receipt_number + 1, moment))
            rows["drug_sale_line"].append(
                {
                    "sale": receipt_number + 1,
                    "line": line + 1,
                    "item": item,
                    "lot": batch,
                    "product": made_of,
                    "amount": MICRO,
                    "unit": "EA",
                    "price": 19_800_000,
                    "event": happened,
                }
            )
        self._sold |= {item for _, (item, _, _) in sold}
        return rows

    def is_sold(self, item: int) -> bool:
        """Whether a pack was sold within the year."""
        return item in self._sold

    def _sale(self, number: int, moment: datetime) -> dict[str, Any]:
        named = {"id": number, "public_id": new_public_id(), "organisation": self._shop, "number": number}
        return {**named, "sold_at": moment, "recorded_at": moment}

    def _event_row(self, rows: dict[str, list[dict[str, Any]]], moment: datetime, step: str, disposition: str) -> int:
        self._event += 1
        time = int(moment.timestamp() * 1000)
        rows["event"].append(
            {
                "id": self._event,
                "event_time": time,
                "record_time": time,
                "offset_minutes": 480,
                "id_key": self._draw.getrandbits(62),
                "declarer": 0,
                "type": 0,
                "action": 2,
                "step": self._words[step],
                "disposition": self._words[disposition],
                "captured_by": self._shop,
                "links": b"",
            }
        )
        return self._event

    def _item_row(
        self, rows: dict[str, list[dict[str, Any]]], item: int, moment: datetime, happened: int, batch: int, line: int
    ) -> None:
        time = int(moment.timestamp() * 1000)
        rows["event_item"].append(
            {"item": item, "time": time, "event": happened, "line": line, "role": 1, "peer": batch}
        )


def _stock(shop: int, item: int, batch: int) -> dict[str, Any]:
    return {"organisation": shop, "item": item, "unit": "EA", "lot": batch, "came": MICRO, "on_hand": MICRO, "sold": 0}


def _zone(session: Session, shop: int, kind: str, begin: datetime) -> tuple[int, str]:
    low, high = {"cold": (200, 800), "cool": (0, 2_000), "room": (1_000, 3_000)}[kind]
    public_id = new_public_id()
    values = {
        "public_id": public_id,
        "organisation": shop,
        "name": kind,
        "kind": kind,
        "celsius_low": low,
        "celsius_high": high,
        "humidity_low": 3_500,
        "humidity_high": 7_500,
        "created_at": begin,
    }
    return int(
        session.execute(insert(storage_zone).values(values).returning(storage_zone.c.id)).scalar_one()
    ), public_id


def _readings(session: Session, zone: int, moments: Sequence[datetime], draw: random.Random) -> int:
    """A sensor's year of readings, of which few are out of range: how many."""
    row = session.execute(select(storage_zone).where(storage_zone.c.id == zone)).one()
    rows = [
        {
            "zone": zone,
            "measured_at": moment,
            "celsius": (celsius := int(draw.gauss((row.celsius_low + row.celsius_high) / 2, 110))),
            "humidity": draw.randrange(4_000, 7_000),
            "source": "sensor",
            "inside": row.celsius_low <= celsius <= row.celsius_high,
        }
        for moment in moments
    ]
    _insert(session, climate_reading, rows)
    return len(rows)


def _moments(begin: datetime, end: datetime, every: timedelta) -> Iterator[datetime]:
    moment = begin
    while moment < end:
        yield moment
        moment += every
