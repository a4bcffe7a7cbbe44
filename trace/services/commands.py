"""What every command has: who, when, where, the client's key; and the goods that its texts name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Actor
from trace.services.capture import check_time
from trace.services.lots import NewLot, amount_of, item_uri, units_of
from trace.services.making import Goods, Stamp, stamp
from trace.services.once import once


@dataclass(frozen=True, slots=True)
class Batch:
    """A new lot with its amount, and the codes of its single packs if it has them."""

    lot: NewLot
    amount: Decimal
    unit: str | None = None  # the product's own unit where none is given
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """Some of a lot, or one instance: the text that names it, and the amount (lots only)."""

    code: str
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Command:
    """Who does it, when it is recorded, when and where it happened, and the client's key against doubling."""

    actor: Actor
    now: datetime
    client_key: str | None = None
    happened_at: datetime | None = None
    place: str | None = None  # the URI of one of the organisation's own places; its first one where none is named
    request: dict[str, Any] = field(default_factory=dict)  # as it came, to recognise a repetition

    @property
    def day(self) -> date:
        """The day it happened on, in the shop's local time (`now` carries it), whatever offset a machine sends."""
        return (self.happened_at or self.now).astimezone(self.now.tzinfo).date()


def run_once(session: Session, command: Command, action: str, act: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run a command at most once for its client key (`trace.services.once`); raises `Invalid` for one of tomorrow.

    The time comes first: what is judged as of a wrong day is judged wrongly ("it expired").
    """
    if command.happened_at is not None:
        check_time(command.happened_at, command.now, field="happened_at")
    return once(
        session,
        actor=command.actor,
        client_key=command.client_key,
        action=action,
        request=command.request,
        act=act,
        now=command.now,
    )


def stamp_of(session: Session, command: Command) -> Stamp:
    """The stamp of a command's events (`trace.services.making.stamp`)."""
    return stamp(
        session,
        actor=command.actor,
        now=command.now,
        client_key=command.client_key,
        happened_at=command.happened_at,
        at=command.place,
    )


def goods_of(
    session: Session, wanted: Sequence[Some], field_name: str, *, named: Callable[..., str] = item_uri
) -> list[Goods]:
    """The things the texts name, each once, with the unit of their lot's product; raises `Invalid`.

    `named` is what a text may name: goods (`item_uri`), or also what else goes into a container (`content_uri`).
    """
    if not wanted:
        raise Invalid(N_("Name at least one lot or pack."), field=field_name)
    uris = [named(some.code, field=f"{field_name}.{n}.code") for n, some in enumerate(wanted)]
    if len(set(uris)) != len(uris):
        raise Invalid(
            N_("The same lot or pack is named twice; name it once with the whole quantity."), field=field_name
        )
    units = units_of(session, uris)
    return [
        Goods(uri, amount_of(some.amount, uri, field=f"{field_name}.{n}.amount"), units.get(uri))
        for n, (uri, some) in enumerate(zip(uris, wanted, strict=True))
    ]
