"""Who there is in the made-up city (`benchmarks.city`), what goods they have, and what a story of these goods is."""

import random
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from benchmarks.city_shapes import CHINA, Shape
from trace.domain.checks import check_digit
from trace.domain.parties import OrganisationKind
from trace.domain.uris import UriKind, crate_uri, drug_class_uri, gtin_uri, key_uri, party_uri

SEED = 20_260_302
BEGIN = datetime(2026, 1, 5, tzinfo=CHINA)
FOODS = ("番茄", "黄瓜", "辣椒", "白菜", "土豆", "枸杞", "苹果", "羊肉", "猪肉", "鸡蛋")
PRODUCTS = 30  # of food, and as many drugs


class Thing:
    """Something with an identifier: `number` is that of its row in `ident`, once it has one."""

    __slots__ = ("kind", "number", "party", "uri")

    def __init__(self, uri: str, kind: UriKind, party: "Party | None" = None):
        self.uri = uri
        self.kind = int(kind)
        self.number = 0
        self.party = party


@dataclass(eq=False, slots=True)
class Party:
    """An organisation of the city: its party and place, its crates; `id` is that of its row, once it has one.

    `order` is its place among all of the city.
    """

    name: str
    kind: OrganisationKind
    uscc: str
    order: int
    thing: Thing = field(init=False)
    place: Thing = field(init=False)
    id: int = 0
    crates: deque[tuple[int, Thing]] = field(default_factory=deque)  # (free from, crate)

    def __post_init__(self) -> None:
        self.thing = Thing(party_uri(self.uscc), UriKind.PARTY, self)
        body = f"690{self.order:09d}"
        self.place = Thing(key_uri("414", body + check_digit(body)), UriKind.PLACE)


@dataclass(frozen=True, slots=True)
class Product:
    """A product class: its URI, its name; of a drug the beginning of its packs' codes."""

    uri: str
    name: str
    code: str = ""


class Told(NamedTuple):
    """One event to be: what, of which story and which number in it, by whom, when (UTC ms), when it arrives."""

    story: "Story"
    number: int
    shape: Shape
    captor: Party
    time: int
    arrives: int
    things: tuple[Thing, ...]
    amounts: tuple[int, ...]  # whole units

    @property
    def event_id(self) -> str:
        """Its eventID."""
        return f"urn:uuid:00000000-0000-4000-8000-{self.story.number:08x}{self.number:04x}"


class Story:
    """The way of some goods: its events, its lots with their products.

    A trace is asked back from `end`, one of the last things sold, and forward from `start`, one of the first made.
    """

    __slots__ = ("arrived", "end", "events", "left", "lots", "number", "start")

    def __init__(self, number: int):
        self.number = number
        self.events: list[Told] = []
        self.lots: list[tuple[Thing, Product, str, Party, int]] = []  # thing, product, number, maker, made at (ms)
        self.start: Thing | None = None
        self.end: Thing | None = None
        self.left = 0  # events still to arrive
        self.arrived: list[tuple[int, Told]] = []  # those that have, with their numbers in the store


@dataclass(frozen=True, slots=True)
class Document:
    """What one organisation sends at once, and when it arrives (UTC ms)."""

    captor: Party
    arrives: int
    events: Sequence[Told]


class City:
    """Who there is in a city that records so many events; the more, the larger the largest of them."""

    def __init__(self, size: int, seed: int = SEED):
        self.size, self.seed = size, seed
        units = max(2, round(size**0.5 / 10))
        self.parties: list[Party] = []
        self.farms = self._parties("农场", OrganisationKind.FARM, 12 * units)
        self.markets = self._parties("批发", OrganisationKind.WHOLESALER, units)
        self.shops = self._parties("超市", OrganisationKind.SUPERMARKET, 4 * units)
        self.makers = self._parties("药厂", OrganisationKind.DRUG_MAKER, units)
        self.dealers = self._parties("医药", OrganisationKind.DRUG_DISTRIBUTOR, units)
        self.pharmacies = self._parties("药房", OrganisationKind.PHARMACY, 3 * units)
        self.foods = [_food(number) for number in range(PRODUCTS)]
        self.drugs = [_drug(number) for number in range(PRODUCTS)]
        self._crates = 0

    def _parties(self, name: str, kind: OrganisationKind, count: int) -> list[Party]:
        first = len(self.parties)
        made = [Party(f"{name}{n}", kind, f"91640500MA{first + n:08d}", first + n) for n in range(count)]
        self.parties += made
        return made

    def crate(self, owner: Party, since: int, until: int) -> Thing:
        """A crate of the owner that is empty then, or a new one; nobody else has it meanwhile."""
        if owner.crates and owner.crates[0][0] < since:
            crate = owner.crates.popleft()[1]
        else:
            self._crates += 1
            crate = Thing(crate_uri(f"K{self._crates:08d}"), UriKind.RETURNABLE)
        owner.crates.append((until, crate))
        return crate


def _food(number: int) -> Product:
    gtin = f"0690{number:09d}"
    return Product(gtin_uri(gtin + check_digit(gtin)), f"{FOODS[number % len(FOODS)]}{number}")


def _drug(number: int) -> Product:
    code = f"{8_100_000 + number}"
    return Product(drug_class_uri(code), f"测量药品{number}", code)


def skewed(chance: random.Random, most: int) -> int:
    """A number from 0 below `most`; n is some n times as rare as 0."""
    return min(int((most + 1) ** chance.random()), most) - 1
