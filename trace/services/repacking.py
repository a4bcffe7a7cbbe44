"""Split, mix and re-pack in the shop: lots become one new lot, which keeps its sources and the earliest of their dates.

农产品质量安全法 Art. 39: who mixes or re-packs issues a new certificate (`trace.services.commitment`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import Row
from sqlalchemy.orm import Session

from trace.domain.failures import N_, Invalid
from trace.services.commands import Batch, Command, Some, goods_of, run_once
from trace.services.hops import process
from trace.services.lots import NewLot, find_lots, get_product, lots_of
from trace.services.organisations import new_public_id


@dataclass(frozen=True, slots=True)
class Portion:
    """A new lot that is made: so much of a product; the product of what goes in where none is named."""

    amount: Decimal
    product: str | None = None
    number: str = ""


def repack(
    session: Session, command: Command, *, inputs: Sequence[Some], portions: Sequence[Portion]
) -> dict[str, Any]:
    """Make one or more new lots of lots in stock. Answers {events, lots: URIs of the new lots}.

    A new lot ends when the first of its sources ends, and is from where all of them are from. Raises `Invalid` where
    sources are of several products and none is named for the new lot, or of several kinds of goods; `Conflict` for more
    out than in, for what is not on hand, held or expired (`trace.services.hops.process`).
    """

    def act() -> dict[str, Any]:
        rows = _sources(session, command, inputs)
        outputs = [_batch(session, command, rows, portion, number) for number, portion in enumerate(portions)]
        return process(session, _inner(command), inputs=inputs, outputs=outputs)

    if not portions:
        raise Invalid(N_("Say what comes out: at least one new lot."), field="portions")
    return run_once(session, command, "repack", act)


def _inner(command: Command) -> Command:
    """The same command without its key: the whole is done once, not its part again."""
    return Command(command.actor, command.now, happened_at=command.happened_at, place=command.place)


def _sources(session: Session, command: Command, inputs: Sequence[Some]) -> list[Row[Any]]:
    goods = goods_of(session, inputs, "inputs")
    lots = lots_of(session, [good.item for good in goods], seen_by=command.actor.organisation)
    rows = list(find_lots(session, set(lots.values())).values())
    if not rows:
        raise Invalid(N_("None of these lots is recorded here. Read the codes again."), field="inputs")
    if len({row.category for row in rows}) > 1:
        raise Invalid(
            N_("Goods of several kinds ({kinds}) do not become one lot here. Mix one kind at a time."),
            field="inputs",
            kinds=", ".join(sorted({row.category for row in rows})),
        )
    return rows


def _batch(session: Session, command: Command, rows: Sequence[Row[Any]], portion: Portion, number: int) -> Batch:
    products = {row.product_public_id for row in rows}
    if portion.product is None and len(products) > 1:
        raise Invalid(
            N_("Several products go in: name the product that comes out."), field=f"portions.{number}.product"
        )
    chosen = portion.product or products.pop()
    made_of = get_product(session, chosen, field=f"portions.{number}.product")
    if made_of.category != rows[0].category:
        raise Invalid(
            N_("{product} is another kind of goods than what goes in. Choose a product of the same kind."),
            field=f"portions.{number}.product",
            product=made_of.name,
        )
    ends = [row.expires_on for row in rows if row.expires_on]
    regions, origins = (
        {row.origin_region for row in rows},
        list(dict.fromkeys(row.origin for row in rows if row.origin)),
    )
    new = NewLot(
        chosen,
        portion.number.strip() or f"{command.day:%Y%m%d}-{new_public_id()[:6]}",
        command.day,
        min(ends) if ends else None,
        regions.pop() if len(regions) == 1 else None,
        "、".join(origins)[:120],
    )
    return Batch(new, portion.amount)
