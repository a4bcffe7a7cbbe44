"""The trace's reader over a list of events in memory: what the tables do, without tables."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from trace.domain.containment import ENDS_STAYS, Position, Row
from trace.domain.events import Event, utc_milliseconds
from trace.domain.genealogy import EventLink
from trace.domain.links import Role, links_of
from trace.domain.uris import UriKind, uri_kind


class MemoryReader:
    """`trace.domain.genealogy.Reader` over {event number: event}."""

    def __init__(self, events: Mapping[int, Event]):
        self.numbers: dict[str, int] = {}
        self._rows: dict[int, list[Row]] = defaultdict(list)
        self._links: dict[int, list[EventLink]] = {}
        self.statements = 0
        wrong = {event.event_id for event in events.values() if event.error_declaration is not None}
        for number, event in events.items():
            lines = [
                (self.number(x.item), x.role, self.number(x.peer) if x.peer else None, x.amount)
                for x in links_of(event)
            ]
            self._links[number] = [EventLink(item, role, peer) for item, role, peer, _ in lines]
            for item, role, peer, amount in lines if event.event_id not in wrong else ():
                micro = None if amount is None else int(amount * 1_000_000)
                self._rows[item].append(Row(item, utc_milliseconds(event.event_time), number, role, peer, micro))
        for rows in self._rows.values():
            rows.sort(key=lambda row: row.at)
        self.uris = {number: uri for uri, number in self.numbers.items()}

    def number(self, uri: str) -> int:
        """The number of a URI."""
        return self.numbers.setdefault(uri, len(self.numbers) + 1)

    def rows(
        self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int], most: int
    ) -> list[Row]:
        """All rows of these ranges."""
        assert len(set(wanted)) == len(wanted)
        self.statements += 1
        found = [row for item, low, high in sorted(wanted) for row in self._rows[item] if low <= row.at <= high]
        return found[:most]

    def count_left_out(self, wanted: Sequence[tuple[int, Position, Position]], *, telling: Collection[int]) -> int:
        """Nothing is."""
        return 0

    def last_packings(self, wanted: Sequence[tuple[int, Position]]) -> list[Row]:
        """The last packing of each before a position."""
        self.statements += 1
        found = [
            [r for r in self._rows[item] if r.role == Role.PACKED and r.at < before and r.peer not in (None, item)]
            for item, before in wanted
        ]
        return [rows[-1] for rows in found if rows]

    def first_ends(self, wanted: Sequence[tuple[int, Position, Position]]) -> list[Row]:
        """The first end of each container in a range."""
        self.statements += 1
        found = [[r for r in self._rows[i] if r.role in ENDS_STAYS and low < r.at <= high] for i, low, high in wanted]
        return [rows[0] for rows in found if rows]

    def links(self, events: Sequence[int]) -> dict[int, Sequence[EventLink]]:
        """The links of each event."""
        self.statements += 1
        return {number: self._links[number] for number in events}

    def kinds(self, items: Sequence[int]) -> dict[int, UriKind]:
        """By the URIs."""
        self.statements += 1
        return {item: uri_kind(self.uris[item]) for item in items}
