"""Stories of the made-up city (`benchmarks.city`): a food's way to the shelves, a drug's way to the patients.

The form of a story (how many farms, shops, packs, sales; how late each event arrives) comes of its number within
`CYCLE`; who takes part in it, of its number in the whole city.
"""

import random
from collections.abc import Sequence

from benchmarks import city_events as e
from benchmarks.city_people import City, Party, Product, Story, Thing, Told, skewed
from benchmarks.city_shapes import Shape
from trace.domain.uris import UriKind, drug_code_uri, key_uri, lot_uri, transaction_uri

CYCLE = 1_000  # forms of stories
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DRUGS = 0.2  # of all stories
LATE, VERY_LATE = 0.15, 0.03  # of all events: up to two days, up to ten
CASE = 10  # packs
_PACK = drug_code_uri("")


def tell(city: City, number: int, begin: int) -> Story:
    """The story of that number, from `begin` (UTC ms) on; its first event is its earliest."""
    teller = _Teller(city, number, begin)
    if teller.form.random() < DRUGS:
        teller.drug()
    else:
        teller.food()
    return teller.story


class _Teller:
    def __init__(self, city: City, number: int, begin: int):
        self.city, self.begin = city, begin
        self.form = random.Random(f"{city.seed} {number % CYCLE}")
        self.who = random.Random(f"{city.seed}/{number}")
        self.story = Story(number)
        self.names = 0

    # ---- the parts of a story ----------------------------------------------------------------------------------------

    def say(
        self, shape: Shape, captor: Party, time: int, *things: Thing, amounts: Sequence[int] = (), at: int = 0
    ) -> None:
        """One more event, at the captor's own place, `at` minutes later."""
        late = self.form.random()
        wait = 0
        if late < VERY_LATE:
            wait = self.form.randrange(10 * DAY)
        elif late < LATE:
            wait = self.form.randrange(2 * DAY)
        time += at * MINUTE
        events = self.story.events
        events.append(
            Told(self.story, len(events), shape, captor, time, time + wait, (captor.place, *things), tuple(amounts))
        )

    def lot(self, product: Product, maker: Party, time: int) -> Thing:
        """A new lot."""
        self.names += 1
        number = f"{self.story.number:07d}{self.names:02d}"
        thing = Thing(lot_uri(product.uri, number), UriKind.LOT)
        self.story.lots.append((thing, product, number, maker, time))
        return thing

    def note(self) -> Thing:
        """A new delivery note."""
        self.names += 1
        return Thing(transaction_uri("desadv", f"{self.story.number:08d}{self.names:03d}"), UriKind.TRANSACTION)

    def one_of(self, parties: Sequence[Party]) -> Party:
        """One of these, the first of them far more often than the last."""
        return parties[skewed(self.who, len(parties))]

    # ---- food --------------------------------------------------------------------------------------------------------

    def food(self) -> None:
        """From one to five fields to a market; mixed or repacked there; to some shops, sold, some of it sent back."""
        form, market = self.form, self.one_of(self.city.markets)
        product = self.city.foods[skewed(self.who, len(self.city.foods))]
        came = [self._from_field(product, market, n) for n in range(1 + skewed(form, 5))]
        self.story.start = came[0][0]
        time = self.begin + 12 * HOUR
        lots = came
        if len(came) > 1 or form.random() < 0.4:
            made = [self.lot(product, market, time) for _ in range(1 if len(came) > 1 else 2)]
            total = sum(amount for _, amount in came)
            shares = [total] if len(made) == 1 else [total // 2, total - total // 2]
            lots = list(zip(made, shares, strict=True))
            things = [lot for lot, _ in (*came, *lots)]
            self.say(e.mix(len(came)), market, time, *things, amounts=[amount for _, amount in (*came, *lots)])
        for lot, amount in lots:
            shops = 1 + skewed(form, 9)
            for n in range(shops):
                self._to_shop(lot, amount // shops or 1, market, time + (1 + 3 * n) * HOUR)
        self.story.end = lots[-1][0]

    def _from_field(self, product: Product, market: Party, n: int) -> tuple[Thing, int]:
        farm, form, time = self.one_of(self.city.farms), self.form, self.begin + n * 20 * MINUTE
        lot, amount, note = self.lot(product, farm, time), form.randint(20, 400), self.note()
        crate = self.city.crate(farm, time, time + 24 * HOUR)
        self.say(e.HARVEST, farm, time, lot, amounts=[amount])
        self.say(e.FILL_CRATE, farm, time, crate, lot, amounts=[amount], at=60)
        self.say(e.SEND_CRATE, farm, time, farm.thing, market.thing, note, crate, at=90)
        self.say(e.RECEIVE_CRATE, market, time, farm.thing, market.thing, note, crate, at=300)
        self.say(e.EMPTY_CRATE, market, time, crate, at=310)
        return lot, amount

    def _to_shop(self, lot: Thing, amount: int, market: Party, time: int) -> None:
        form, shop, note = self.form, self.one_of(self.city.shops), self.note()
        ends = (market.thing, shop.thing, note)
        if form.random() < 0.5:
            crate = self.city.crate(market, time, time + 24 * HOUR)
            self.say(e.FILL_CRATE, market, time, crate, lot, amounts=[amount])
            self.say(e.SEND_CRATE, market, time, *ends, crate, at=10)
            self.say(e.RECEIVE_CRATE, shop, time, *ends, crate, at=120)
            self.say(e.EMPTY_CRATE, shop, time, crate, at=130)
        else:
            self.say(e.SEND, market, time, *ends, lot, amounts=[amount])
            self.say(e.RECEIVE, shop, time, *ends, lot, amounts=[amount], at=120)
        self.say(e.STORE, shop, time, lot, amounts=[amount], at=140)
        for sale in range(1 + skewed(form, 60)):
            self.say(e.SELL, shop, time, lot, amounts=[1 + form.randrange(3)], at=150 + 37 * sale)
        if form.random() < 0.08:
            back, left = self.note(), 1 + amount // 10
            ends = (shop.thing, market.thing, back)
            self.say(e.SEND_BACK, shop, time, *ends, lot, amounts=[left], at=3_000)
            self.say(e.RECEIVE, market, time, *ends, lot, amounts=[left], at=3_100)
            self.say(e.DESTROY, market, time, lot, amounts=[left], at=3_200)

    # ---- drugs -------------------------------------------------------------------------------------------------------

    def drug(self) -> None:
        """From the maker in cases on a pallet to a dealer, from there case by case to pharmacies, pack by pack on."""
        form, maker, dealer = self.form, self.one_of(self.city.makers), self.one_of(self.city.dealers)
        product = self.city.drugs[skewed(self.who, len(self.city.drugs))]
        cases, number = 1 + skewed(form, 8), self.story.number
        lot, begin = self.lot(product, maker, self.begin), self.begin
        packs = [Thing(f"{_PACK}{product.code}{number:08d}{n:05d}", UriKind.INSTANCE) for n in range(cases * CASE)]
        boxes = [Thing(key_uri("00", f"0690{number:09d}{n:05d}"), UriKind.CONTAINER_UNIT) for n in range(cases + 1)]
        pallet, note = boxes.pop(), self.note()
        self.story.start, self.story.end = lot, packs[-1]
        self.say(e.make_packs(len(packs)), maker, begin, lot, *packs)
        for n, box in enumerate(boxes):
            self.say(e.fill_case(CASE), maker, begin, box, *packs[n * CASE : (n + 1) * CASE], at=30 + n)
        self.say(e.load_pallet(cases), maker, begin, pallet, *boxes, at=60)
        ends = (maker.thing, dealer.thing, note)
        self.say(e.SEND_CASE, maker, begin, *ends, pallet, at=90)
        self.say(e.RECEIVE_CASE, dealer, begin, *ends, pallet, at=900)
        self.say(e.unload_pallet(cases), dealer, begin, pallet, *boxes, at=930)
        for n, box in enumerate(boxes):
            time = begin + 18 * HOUR + n * 7 * HOUR
            self._to_pharmacy(dealer, box, lot, packs[n * CASE : (n + 1) * CASE], time)

    def _to_pharmacy(self, dealer: Party, box: Thing, lot: Thing, packs: Sequence[Thing], time: int) -> None:
        form, pharmacy, note = self.form, self.one_of(self.city.pharmacies), self.note()
        ends = (dealer.thing, pharmacy.thing, note)
        self.say(e.SEND_CASE, dealer, time, *ends, box)
        self.say(e.RECEIVE_CASE, pharmacy, time, *ends, box, at=300)
        self.say(e.empty_case(len(packs)), pharmacy, time, box, *packs, at=310)
        self.say(e.receive_packs(len(packs)), pharmacy, time, *ends, lot, *packs, at=320)
        for n, pack in enumerate(packs):
            if form.random() < 0.8:
                self.say(e.DISPENSE, pharmacy, time, pack, at=400 + n * 170)
                if form.random() < 0.02:
                    self.say(e.TAKE_BACK, pharmacy, time, pack, at=400 + n * 170 + 900)
