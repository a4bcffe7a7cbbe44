"""The search behind the trace in and out of containers: along with what a thing was in, into what was in a thing."""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Mapping, Sequence

from trace.domain.containment import ENDS_STAYS, FIRST, Position, Row, Stay, stays_of
from trace.domain.genealogy import Edge, EdgeKind
from trace.domain.links import MOVEMENT_ROLES, Role
from trace.domain.lives import (
    Life,
    Span,
    add_span,
    at,
    between,
    by_item,
    ends_among,
    ends_asked,
    entries_of,
    in_order,
    just_before,
    united,
)
from trace.domain.trace_reading import Range, Reading
from trace.domain.uris import UriKind

# Roles of a thing's rows that tell into what it came and when it left.
_HOLDS = frozenset({Role.PACKED, Role.UNPACKED, Role.INPUT, Role.ENDED})
_ANY_ROOM = 2**31


class Containers(Reading):
    """The part of a search that follows containers."""

    # ---- along with the containers it was in -------------------------------------------------------------------------

    def _board(self, lives: Sequence[Life]) -> None:
        """Find the containers these things were in, and ride along while they were inside."""
        asks = [list(ends_asked(life)) for life in lives]
        wanted = list(dict.fromkeys(ask for of_life in asks for ask in of_life))
        ends: dict[int, list[Row]] = {}
        if wanted:
            self.answer.statements += 1
            ends = in_order(self.reader.first_ends(wanted))
        for life, of_life in zip(lives, asks, strict=True):
            for stay, since in entries_of(life, stays_of(life.rows, ends_among(ends, of_life), alone=life.alone)):
                until = min(stay.until, life.until)
                if since < until and life.after < until:
                    self.answer.edges[Edge(life.item, stay.parent, since[1], EdgeKind.CARRIED)] = None
                    self._mention(stay.parent)
                    self._ride(stay.parent, max(since, life.after), until)

    def _ride(self, container: int, after: Position, until: Position) -> None:
        """Ride along, where nothing did before: what a container goes through is looked at once."""
        new = add_span(self.ridden.setdefault(container, []), after, until)
        self.rides += [Span(container, low, high) for low, high in new]

    def _read_rides(self) -> list[Life]:
        """Read the containers of all new rides in one statement, note their movements: their own lives meanwhile.

        A container's life is read from the packing before the ride on: it may itself be in another one, and a container
        is one thing, in one place at a time.
        """
        self._learn_kinds(ride.container for ride in self.rides)
        rides = united((r.container, r.after, r.until) for r in self.rides if not self._is_terminal(r.container))
        self.rides = [Span(*ride) for ride in rides]
        if not self.rides:
            return []
        starts = self._packed_before(self.rides)
        batch, found = self._read_some(
            self.rides, lambda some: united([(ride.container, starts[ride], ride.until) for ride in some])
        )
        self.rides = self.rides[len(batch) :]
        rows = by_item(found)
        holds = by_item(row for row in found if row.role in _HOLDS)
        lives = []
        for ride in batch:
            inner = between(rows.get(ride.container, []), ride.after, ride.until)
            self._note(row for row in inner if row.role in MOVEMENT_ROLES or row.role in ENDS_STAYS)
            before = between(holds.get(ride.container, []), just_before(starts[ride]), ride.after)
            lives.append(Life(ride.container, [*before, *inner], True, FIRST, ride.after, ride.until))
        return lives

    def _packed_before(self, rides: Sequence[Span]) -> dict[Span, Position]:
        """{ride: where its container was last packed before it, or where it begins}."""
        self.answer.statements += 1
        asked = list(dict.fromkeys((ride.container, ride.after) for ride in rides))
        packed = in_order(self.reader.last_packings(asked))
        starts = {}
        for ride in rides:
            rows = packed.get(ride.container, [])
            before = bisect_left(rows, ride.after, key=at)
            starts[ride] = rows[before - 1].at if before else ride.after
        return starts

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
        self._learn_kinds(span.container for span in ready)
        ready = [span for span in ready if self._is_alone(span.container)]
        self._read_again({span.container for span in ready} & self.bounds.keys() - self.rows.keys())
        first_packed = self._first_packed(ready)
        self._learn_kinds(child for _, child in first_packed)

        def ranges_of(spans: Sequence[Span]) -> list[Range]:
            some = set(spans)
            return united((child, since, span.until) for (span, child), since in first_packed.items() if span in some)

        opened, found = self._read_some(ready, ranges_of) if ready else ([], [])
        self.openings = waiting + ready[len(opened) :]
        self._take_contents(set(opened), first_packed, by_item(found))

    def _read_again(self, items: Collection[int]) -> None:
        """After a pause: the rows of containers that were read before it. They take no room, so that some is left."""
        ranges = [(item, FIRST, self.bounds[item] if self.back else self.at) for item in items]
        room, has_read = self.room, self.has_read
        found = by_item(self._read(ranges, _ANY_ROOM))
        self.room, self.has_read = room, has_read
        self.rows |= {item: found.get(item, []) for item in items}

    def _first_packed(self, spans: Sequence[Span]) -> dict[tuple[Span, int], Position]:
        """{(span, child): when it was first packed of those times that count for the span}."""
        parents: dict[int, tuple[list[Row], list[Row]]] = {}
        packings: list[tuple[Span, Row]] = []
        for span in spans:
            if span.container not in parents:
                rows = self.rows.get(span.container, [])
                parents[span.container] = (
                    [row for row in rows if row.role == Role.PARENT],
                    [row for row in rows if row.role in ENDS_STAYS],
                )
            packed, ends = parents[span.container]
            last = bisect_right(ends, span.after, key=at)
            emptied = ends[last - 1].at if last else FIRST
            packings += [(span, row) for row in between(packed, emptied, just_before(span.until))]
        links = self._links(row.event for _, row in packings)
        found: dict[tuple[Span, int], Position] = {}
        for span, row in packings:
            for link in links[row.event]:
                if link.role == Role.PACKED and link.peer == span.container != link.item:
                    key = (span, link.item)
                    found[key] = min(found.get(key, row.at), row.at)
        return found

    def _take_contents(
        self,
        spans: Collection[Span],
        first_packed: Mapping[tuple[Span, int], Position],
        rows: Mapping[int, Sequence[Row]],
    ) -> None:
        """From containers to what was packed into them and was inside at some moment of the span."""
        ends = {
            span.container: [row for row in self.rows.get(span.container, ()) if row.role in ENDS_STAYS]
            for span in spans
        }
        for (span, child), since in first_packed.items():
            if span not in spans:
                continue
            own = between(rows.get(child, []), just_before(since), span.until)
            packings = ((row.peer, row.at, span.until) for row in own if row.role == Role.PACKED)
            asks = [(parent, after, until) for parent, after, until in packings if parent == span.container]
            for stay in stays_of(own, ends_among(ends, asks), alone=self._is_alone(child)):
                if stay.parent == span.container and stay.since < span.until and span.after < stay.until:
                    self._take_content(span, child, stay)

    def _take_content(self, span: Span, child: int, stay: Stay) -> None:
        until = min(stay.until, span.until)
        self.answer.edges[Edge(child, span.container, stay.since[1], EdgeKind.CARRIED)] = None
        self._want(child, until if self.back else stay.since)
        self._open(Span(child, max(span.after, stay.since), until))
