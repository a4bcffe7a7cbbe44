"""The rows that `capture` stores of a made-up city's documents, without capturing them: for stores of many millions.

By the layouts of the events' shapes (`benchmarks.city_shapes`). The projections kept beside the events (stock, goods on
the way, sales of codes) are worked out story by story: no two stories share any goods.
"""

import hashlib
from collections.abc import Iterable
from struct import Struct
from typing import Any

from benchmarks.city import moment_of
from benchmarks.city_people import Document, Party, Story, Thing, Told
from benchmarks.city_shapes import Layout, Shape
from storage.events import PARTY_COLUMNS, THINGS, Named, id_key
from storage.packing import pack
from trace.domain.stock import Balance
from trace.domain.uris import UriKind

DAY, OFFSET = 86_400_000, 8 * 3_600_000
MICRO = 1_000_000
# Columns of the rows, by table.
COLUMNS: dict[str, tuple[str, ...]] = {
    "ident": ("id", "uri", "kind"),
    "event": (
        *("id", "event_time", "record_time", "offset_minutes", "id_key", "declarer", "type", "action", "step"),
        *("disposition", "read_point", "biz_location", "captured_by", "links"),
    ),
    "event_document": ("event", "document", "digest"),
    "event_item": ("item", "time", "event", "line", "role", "peer", "amount"),
    "event_mention": ("ident", "time", "event", "kind"),
    "event_party": PARTY_COLUMNS,
    "event_vocabulary": ("organisation", "kind", "ident"),
    "lot": ("item", "product", "number", "produced_on", "origin", "created_by", "created_at"),
    "stock": ("organisation", "item", "unit", "lot", *Balance._fields),
    "stock_unmoved": ("event", "item", "unit"),
    "transit": ("receiver", "sender", "item", "unit", "lot", "amount", "event"),
    "dispensing": ("item", "organisation", "event", "returned_event", "dispensed_at"),
    "dispensing_head": ("item", "open_sales", "split_units"),
}
_TYPE = int(Named.EVENT_TYPE)
_CRATE = int(UriKind.RETURNABLE)


class _Ready:
    """A layout with what can be worked out beforehand."""

    __slots__ = ("layout", "pack", "words")

    def __init__(self, layout: Layout):
        self.layout = layout
        self.pack = Struct("<" + "qqB" * len(layout.lines)).pack
        self.words = (layout.step, layout.disposition)


class Rows:
    """Rows by table, as documents and stories come; who takes them away empties the lists."""

    def __init__(self, products: dict[str, int], known: dict[str, int]):
        self.rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in COLUMNS}
        self.events = 0
        self._known = known  # {URI: its number} of what the store knows already
        self._idents = max(known.values(), default=0)
        self._words: dict[str | None, int | None] = {None: None}
        self._ready: dict[Shape, _Ready] = {}
        self._products = products  # {class URI: product.id}
        self._named: set[tuple[int, int, int]] = set()  # what many stories name, of event_vocabulary
        self._days: dict[int, str] = {}

    def begin(self, story: Story) -> None:
        """Give what the story speaks of its numbers, and its lots their rows; before any document of it."""
        for told in story.events:
            for thing in told.things:
                if not thing.number:
                    self._number(thing)
        for thing, product, number, maker, time in story.lots:
            made = moment_of(time)
            self.rows["lot"].append(
                (thing.number, self._products[product.uri], number, made.date(), "", maker.id, made)
            )

    def _number(self, thing: Thing) -> None:
        thing.number = self._known.get(thing.uri, 0)
        if thing.number:
            return
        self._idents += 1
        thing.number = self._idents
        self.rows["ident"].append((thing.number, thing.uri, thing.kind))

    def _word(self, word: str) -> int:
        number = self._words.get(word)
        if number is None:
            thing = Thing(word, UriKind.OTHER)
            self._number(thing)
            number = self._words[word] = thing.number
        return number

    def add(self, document: Document) -> None:
        """The rows of a document's events, and of the stories that are told to the end with it."""
        for told in document.events:
            self.events += 1
            self._event(told, self.events, document.arrives)
            story = told.story
            story.arrived.append((self.events, told))
            story.left -= 1
            if not story.left:
                self._projections(story)
                self._vocabulary(story)
                story.arrived, story.events = [], []

    def _event(self, told: Told, number: int, record_time: int) -> None:
        ready = self._ready.get(told.shape)
        if ready is None:
            ready = self._ready[told.shape] = _Ready(told.shape.layout)
            for word in ready.words:
                if word is not None:
                    self._word(word)
        layout, time, rows, event_id = ready.layout, told.time, self.rows, told.event_id
        numbers = [thing.number for thing in told.things]
        texts = [self._time(time), event_id, *[thing.uri for thing in told.things], *map(str, told.amounts)]
        document = (layout.text % layout.filled(texts)).encode()
        rows["event_document"].append((number, pack(document), hashlib.sha256(document).digest()))
        packed: list[int] = []
        items = rows["event_item"]
        for line, (slot, role, peer, amount) in enumerate(layout.lines):
            item = numbers[slot]
            other = None if peer is None else numbers[peer]
            items.append(
                (item, time, number, line, role, other, amount if amount is None else told.amounts[amount] * MICRO)
            )
            packed += (item, -1 if other is None else other, role)
        at, place = layout.read_point, layout.biz_location
        rows["event"].append(
            (
                *(number, time, record_time, layout.offset, id_key(event_id), 0, layout.type, layout.action),
                *(self._words[layout.step], self._words[layout.disposition]),
                *(None if at is None else numbers[at], None if place is None else numbers[place]),
                *(told.captor.id, ready.pack(*packed)),
            )
        )
        for slot, kind in layout.mentions:
            rows["event_mention"].append((numbers[slot], time, number, kind))
        for party in _parties(told, layout):
            if party != told.captor.id:
                rows["event_party"].append((party, time, number, record_time))

    def _time(self, time: int) -> str:
        day, rest = divmod(time + OFFSET, DAY)
        text = self._days.get(day)
        if text is None:
            text = self._days[day] = moment_of(day * DAY).date().isoformat()
        seconds, millis = divmod(rest, 1000)
        minutes, second = divmod(seconds, 60)
        return f"{text}T{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{millis:03d}+08:00"

    # ---- what is kept beside the events ------------------------------------------------------------------------------

    def _vocabulary(self, story: Story) -> None:
        found: set[tuple[int, int, int]] = set()
        for _, told in story.arrived:
            layout = told.shape.layout
            named = []
            for kind, what in layout.named:
                if isinstance(what, str):
                    named.append((kind, self._words[what] or 0, True))
                elif kind == _TYPE:
                    named.append((kind, what, True))
                else:
                    thing = told.things[what]
                    named.append((kind, thing.number, kind not in THINGS or thing.kind == _CRATE))
            for party in _parties(told, layout):
                for kind, number, shared in named:
                    row = (party, kind, number)
                    if not shared:
                        found.add(row)
                    elif row not in self._named:
                        self._named.add(row)
                        found.add(row)
        self.rows["event_vocabulary"] += found

    def _projections(self, story: Story) -> None:
        books = _Books()
        for number, told in story.arrived:
            books.book(number, told)
        for table, rows in books.rows().items():
            self.rows[table] += rows


def _parties(told: Told, layout: Layout) -> set[int]:
    found = {told.captor.id}
    for slot in layout.parties:
        party = told.things[slot].party
        if party is not None:
            found.add(party.id)
    return found


class _Books:
    """Stock, goods on the way and sales of one story, as `capture` keeps them of partners' events (not strict)."""

    def __init__(self) -> None:
        self.stock: dict[tuple[int, int, str], Balance] = {}
        self.lots: dict[tuple[int, int, str], int | None] = {}
        self.unmoved: list[tuple[Any, ...]] = []
        self.ways: dict[tuple[int, int, int, str], list[Any]] = {}  # -> lot, amount, event
        self.sales: list[list[Any]] = []
        self.heads: dict[int, int] = {}

    def book(self, number: int, told: Told) -> None:
        """One event, in the order of arrival."""
        layout, things = told.shape.layout, told.things
        for move in layout.moves:
            item, lot = things[move.item].number, None if move.lot is None else things[move.lot].number
            amount = (1 if move.amount is None else told.amounts[move.amount]) * MICRO
            key = (told.captor.id, item, move.unit)
            if move.arrives and key not in self.stock:
                self.stock[key], self.lots[key] = Balance(), lot
            if key in self.stock:
                after = self.stock[key].after(move.effect, amount, strict=False)
                if after is None:
                    self.unmoved.append((number, item, move.unit))
                else:
                    self.stock[key] = after
            for slot in layout.ends if move.way else ():
                other = things[slot].party
                if other is not None and other is not told.captor:
                    self._way(number, told.captor, other, move.way, (item, move.unit), lot, amount)
        if layout.sale:
            for slot in layout.packs:
                self._sale(number, told, things[slot].number, layout.sale)

    def _way(
        self, number: int, captor: Party, other: Party, way: int, what: tuple[int, str], lot: int | None, amount: int
    ) -> None:
        sender, receiver = (captor, other) if way > 0 else (other, captor)
        key = (receiver.id, sender.id, *what)
        there = self.ways.setdefault(key, [lot, 0, number])
        there[1] += way * amount
        if way > 0:
            there[2] = number

    def _sale(self, number: int, told: Told, item: int, way: int) -> None:
        self.heads.setdefault(item, 0)
        if way > 0:
            self.sales.append([item, told.captor.id, number, None, moment_of(told.time)])
            self.heads[item] += 1
            return
        for sale in self.sales:
            if sale[0] == item and sale[1] == told.captor.id and sale[3] is None:
                sale[3] = number
                self.heads[item] -= 1

    def rows(self) -> dict[str, Iterable[tuple[Any, ...]]]:
        """By table."""
        return {
            "stock": [(*key, self.lots[key], *balance) for key, balance in self.stock.items()],
            "stock_unmoved": self.unmoved,
            "transit": [(*key, *way) for key, way in self.ways.items()],
            "dispensing": [tuple(sale) for sale in self.sales],
            "dispensing_head": [(item, count, 0) for item, count in self.heads.items()],
        }
