"""The search behind the trace: breadth first, in batches, over (item, time bound). See `trace.domain.genealogy`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from trace.domain.containment import FIRST, LAST, Position, Row, Stay, stays_of
from trace.domain.genealogy import Direction, Edge, EdgeKind, EventLink, Reader, Trace
from trace.domain.links import MOVEMENT_ROLES, Role
from trace.domain.uris import UriKind

ALONE = frozenset({UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE})
_ENDS_ALL_STAYS = (Role.EMPTIED, Role.ENDED)


@dataclass(frozen=True, slots=True)
class _Ride:
    """Follow `container` from `since` to `until`, for a content that was put in at `opened` (<= since)."""

    container: int
    opened: Position
    since: Position
    until: Position


def trace(
    reader: Reader,
    start: int,
    direction: Direction,
    *,
    at: Position = LAST,
    limit: int = 10_000,
) -> Trace:
    """Everything `start` came from (backward) or went into (forward), exactly, up to `limit` events.

    `at` is the moment of asking: nothing later counts, and a returnable container is opened as it stood then
    (a single-use logistic unit, SSCC, is opened for its whole life: GS1 General Specifications 3.1, an SSCC is not
    used again). Cost is linear in the rows of the answer. A cut answer has `truncated` set.
    """
    search = _Search(reader, direction, at, limit)
    search.begin(start)
    while search.has_work():
        if len(search.answer.events) >= limit:
            search.answer.truncated = True
            break
        search.step()
    return search.answer


class _Search:
    """One search under way: what has been read, and what is still to be read."""

    def __init__(self, reader: Reader, direction: Direction, at: Position, limit: int):
        self.reader = reader
        self.back = direction is Direction.BACKWARD
        self.at = at
        self.limit = limit
        self.answer = Trace(direction)
        self.bounds: dict[int, Position] = {}  # how far each item has been read
        self.rows: dict[int, list[Row]] = {}
        self.wanted: dict[int, Position] = {}  # items to read (further), with their new bound
        self.rides: list[_Ride] = []
        self.ridden: dict[int, list[_Ride]] = {}
        self.to_open: dict[int, Position] = {}  # containers whose content is to be followed, as of a moment
        self.opened: dict[int, Position] = {}
        self.knots: set[int] = set()
        self.known_kinds: dict[int, UriKind] = {}
        self.depth = 0

    def begin(self, start: int) -> None:
        """The start is read whole, and opened if it is a container."""
        self._want(start, self.at if self.back else FIRST)
        self.to_open[start] = self.at

    def has_work(self) -> bool:
        """Whether anything is left to read."""
        return bool(self.wanted or self.rides or self.to_open)

    def step(self) -> None:
        """One level: read all wanted rows in one statement, then all rides, then all containers to open."""
        fresh = self._read_items()
        self._learn_kinds(fresh)
        self._follow(fresh)
        self._board(fresh)
        self._ride()
        self._open_containers()
        self.depth += 1

    def _want(self, item: int, bound: Position) -> None:
        """Ask for an item's rows up to (backward) or from (forward) `bound`, unless they were read already."""
        if bound > self.at:
            if not self.back:
                return
            bound = self.at
        widest = max if self.back else min
        known = self.bounds.get(item)
        if known is None or widest(known, bound) != known:
            self.wanted[item] = widest(self.wanted.get(item, bound), bound)
        self.answer.items.setdefault(item, self.depth)

    def _read_items(self) -> dict[int, list[Row]]:
        """Read the rows between each item's old bound and its new one: {item: new rows}."""
        requests = []
        for item, bound in self.wanted.items():
            known = self.bounds.get(item)
            if self.back:
                requests.append((item, FIRST if known is None else _after(known), bound))
            else:
                requests.append((item, bound, self.at if known is None else _before(known)))
            self.bounds[item] = bound
        self.wanted = {}
        fresh: dict[int, list[Row]] = {item: [] for item, _, _ in requests}
        for row in self._read(requests):
            fresh[row.item].append(row)
            self._note(row)
        for item, rows in fresh.items():
            old = self.rows.get(item, [])
            self.rows[item] = old + rows if self.back else rows + old
        return fresh

    def _read(self, requests: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        if not requests:
            return []
        self.answer.statements += 1
        rows = self.reader.rows(requests)
        self.answer.rows_read += len(rows)
        return rows

    def _note(self, row: Row) -> None:
        """The event belongs to the answer, because of this item."""
        reasons = self.answer.events.setdefault(row.event, [])
        if row not in reasons:
            reasons.append(row)

    def _learn_kinds(self, items: Iterable[int]) -> None:
        unknown = [item for item in items if item not in self.known_kinds]
        if unknown:
            self.answer.statements += 1
            self.known_kinds.update(self.reader.kinds(unknown))

    def _follow(self, fresh: dict[int, list[Row]]) -> None:
        """From the new rows to the items they lead to, through the links of their events."""
        turning = Role.OUTPUT if self.back else Role.INPUT
        turns: list[tuple[int, Row]] = []
        knots: list[int] = []
        for item, rows in fresh.items():
            if self.known_kinds.get(item) is UriKind.CLASS:
                continue  # "a tomato" leads to every tomato there ever was
            for row in rows:
                if row.role == turning and row.peer is not None:
                    self._connect(item, row.peer, row.event, EdgeKind.BECAME)
                    knots.append(row.peer)
                elif row.role == turning or (row.role == Role.SERIALISED and not self.back):
                    turns.append((item, row))
                elif self.back and row.role in (Role.ADDED, Role.OBSERVED) and row.peer is not None:
                    self._connect(item, row.peer, row.event, EdgeKind.SERIALISED)
                    self._want(row.peer, row.at)
        turns += [(row.item, row) for row in self._read_knots(knots)]
        links = self._links([row.event for _, row in turns])
        for item, row in turns:
            self._turn(item, row, links[row.event])

    def _read_knots(self, knots: Iterable[int]) -> list[Row]:
        """All events of transformation ids not met before: together they are one transformation."""
        new = [knot for knot in dict.fromkeys(knots) if knot not in self.knots]
        self.knots.update(new)
        for knot in new:
            self.answer.items.setdefault(knot, self.depth)
        return self._read([(knot, FIRST, self.at) for knot in new])

    def _links(self, events: Iterable[int]) -> dict[int, Sequence[EventLink]]:
        unique = list(dict.fromkeys(events))
        if not unique:
            return {}
        self.answer.statements += 1
        return self.reader.links(unique)

    def _turn(self, item: int, row: Row, links: Sequence[EventLink]) -> None:
        """Step through one event: from an output to its inputs, an input to its outputs, a lot to its instances."""
        if row.role == Role.SERIALISED:
            for link in links:
                if link.peer == item and link.role in (Role.ADDED, Role.OBSERVED):
                    self._connect(item, link.item, row.event, EdgeKind.SERIALISED)
                    self._want(link.item, FIRST)
            return
        other = Role.INPUT if self.back else Role.OUTPUT
        for link in links:
            if link.role == other:
                self._note(row)
                self._connect(item, link.item, row.event, EdgeKind.BECAME)
                self._want(link.item, row.at)
                if self.back:
                    self._ask_open(link.item, row.at)

    def _connect(self, here: int, there: int, event: int, kind: EdgeKind) -> None:
        """The search went from `here` to `there`; the edge is kept in the direction of time."""
        self.answer.edges[Edge(there, here, event, kind) if self.back else Edge(here, there, event, kind)] = None

    def _board(self, fresh: dict[int, list[Row]]) -> None:
        """The containers the items were in: ride along while they were inside."""
        for item in fresh:
            bound = self.bounds[item]
            alone = self.known_kinds.get(item) in ALONE
            for stay in stays_of(self.rows[item], alone=alone):
                until = min(stay.until, bound) if self.back else min(stay.until, self.at)
                if stay.since < until:
                    self._ride_along(item, _Ride(stay.parent, stay.since, stay.since, until))

    def _ride_along(self, item: int, ride: _Ride) -> None:
        packed_in = next((r.event for r in reversed(self.rows.get(item, ())) if r.at == ride.opened), ride.opened[1])
        self.answer.edges[Edge(item, ride.container, packed_in, EdgeKind.CARRIED)] = None
        self.answer.items.setdefault(ride.container, self.depth + 1)
        if not any(_covers(done, ride) for done in self.ridden.get(ride.container, ())):
            self.rides.append(ride)
            self.ridden.setdefault(ride.container, []).append(ride)

    def _ride(self) -> None:
        """Read the containers' rows of all new rides in one statement; note movements, board outer containers."""
        rides, self.rides = self.rides, []
        if not rides:
            return
        spans: dict[int, tuple[Position, Position]] = {}
        for ride in rides:
            low, high = spans.get(ride.container, (ride.opened, ride.until))
            spans[ride.container] = (min(low, ride.opened), max(high, ride.until))
        by_container: dict[int, list[Row]] = {container: [] for container in spans}
        for row in self._read([(container, low, high) for container, (low, high) in spans.items()]):
            by_container[row.item].append(row)
        self._learn_kinds(spans)
        before = self._last_packings(rides)
        for ride in rides:
            self._pass_on(ride, by_container[ride.container], before.get((ride.container, ride.since)))

    def _last_packings(self, rides: Sequence[_Ride]) -> dict[tuple[int, Position], Row]:
        """Was the container itself in another one when the ride began? {(container, since): its last packing}."""
        wanted = list(dict.fromkeys((ride.container, ride.since) for ride in rides))
        self.answer.statements += 1
        found: dict[int, list[Row]] = {}
        for row in self.reader.last_packings(wanted):
            found.setdefault(row.item, []).append(row)
        answer = {}
        for container, before in wanted:
            rows = [row for row in found.get(container, ()) if row.at < before]
            if rows and (last := max(rows, key=lambda row: row.at)).role == Role.PACKED:
                answer[(container, before)] = last
        return answer

    def _pass_on(self, ride: _Ride, rows: Sequence[Row], packed_before: Row | None) -> None:
        """What happened to the container during the ride happened to the content too."""
        end = next((row.at for row in rows if row.role in _ENDS_ALL_STAYS and row.at > ride.opened), LAST)
        until = min(ride.until, end)
        during = [row for row in rows if ride.since < row.at < until or (row.at == until == end <= ride.until)]
        for row in during:
            if row.role in MOVEMENT_ROLES or row.at == end:
                self._note(row)
            if row.role == Role.INPUT and not self.back:
                self._use_up(ride.container, row)
        stays = stays_of([packed_before, *during] if packed_before else during, alone=True)
        for stay in stays:
            if stay.since < until:
                since = max(stay.since, ride.since)
                self._ride_along(ride.container, _Ride(stay.parent, stay.since, since, min(stay.until, until)))

    def _use_up(self, container: int, row: Row) -> None:
        """A container was an input: what was inside went into the outputs."""
        if row.peer is not None:
            self._connect(container, row.peer, row.event, EdgeKind.BECAME)
            turns = self._read_knots([row.peer])
        else:
            turns = [row]
        links = self._links([turn.event for turn in turns])
        for turn in turns:
            self._turn(turn.item, turn, links[turn.event])

    def _ask_open(self, item: int, moment: Position) -> None:
        """An input may be a container whose content was used up with it."""
        if item not in self.opened or self.opened[item] < moment:
            self.to_open[item] = max(self.to_open.get(item, moment), moment)

    def _open_containers(self) -> None:
        """Follow the content of containers asked to be opened, as it stood at that moment."""
        ready = {item: at for item, at in self.to_open.items() if item in self.rows and item not in self.wanted}
        for item in ready:
            del self.to_open[item]
        packings: list[tuple[int, Row]] = []
        for item, moment in ready.items():
            self.opened[item] = moment
            changes = [row for row in self.rows[item] if row.at <= moment]
            whole_life = self.known_kinds.get(item) is UriKind.CONTAINER_UNIT
            emptied = max((row.at for row in changes if row.role in _ENDS_ALL_STAYS), default=FIRST)
            start = FIRST if whole_life else emptied
            packings += [(item, row) for row in changes if row.role == Role.PARENT and row.at > start]
        if packings:
            self._follow_content(packings, ready)

    def _follow_content(self, packings: Sequence[tuple[int, Row]], moments: dict[int, Position]) -> None:
        """From a container to what was packed into it and was still inside at the moment (SSCC: ever inside)."""
        links = self._links([row.event for _, row in packings])
        candidates: dict[tuple[int, int], Row] = {}
        for container, row in packings:
            for link in links[row.event]:
                if link.role == Role.PACKED and link.peer == container:
                    candidates.setdefault((container, link.item), row)
        requests = [(child, row.at, moments[container]) for (container, child), row in candidates.items()]
        lives: dict[int, dict[Position, Row]] = {}
        for row in self._read(requests):
            lives.setdefault(row.item, {})[(row.at, row.role, row.peer or 0)] = row  # type: ignore[index]
        self._learn_kinds({child for _, child in candidates})
        for (container, child), row in candidates.items():
            moment = moments[container]
            rows = sorted((r for r in lives.get(child, {}).values() if row.at <= r.at <= moment), key=lambda r: r.at)
            stays = stays_of(rows, alone=self.known_kinds.get(child) in ALONE)
            self._take_content(container, child, [s for s in stays if s.parent == container], moment)

    def _take_content(self, container: int, child: int, stays: Sequence[Stay], moment: Position) -> None:
        whole_life = self.known_kinds.get(container) is UriKind.CONTAINER_UNIT
        inside = [stay for stay in stays if whole_life or stay.until > moment]
        for stay in inside:
            self.answer.edges[Edge(child, container, stay.since[1], EdgeKind.CARRIED)] = None
            self._want(child, min(stay.until, moment) if self.back else stay.since)
            self._ask_open(child, min(stay.until, moment))


def _covers(done: _Ride, ride: _Ride) -> bool:
    return done.opened == ride.opened and done.since <= ride.since and done.until >= ride.until


def _after(position: Position) -> Position:
    return (position[0], position[1] + 1)


def _before(position: Position) -> Position:
    return (position[0], position[1] - 1)
