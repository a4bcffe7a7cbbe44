"""A store of many drug packs, for the measurements of the counter: written by the database itself, set by set.

How it is made up: each lot has 200 packs, 20 each in ten shops; a shop has some 50,000 packs ever. The older two thirds
of the lots are sold out, of the rest half is sold; two packs a receipt. One lot in two hundred is recalled. Everything
is there that a look or a sale reads or adds to, with the indices as they are in production; only the documents of the
events are left out, which a counter does not read.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, select, text

from benchmarks.loading import finish, without_indices
from storage.events import intern
from storage.store import Store
from storage.tables import metadata, product, product_code
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.domain.uris import UriKind, drug_class_uri, drug_code_uri
from trace.services.organisations import create_organisation, get_organisation_row, new_public_id

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC).astimezone(ZoneInfo("Asia/Shanghai"))
PACKS_A_LOT, SHOPS_A_LOT = 200, 10
SHARE = PACKS_A_LOT // SHOPS_A_LOT
_PACKS_A_SHOP = 50_000
_MOST_PRODUCTS = 2_000
_RECALLED = 200  # one lot in so many
_IDENTIFIER = 8_100_000  # of the first product; a pack's serial is its number
_DAYS = 700  # from the first lot to the last
# Tables that are filled, and whose running numbers go on behind what was filled.
_NUMBERED = ("ident", "event", "dispensing", "drug_sale", "recall")


@dataclass(frozen=True, slots=True)
class Filled:
    """What a store was filled with: the shops as actors, how many packs and lots."""

    shops: list[Actor]
    codes: int
    lots: int
    first_item: int  # number of the first pack in `ident`
    products: int

    def code(self, number: int) -> str:
        """The trace code of a pack by its number from 0."""
        return f"{_IDENTIFIER + number // PACKS_A_LOT % self.products}{number:013d}"

    def shop_of(self, number: int) -> Actor:
        """The shop that a pack came to."""
        lot, share = number // PACKS_A_LOT, number % PACKS_A_LOT // SHARE
        return self.shops[(lot * 7 + share) % len(self.shops)]

    def is_sold(self, number: int) -> bool:
        """Whether a pack was sold: two thirds of the lots are sold out, of the rest the first half of each share."""
        return number // PACKS_A_LOT < self.lots * 2 // 3 or number % SHARE < SHARE // 2

    def is_recalled(self, number: int) -> bool:
        """Whether a pack's lot is recalled."""
        return number // PACKS_A_LOT % _RECALLED == _RECALLED - 1


def fill(store: Store, codes: int) -> Filled:
    """Fill an empty, prepared PostgreSQL store with so many packs (whole lots)."""
    lots = max(codes // PACKS_A_LOT, 3)
    codes, products = lots * PACKS_A_LOT, min(max(lots // 25, 5), _MOST_PRODUCTS)
    shops = _shops(store, max(codes // _PACKS_A_SHOP, SHOPS_A_LOT))
    with store.writing() as session:
        _products(session.connection(), products, shops[0].organisation)
    words = _words(store)
    engine = store.engine.execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        names = [table.name for table in metadata.tables.values() if f" {table.name} " in _ALL]
        indices = without_indices(connection, names)
        # Rows are right by the way they are made: no key is looked up for each of them.
        connection.execute(text("SET session_replication_role = replica"))
        first = int(connection.scalar(text("SELECT coalesce(max(id), 0) + 1 FROM ident")) or 1)
        values: dict[str, Any] = {"codes": codes, "lots": lots, "first": first, "products": products}
        connection.execute(text(_PACKS.format(shops=_list(shops))), values)
        for statement in _STATEMENTS:
            connection.execute(text(statement), _only(statement, values | words))
        connection.execute(text("DROP TABLE packs"))
        finish(connection, indices, _NUMBERED)
    return Filled(shops, codes, lots, first, products)


def _only(statement: str, values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if f":{name}" in statement}


def _list(shops: list[Actor]) -> str:
    return ", ".join(str(shop.organisation) for shop in shops)


def _shops(store: Store, count: int) -> list[Actor]:
    actors = []
    with store.writing() as session:
        for number in range(count):
            card = create_organisation(
                session, name=f"测量药店 {number}", kind=OrganisationKind.PHARMACY, region="640502", now=NOW
            )
            row = get_organisation_row(session, card["id"])
            actors.append(Actor(row.id, row.name, row.kind, row.party_uri, row.region, Role.PHARMACIST))
    return actors


def _products(connection: Connection, count: int, registrar: int) -> None:
    rows = [
        {
            "public_id": new_public_id(),
            "class_uri": drug_class_uri(str(_IDENTIFIER + number)),
            "name": f"测量药品 {number}",
            "category": "drug",
            "unit": "EA",
            "prescription": "otc_b",
            "registered_by": registrar,
            "created_at": NOW,
        }
        for number in range(count)
    ]
    connection.execute(insert(product), rows)
    ids = connection.scalars(select(product.c.id).order_by(product.c.id)).all()
    codes = [
        {"product": id_, "organisation": 0, "code": str(_IDENTIFIER + n), "pack_level": 1} for n, id_ in enumerate(ids)
    ]
    connection.execute(insert(product_code), codes)


def _words(store: Store) -> dict[str, Any]:
    """Numbers of the words that events name, interned; prices of time."""
    words = {"receiving": "receiving", "dispensing": "dispensing", "progress": "in_progress", "gone": "dispensed"}
    with store.writing() as session:
        ids = intern(session, dict.fromkeys(words.values(), int(UriKind.OTHER)))
    numbers = {name: ids[word] for name, word in words.items()}
    since = NOW - timedelta(days=_DAYS)
    return numbers | {
        "begin": int(since.timestamp() * 1000),
        "step": _DAYS * 86_400_000,
        "since": since,
        "days": _DAYS,
        "code_uri": drug_code_uri(""),
        "lot_uri": drug_class_uri(""),
        "pack": int(UriKind.INSTANCE),
        "lot_kind": int(UriKind.LOT),
        "identifier": _IDENTIFIER,
    }


# One row a pack: its number from 0, its item, lot, shop, product; `sale` is its number among those that were sold.
_PACKS = f"""
CREATE UNLOGGED TABLE packs AS
SELECT n, n + :first AS item, n / {PACKS_A_LOT} + :first + :codes AS lot, n / {PACKS_A_LOT} AS batch,
    (ARRAY[{{shops}}])[((n / {PACKS_A_LOT}) * 7 + n % {PACKS_A_LOT} / {SHARE}) %
        array_length(ARRAY[{{shops}}], 1) + 1] AS shop,
    (SELECT min(id) FROM product) + (n / {PACKS_A_LOT}) % :products AS product,
    (n / {PACKS_A_LOT}) < :lots * 2 / 3 OR n % {SHARE} < {SHARE} / 2 AS is_sold,
    CASE WHEN (n / {PACKS_A_LOT}) < :lots * 2 / 3 THEN n
        ELSE (:lots * 2 / 3) * {PACKS_A_LOT}
            + (n - (:lots * 2 / 3) * {PACKS_A_LOT}) / {SHARE} * ({SHARE} / 2) + n % {SHARE}
        END AS sale
FROM generate_series(CAST(0 AS bigint), :codes - 1) AS n
"""
_STATEMENTS = (
    """INSERT INTO ident (id, uri, kind)
    SELECT item, :code_uri || (:identifier + batch % :products) || lpad(n::text, 13, '0'), :pack FROM packs""",
    """INSERT INTO ident (id, uri, kind)
    SELECT DISTINCT lot, :lot_uri || 'lot/' || batch, :lot_kind FROM packs""",
    """INSERT INTO lot (item, product, number, produced_on, expires_on, origin, created_by, created_at)
    SELECT DISTINCT lot, product, 'B' || batch, CAST(:since AS date) + CAST(batch * :days / :lots AS int),
        CAST(:since AS date) + CAST(batch * :days / :lots AS int) + 1095, '', (SELECT min(id) FROM organisation),
        CAST(:since AS timestamptz) FROM packs""",
    """INSERT INTO stock (organisation, item, unit, lot, came, on_hand, held, sold, sent, returned, destroyed, used,
        missing)
    SELECT shop, item, 'EA', lot, 1000000, CASE WHEN is_sold THEN 0 ELSE 1000000 END, 0,
        CASE WHEN is_sold THEN 1000000 ELSE 0 END, 0, 0, 0, 0, 0 FROM packs""",
    f"""INSERT INTO event (id, event_time, record_time, offset_minutes, id_key, declarer, type, action, step,
        disposition, read_point, biz_location, captured_by, links)
    SELECT n / {SHARE} + 1, :begin + :step * n / :codes, :begin + :step * n / :codes, 480,
        hashint8extended(n, 0) & 9223372036854775807, 0, 0, 2, :receiving, :progress, :receiving, :receiving, shop,
        decode(repeat('00', {17 * SHARE}), 'hex') FROM packs WHERE n % {SHARE} = 0""",
    f"""INSERT INTO event (id, event_time, record_time, offset_minutes, id_key, declarer, type, action, step,
        disposition, read_point, biz_location, captured_by, links)
    SELECT sale + :codes / {SHARE} + 1, :begin + :step * n / :codes + 60000, :begin + :step * n / :codes + 60000, 480,
        hashint8extended(n, 1) & 9223372036854775807, 0, 0, 2, :dispensing, :gone, :receiving, :receiving, shop,
        decode(repeat('00', 17), 'hex') FROM packs WHERE is_sold""",
    f"""INSERT INTO event_item (item, time, event, line, role, peer)
    SELECT item, :begin + :step * n / :codes, n / {SHARE} + 1, n % {SHARE}, 1, lot FROM packs""",
    f"""INSERT INTO event_item (item, time, event, line, role, peer)
    SELECT item, :begin + :step * n / :codes + 60000, sale + :codes / {SHARE} + 1, 0, 1, lot
    FROM packs WHERE is_sold""",
    """INSERT INTO event_vocabulary (organisation, kind, ident) SELECT shop, 1, item FROM packs""",
    f"""INSERT INTO dispensing (id, item, organisation, event, dispensed_at)
    SELECT sale + 1, item, shop, sale + :codes / {SHARE} + 1, CAST(:since AS timestamptz) FROM packs WHERE is_sold""",
    """INSERT INTO dispensing_head (item, open_sales, split_units) SELECT item, 1, 0 FROM packs WHERE is_sold""",
    """INSERT INTO drug_sale (id, public_id, organisation, number, sold_at, recorded_at)
    SELECT sale / 2 + 1, lpad((sale / 2)::text, 26, '0'), min(shop), sale / 2 + 1,
        CAST(:since AS timestamptz) + make_interval(secs => 86400.0 * :days * min(n) / :codes),
        CAST(:since AS timestamptz) FROM packs WHERE is_sold GROUP BY sale / 2""",
    f"""INSERT INTO drug_sale_line (sale, line, item, lot, product, amount, unit, no_code_reason, passed_by, event)
    SELECT sale / 2 + 1, sale % 2 + 1, item, lot, product, 1000000, 'EA', '', '', sale + :codes / {SHARE} + 1
    FROM packs WHERE is_sold""",
    f"""INSERT INTO recall (id, public_id, organisation, item, kind, level, reason, region, opened_at, lifted_reason,
        closed_reason, complete)
    SELECT batch + 1, lpad(batch::text, 26, '0'), min(shop), lot, 'recall', 2, 'measured', '640502',
        CAST(:since AS timestamptz), '', '', true
    FROM packs WHERE batch % {_RECALLED} = {_RECALLED - 1} GROUP BY batch, lot""",
    """INSERT INTO recall_lot (recall, item) SELECT id, item FROM recall""",
)
_ALL = " ".join(_STATEMENTS)
