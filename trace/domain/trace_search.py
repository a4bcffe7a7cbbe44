"""The search behind the trace: breadth first, in batches, over (item, time bound). See `trace.domain.genealogy`."""

from collections.abc import Iterable, Mapping, Sequence

from trace.domain.containment import ENDS_STAYS, FIRST, LAST, Position, Row, Stay, stays_of
from trace.domain.genealogy import TELLING_KEPT, Direction, Edge, EdgeKind, EventLink, Reader, Trace
from trace.domain.links import MOVEMENT_ROLES, NAMES_LOT, Role
from trace.domain.lives import Life, Span, by_item, ends_asked, entry_of, just_after, just_before, united
from trace.domain.uris import UriKind

ROWS = 50_000  # read for one trace: about a second
LEVELS = 400
ALONE = frozenset({UriKind.INSTANCE, UriKind.CONTAINER_UNIT, UriKind.RETURNABLE})
TERMINAL = frozenset({UriKind.CLASS, UriKind.PLACE, UriKind.PARTY, UriKind.TRANSACTION})
# Roles of rows that tell and lead nowhere, by direction: there may be very many of them.
_TELLING = {
    Direction.BACKWARD: frozenset({Role.OBSERVED, Role.SERIALISED}),
    Direction.FORWARD: frozenset({Role.OBSERVED}),
}


class _Enough(Exception):
    """The bound on rows is reached: what was read last is incomplete and not followed."""


def trace(
    reader: Reader,
    start: int,
    direction: Direction,
    *,
    at: Position = LAST,
    rows: int = ROWS,
    levels: int = LEVELS,
) -> Trace:
    """Everything `start` came from (backward) or went into (forward), exactly.

    `at` is the moment of asking: nothing later counts, and if `start` is a container it is opened as it stood then (a
    single-use logistic unit, SSCC, for its whole life: GS1 General Specifications 3.1, an SSCC is not used again).
    Cost is linear in the rows of the answer. The search stops after `rows` rows or `levels` levels and then has
    `truncated` set: what it has found is right, and there is more.
    """
    search = _Search(reader, start, direction, at, rows)
    try:
        while search.has_work():
            if search.depth >= levels:
                raise _Enough
            search.step()
    except _Enough:
        search.answer.truncated = True
    return search.answer


class _Search:
    """One search under way: what has been read, and what is still to be read."""

    def __init__(self, reader: Reader, start: int, direction: Direction, at: Position, most: int):
        self.reader = reader
        self.start = start
        self.back = direction is Direction.BACKWARD
        self.at = at
        self.most = most
        self.answer = Trace(direction, items={start: 0})
        self.depth = 0
        self.kinds: dict[int, UriKind] = {}
        self.bounds: dict[int, Position] = {}  # how far each item counts: back to front or front to back
        self.rows: dict[int, list[Row]] = {}  # what was read of each item
        self.wanted: dict[int, Position] = {start: at if self.back else FIRST}  # items to follow (further)
        self.rides: list[Span] = []
        self.ridden: dict[int, list[Span]] = {}
        self.openings: list[Span] = []
        self.opened: set[Span] = set()
        self.knots: set[int] = set()
        self.packs: dict[int, dict[int, None]] = {}  # lot -> its instances found, forward

    def has_work(self) -> bool:
        """Whether anything is left to read."""
        return bool(self.wanted or self.rides or self.openings)

    def step(self) -> None:
        """One level: all wanted rows in one statement, all rides in one, all containers to open in one ..."""
        fresh = self._read_items()
        rides = self._read_rides()
        self._follow(fresh, rides)
        self._board([self._life(item) for item in fresh if not self._is_terminal(item)] + rides)
        self._open_containers()
        self.depth += 1

    # ---- reading ---------------------------------------------------------------------------------------------------

    def _want(self, item: int, bound: Position) -> None:
        """Follow an item up to (backward) or from (forward) `bound`, unless it was followed that far already."""
        widest = max if self.back else min
        known = self.bounds.get(item)
        if known is None or widest(known, bound) != known:
            self.wanted[item] = widest(self.wanted.get(item, bound), bound)
        self._mention(item)

    def _mention(self, item: int) -> None:
        self.answer.items.setdefault(item, self.depth + 1)

    def _read_items(self) -> dict[int, list[Row]]:
        """The rows that count now and did not before: {item: rows}.

        Backward, the rows between an item's old bound and its new one are read. Forward an item is read whole: how much
        of a lot a crate holds is the balance of all that was ever put in and taken out.
        """
        wanted, self.wanted = self.wanted, {}
        self._learn_kinds(wanted)
        if self.depth == 0:
            self._open_start()
        requests = []
        old = {item: self.bounds.get(item) for item in wanted}
        for item, bound in wanted.items():
            known, self.bounds[item] = old[item], bound
            if self._is_terminal(item) and item != self.start:
                continue
            if self.back:
                requests.append((item, FIRST if known is None else just_after(known), bound))
            elif item not in self.rows:
                requests.append((item, FIRST, self.at))
            self.rows.setdefault(item, [])
        found = by_item(self._read(requests))
        for item, rows in found.items():
            self.rows[item] += rows
        if self.back:
            fresh = {item: found.get(item, []) for item in wanted if item in self.rows}
        else:
            fresh = {item: self._since(item, old[item]) for item in wanted if item in self.rows}
            for item in fresh:
                for pack in self.packs.get(item, ()):
                    self._want(pack, self.bounds[item])
        self._note(row for rows in fresh.values() for row in rows)
        return fresh

    def _since(self, item: int, known: Position | None) -> list[Row]:
        end = known or LAST
        return [row for row in self.rows[item] if self.bounds[item] <= row.at < end]

    def _read(self, requests: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        """The rows of these ranges; raises `_Enough` where the bound on rows is reached."""
        if not requests:
            return []
        answer, telling = self.answer, _TELLING[self.answer.direction]
        room = self.most - answer.rows_read
        answer.statements += 1
        rows = self.reader.rows(requests, telling=telling, most=room + 1)
        answer.rows_read += len(rows)
        if len(rows) > room:
            if not answer.events:
                self._note(rows[:room])  # of one item with more rows than anybody reads its own history is told
            raise _Enough
        told: dict[int, int] = {}
        for row in rows:
            if row.role in telling and (row.role != Role.OBSERVED or row.peer is None):
                told[row.item] = told.get(row.item, 0) + 1
        cut = [request for request in requests if told.get(request[0], 0) > TELLING_KEPT]
        if cut:
            answer.statements += 1
            answer.left_out += self.reader.count_left_out(cut, telling=telling)
        return rows

    def _note(self, rows: Iterable[Row]) -> None:
        """The rows' events belong to the answer, because of these items."""
        for row in rows:
            reasons = self.answer.events.setdefault(row.event, [])
            if row not in reasons:
                reasons.append(row)

    def _learn_kinds(self, items: Iterable[int]) -> None:
        unknown = list(dict.fromkeys(item for item in items if item not in self.kinds))
        if unknown:
            self.answer.statements += 1
            self.kinds.update(self.reader.kinds(unknown))

    def _is_terminal(self, item: int) -> bool:
        return self.kinds.get(item) in TERMINAL

    def _is_alone(self, item: int) -> bool:
        return self.kinds.get(item) in ALONE

    # ---- from an item to others through the events it stands in ------------------------------------------------------

    def _follow(self, fresh: Mapping[int, Sequence[Row]], rides: Sequence[Life]) -> None:
        """From the new rows, and what containers went through with something inside, to the items they lead to."""
        turning = Role.OUTPUT if self.back else Role.INPUT
        turns: list[Row] = []
        for item, rows in fresh.items():
            if self._is_terminal(item):
                continue  # "a tomato" leads to every tomato there ever was
            for row in rows:
                if row.role == turning or (row.role == Role.SERIALISED and not self.back):
                    turns.append(row)
                elif self.back and row.role in NAMES_LOT and row.peer is not None:
                    self._connect(item, row.peer, row.event, EdgeKind.SERIALISED)
                    self._want(row.peer, row.at)
        if not self.back:  # a container was an input: what was inside went into the outputs
            turns += [
                row
                for life in rides
                for row in life.rows
                if row.role == Role.INPUT and life.after < row.at <= life.until
            ]
        turns = self._untie(turns, turning)
        links = self._links(row.event for row in turns)
        for row in turns:
            self._turn(row, links[row.event])

    def _untie(self, turns: Iterable[Row], turning: Role) -> list[Row]:
        """The turns, those with a transformation id replaced by all events of that id: together they are one."""
        plain: list[Row] = []
        tied: dict[int, None] = {}
        for row in turns:
            if row.role == turning and row.peer is not None:
                self._connect(row.item, row.peer, row.event, EdgeKind.BECAME)
                self._mention(row.peer)
                tied[row.peer] = None
            else:
                plain.append(row)
        new = [knot for knot in tied if knot not in self.knots]
        self.knots.update(new)
        rows = self._read([(knot, FIRST, self.at) for knot in new])
        return plain + [row for row in rows if row.role == Role.TRANSFORMATION]

    def _links(self, events: Iterable[int]) -> dict[int, Sequence[EventLink]]:
        unique = list(dict.fromkeys(events))
        if not unique:
            return {}
        self.answer.statements += 1
        return self.reader.links(unique)

    def _turn(self, row: Row, links: Sequence[EventLink]) -> None:
        """Step through one event: from an output to its inputs, an input to its outputs, a lot to its instances."""
        if row.role == Role.SERIALISED:
            for link in links:
                if link.peer == row.item and link.role in NAMES_LOT:
                    self._connect(row.item, link.item, row.event, EdgeKind.SERIALISED)
                    self.packs.setdefault(row.item, {})[link.item] = None
                    self._want(link.item, self.bounds[row.item])
            return
        other = Role.INPUT if self.back else Role.OUTPUT
        for link in links:
            if link.role == other:
                self._note([row])
                self._connect(row.item, link.item, row.event, EdgeKind.BECAME)
                self._want(link.item, row.at)
                if self.back:
                    self._open(Span(link.item, just_before(row.at), row.at))

    def _connect(self, here: int, there: int, event: int, kind: EdgeKind) -> None:
        """The search went from `here` to `there`; the edge is kept in the direction of time."""
        self.answer.edges[Edge(there, here, event, kind) if self.back else Edge(here, there, event, kind)] = None

    # ---- along with the containers it was in -------------------------------------------------------------------------

    def _life(self, item: int) -> Life:
        bound = self.bounds[item]
        packed_from, until = (FIRST, bound) if self.back else (bound, self.at)
        return Life(item, self.rows[item], self._is_alone(item), packed_from, FIRST, until)

    def _board(self, lives: Sequence[Life]) -> None:
        """Find the containers these things were in, and ride along while they were inside."""
        wanted = dict.fromkeys(ask for life in lives for ask in ends_asked(life))
        ends: dict[int, list[Row]] = {}
        if wanted:
            self.answer.statements += 1
            ends = by_item(dict.fromkeys(self.reader.first_ends(list(wanted))))
        for life in lives:
            parents = dict.fromkeys(row.peer for row in life.rows if row.role == Role.PACKED)
            ended = [row for parent in parents for row in ends.get(parent or 0, ())]
            for stay in stays_of(life.rows, ended, alone=life.alone):
                since = entry_of(life, stay)
                until = min(stay.until, life.until)
                if since is not None and since < until and life.after < until:
                    self.answer.edges[Edge(life.item, stay.parent, since[1], EdgeKind.CARRIED)] = None
                    self._mention(stay.parent)
                    self._ride(Span(stay.parent, max(since, life.after), until))

    def _ride(self, span: Span) -> None:
        done = self.ridden.setdefault(span.container, [])
        if not any(other.covers(span) for other in done):
            done.append(span)
            self.rides.append(span)

    def _read_rides(self) -> list[Life]:
        """Read the containers of all new rides in one statement, note their movements: their own lives meanwhile.

        A container's life is read from the packing before the ride on: it may itself be in another one, and a container
        is one thing, in one place at a time.
        """
        rides, self.rides = self.rides, []
        self._learn_kinds(ride.container for ride in rides)
        rides = [ride for ride in rides if not self._is_terminal(ride.container)]
        if not rides:
            return []
        starts = self._packed_before(rides)
        ranges = united([(ride.container, starts[ride], ride.until) for ride in rides])
        rows = by_item(self._read(ranges))
        lives = []
        for ride in rides:
            own = [row for row in rows.get(ride.container, ()) if starts[ride] <= row.at <= ride.until]
            self._note(
                row for row in own if row.at > ride.after and (row.role in MOVEMENT_ROLES or row.role in ENDS_STAYS)
            )
            lives.append(Life(ride.container, own, True, FIRST, ride.after, ride.until))
        return lives

    def _packed_before(self, rides: Sequence[Span]) -> dict[Span, Position]:
        """{ride: where its container was last packed before it, or where it begins}."""
        self.answer.statements += 1
        asked = list(dict.fromkeys((ride.container, ride.after) for ride in rides))
        packed = by_item(self.reader.last_packings(asked))
        return {
            ride: max((row.at for row in packed.get(ride.container, ()) if row.at < ride.after), default=ride.after)
            for ride in rides
        }

    # ---- into containers ---------------------------------------------------------------------------------------------

    def _open_start(self) -> None:
        whole_life = self.kinds.get(self.start) is UriKind.CONTAINER_UNIT
        self._open(Span(self.start, FIRST if whole_life else just_before(self.at), self.at))

    def _open(self, span: Span) -> None:
        """Follow what was inside a container at some moment of the span."""
        if span not in self.opened:
            self.opened.add(span)
            self.openings.append(span)

    def _open_containers(self) -> None:
        """Open the containers that are read far enough; the others have their turn at the next level."""
        waiting = [span for span in self.openings if span.container in self.wanted]
        ready = [span for span in self.openings if span.container not in self.wanted]
        self.openings = waiting
        packings: list[tuple[Span, Row]] = []
        for span in ready:
            if not self._is_alone(span.container):
                continue
            rows = self.rows.get(span.container, ())
            emptied = max((r.at for r in rows if r.role in ENDS_STAYS and r.at <= span.after), default=FIRST)
            packings += [(span, row) for row in rows if row.role == Role.PARENT and emptied < row.at < span.until]
        if packings:
            self._follow_content(packings)

    def _follow_content(self, packings: Sequence[tuple[Span, Row]]) -> None:
        """From containers to what was packed into them and was inside at some moment of the span."""
        links = self._links(row.event for _, row in packings)
        first_packed: dict[tuple[Span, int], Position] = {}
        for span, row in packings:
            for link in links[row.event]:
                if link.role == Role.PACKED and link.peer == span.container != link.item:
                    key = (span, link.item)
                    first_packed[key] = min(first_packed.get(key, row.at), row.at)
        self._learn_kinds(child for _, child in first_packed)
        ranges = united([(child, since, span.until) for (span, child), since in first_packed.items()])
        rows = by_item(self._read(ranges))
        for (span, child), since in first_packed.items():
            own = [row for row in rows.get(child, ()) if since <= row.at <= span.until]
            ends = [r for r in self.rows[span.container] if r.role in ENDS_STAYS and since < r.at <= span.until]
            for stay in stays_of(own, ends, alone=self._is_alone(child)):
                if stay.parent == span.container and stay.since < span.until and span.after < stay.until:
                    self._take_content(span, child, stay)

    def _take_content(self, span: Span, child: int, stay: Stay) -> None:
        until = min(stay.until, span.until)
        self.answer.edges[Edge(child, span.container, stay.since[1], EdgeKind.CARRIED)] = None
        self._want(child, until if self.back else stay.since)
        self._open(Span(child, max(span.after, stay.since), until))
