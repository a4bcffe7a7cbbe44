"""An inspector's way past the events of others: by the organisations of the region, each event told once, in order.

An index of all events is the shortest way where most of them are the region's. Where many in a row are not, each of its
organisations is asked for its next one (two descents), and those whose next come first for some more.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select, union_all
from sqlalchemy.orm import Session

from storage.event_routes import RECORD_TIME, Route, Ways
from storage.parties import taken_part
from storage.tables import event, event_party, organisation
from trace.domain.permissions import region_prefix

# Organisations, and rows, of one piece: to put a statement of so many ranges together takes longer than to read them.
HEADS = 16
PATIENCE = 250  # rows that were not the region's before its organisations are counted
Place = tuple[int, int]
# (route, place, rows) -> the next rows of the route behind the place
ReadPiece = Callable[[Route, Any, int], list[Any]]


@dataclass(slots=True)
class RegionWalk:
    """When to leave a route for the region's organisations, and what they lead to.

    `in_vain`: rows of the route since then that led to nothing. The organisations are asked once as much was read in
    vain as it costs to ask them, so that no answer costs more than twice its shorter way.
    """

    session: Session
    ways: Ways
    order: str
    descending: bool
    in_vain: int = 0
    _organisations: int | None = None
    _doublings: int = 0

    def is_due(self) -> bool:
        """Whether enough was read in vain."""
        if self.in_vain < PATIENCE:
            return False
        if self._organisations is None:
            self._organisations = self.session.execute(select(func.count()).where(self._is_inside())).scalar_one()
        return self.in_vain >= max(PATIENCE, self.cost) << self._doublings

    @property
    def cost(self) -> int:
        """Descents into indices that a look takes."""
        return 2 * (self._organisations or 0)

    def rows(self, place: Place | None, read: ReadPiece) -> tuple[list[Any], bool]:
        """(the next rows behind a place that the region sees, whether there are no more).

        May be empty where there are more: where the next of more organisations than are told are of one moment.
        """
        self.in_vain = 0
        heads = self.session.execute(self._heads(place)).all()
        if not heads:
            return [], True
        rows = read(self._route([head.id for head in heads]), place, HEADS)
        is_last = len(heads) < HEADS and len(rows) < HEADS
        if len(heads) == HEADS:
            # Of the last one's moment on, organisations that are not among them may have some, too.
            end = heads[-1].time
            rows = [row for row in rows if (row.time > end if self.descending else row.time < end)]
        self._doublings = 0 if 2 * sum(row.passes for row in rows) > len(rows) else self._doublings + 1
        return rows, is_last

    def _is_inside(self) -> Any:
        return organisation.c.region.startswith(region_prefix(self.ways.viewer.region))

    def _route(self, organisations: Sequence[int]) -> Route:
        c = taken_part.c
        time = c.recorded if self.order == RECORD_TIME else c.time
        return Route("region", self.order, time, c.event, c.organisation, organisations, is_own=True)

    def _heads(self, place: Place | None) -> Select[Any]:
        """(id, time) of the organisations whose next events come first, in that order."""
        by_record = self.order == RECORD_TIME
        captured = event.c.record_time if by_record else event.c.event_time
        named = event_party.c.recorded if by_record else event_party.c.time
        ranges = (
            Route("", self.order, captured, event.c.id, event.c.captured_by),
            Route("", self.order, named, event_party.c.event, event_party.c.organisation),
        )
        window, down = self.ways.window, self.descending
        nexts = [
            select(organisation.c.id, one.next_of(organisation.c.id, window, place, descending=down)).where(
                self._is_inside()
            )
            for one in ranges
        ]
        each = union_all(*nexts).subquery("nexts")
        first = func.max(each.c.time) if self.descending else func.min(each.c.time)
        return (
            select(each.c.id, first.label("time"))
            .where(each.c.time.is_not(None))
            .group_by(each.c.id)
            .order_by(first.desc() if self.descending else first.asc())
            .limit(HEADS)
        )
