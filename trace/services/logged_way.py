"""What the loggers of a delivery say, where it is received on the plain form: on its lines, and with its record."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage.tables import receipt, temperature_log
from trace.domain.acceptance import WayLog, check_way
from trace.domain.drugs import Storage
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.domain.rules.book import Rules
from trace.services.arrivals import Line
from trace.services.commands import Command
from trace.services.products import products_by_id
from trace.services.rulebook import rules_on
from trace.services.temperature_logs import get_log, sensor_elements

_FOOD = "GB 31605-2020"  # cold food on its way; what the rule book cites is of drugs


def cold_range(card: Mapping[str, Any], rules: Rules) -> tuple[int, int] | None:
    """What a product (of `products_by_id`) may have had on its way, in hundredths of a degree; None: it is not cold."""
    if card["celsius"] is not None:
        low, high = card["celsius"]
        return int(low * 100), int(high * 100)
    if card["category"] == Category.DRUG and card["storage"] == Storage.COLD:
        usual = rules.value("temperature.drug_cold")
        return int(Decimal(usual["low"]) * 100), int(Decimal(usual["high"]) * 100)
    return None


def narrowest(session: Session, command: Command, *, products: Iterable[str]) -> tuple[int, int] | None:
    """The range by which a log of these products (public ids) is judged; None where none of them is kept cold."""
    rules = rules_on(session, command.day, command.actor.organisation)
    cards = products_by_id(session, products).values()
    ranges = [found for card in cards if (found := cold_range(card, rules)) is not None]
    return (max(low for low, _ in ranges), min(high for _, high in ranges)) if ranges else None


def with_logs(session: Session, command: Command, *, lines: Sequence[Line], logs: Sequence[str]) -> list[Line]:
    """The lines of a delivery; those of cold goods with what the loggers (public ids of their logs) say of the way.

    Raises `NotFound` for a log of somebody else. A line that names a lot or container and no product is as it was.
    """
    if not logs:
        return list(lines)
    told = [get_log(session, actor=command.actor, public_id=public_id) for public_id in logs]
    way = tuple(element for log in told for element in sensor_elements(log))
    ways = [WayLog(int(log["coldest"] * 100), int(log["warmest"] * 100), log["inside"]) for log in told]
    rules = rules_on(session, command.day, command.actor.organisation)
    cards = products_by_id(session, [line.product for line in lines if line.product])
    made = []
    for line in lines:
        card = cards.get(line.product or "")
        allowed = cold_range(card, rules) if card is not None else None
        if card is None or allowed is None:
            made.append(line)
            continue
        found = check_way(ways, allowed, rules)
        if card["category"] != Category.DRUG:
            found = [replace(finding, source=_FOOD) for finding in found]
        made.append(replace(line, way=way, told=(*line.told, *found)))
    return made


def tie_logs(session: Session, actor: Actor, *, logs: Sequence[str], receipt_id: str) -> None:
    """The logs (public ids) are those of this receipt of the actor's organisation; one that has its own keeps it."""
    mine = (receipt.c.public_id == receipt_id) & (receipt.c.organisation == actor.organisation)
    number = select(receipt.c.id).where(mine).scalar_subquery()
    own = (temperature_log.c.organisation == actor.organisation) & temperature_log.c.public_id.in_(logs)
    loose = own & temperature_log.c.receipt.is_(None) & temperature_log.c.acceptance.is_(None)
    session.execute(update(temperature_log).where(loose).values(receipt=number))
