"""How services make events: time, place, parties and a stable eventID filled in once, here."""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.tables import organisation, place, supplier
from trace.domain.events import Action, AggregationEvent, BizTransaction, Endpoint, ObjectEvent, Quantity
from trace.domain.failures import N_, Invalid, NotFound
from trace.domain.permissions import Actor
from trace.domain.uris import PRIVATE, UriKind, party_uri, transaction_uri, uri_kind

EVENT_NAMESPACE = uuid.UUID("5c1f0f0e-3f0f-5d5b-9b1e-7a3f5d1c2b64")  # of eventIDs derived from client keys


@dataclass(frozen=True, slots=True)
class Stamp:
    """What every event of one command shares: who, when (event time), and the seed of its eventIDs.

    With a client key the eventIDs are the same at every retry; without one they are random.
    """

    actor: Actor
    time: datetime
    seed: str
    place: str

    def common(self, number: int = 0) -> dict[str, Any]:
        """The fields all event types share; `number` tells the events of one command apart."""
        return {
            "event_time": self.time,
            "event_id": f"urn:uuid:{uuid.uuid5(EVENT_NAMESPACE, f'{self.seed}:{number}')}",
            "read_point": self.place,
            "biz_location": self.place,
        }


def stamp(
    session: Session,
    *,
    actor: Actor,
    now: datetime,
    client_key: str | None,
    happened_at: datetime | None = None,
    at: str | None = None,
) -> Stamp:
    """The stamp of a command; `happened_at` defaults to now, the place `at` (a URI) to the organisation's first one.

    Raises `NotFound` for a place that is not the actor's organisation's own.
    """
    own = select(place.c.uri).where(place.c.organisation == actor.organisation).order_by(place.c.id).limit(1)
    where = session.execute(own if at is None else own.where(place.c.uri == at)).scalar_one_or_none()
    if at is not None and where is None:
        raise NotFound(N_("There is no place {place}. Choose one of your own places."), field="place", place=at)
    seed = f"{actor.organisation}:{client_key}" if client_key else str(uuid.uuid4())
    return Stamp(actor, happened_at or now, seed, where or actor.party_uri)


@dataclass(frozen=True, slots=True)
class Counterpart:
    """The other side of a delivery: on this system (`number`) or not (None); its name and URI as a party."""

    number: int | None
    name: str
    party_uri: str


def find_counterpart(session: Session, *, actor: Actor, public_id: str, field: str) -> Counterpart:
    """The organisation with this public id, or who has a file with it among one's own suppliers.

    Raises `NotFound` if there is neither, `Invalid` if it is the caller.
    """
    named = select(organisation.c.id, organisation.c.name, organisation.c.party_uri)
    row = session.execute(named.where(organisation.c.public_id == public_id)).one_or_none()
    if row is None:
        filed = (supplier.c.public_id == public_id) & (supplier.c.organisation == actor.organisation)
        in_file = session.execute(select(supplier.c.name, supplier.c.partner).where(filed)).one_or_none()
        if in_file is None:
            text = N_("There is no organisation {id}. Look it up in the list of organisations.")
            raise NotFound(text, field=field, id=public_id)
        if in_file.partner is None:
            return Counterpart(None, in_file.name, stranger_uri(actor, in_file.name))
        row = session.execute(named.where(organisation.c.id == in_file.partner)).one()
    if row.id == actor.organisation:
        raise Invalid(N_("Goods go to another organisation, not to yourself ({name})."), field=field, name=row.name)
    return Counterpart(*row)


def stranger_uri(actor: Actor, name: str) -> str:
    """The party URI of somebody who is not on this system: theirs among those who deal with the actor's business."""
    return party_uri(f"{actor.party_uri.removeprefix(PRIVATE)}:{name}")


class Ends(TypedDict):
    """The two fields of an event that name who gives and who takes."""

    sources: tuple[Endpoint, ...]
    destinations: tuple[Endpoint, ...]


def from_to(sender: str, receiver: str) -> Ends:
    """Source and destination of a change of hands: owner and possessor change together here (CBV 2.0 section 7.4)."""
    types = ("owning_party", "possessing_party")
    return {
        "sources": tuple(Endpoint(t, sender) for t in types),
        "destinations": tuple(Endpoint(t, receiver) for t in types),
    }


def papers(kind: str, number: str | None, issuer: str) -> tuple[BizTransaction, ...]:
    """A business document of an issuer as a business transaction, where it has a number."""
    return (BizTransaction(transaction_uri(kind, f"{issuer}:{number}"), kind),) if number else ()


@dataclass(frozen=True, slots=True)
class Goods:
    """Some of a lot (`amount` in `unit`), or one instance (`amount` None), possibly in a container."""

    item: str
    amount: Any = None
    unit: str | None = None
    container: str | None = None


def split(goods: Iterable[Goods]) -> dict[str | None, tuple[tuple[str, ...], tuple[Quantity, ...]]]:
    """Goods by container (None: loose) as EPC list and quantity list."""
    by_container: dict[str | None, tuple[list[str], list[Quantity]]] = {}
    for good in goods:
        epcs, quantities = by_container.setdefault(good.container, ([], []))
        if uri_kind(good.item) is UriKind.LOT:
            quantities.append(Quantity(good.item, good.amount, good.unit))
        else:
            epcs.append(good.item)
    return {container: (tuple(epcs), tuple(quantities)) for container, (epcs, quantities) in by_container.items()}


def seen(
    stamp: Stamp, goods: Iterable[Goods], *, number: int = 0, **fields: Any
) -> list[ObjectEvent | AggregationEvent]:
    """OBSERVE events of goods: one for what is loose, one for each container with what is inside.

    `number` is that of the first event among those of the command.

    A container and its content are seen together (AggregationEvent OBSERVE), so that the content's own history shows
    the movement and stock follows. So are a pallet and the cases on it, which are named among the goods, each with
    the container it is in; what stands as a container in one of these events moves no stock itself
    (`trace.services.capture`).
    """
    events: list[ObjectEvent | AggregationEvent] = []
    for offset, (container, (epcs, quantities)) in enumerate(split(goods).items()):
        common = {**stamp.common(number + offset), **fields}
        if container is None:
            events.append(ObjectEvent(**common, action=Action.OBSERVE, epcs=epcs, quantities=quantities))
        else:
            events.append(
                AggregationEvent(
                    **common, action=Action.OBSERVE, parent=container, child_epcs=epcs, child_quantities=quantities
                )
            )
    return events
