"""The lines of a delivery on its form: from proposals, from codes and names that come one by one, to products."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

from flask import g

from trace.domain.checks import IdentifierWarning
from trace.domain.codes import CodeKind, parse_code
from trace.domain.failures import Failure
from trace.domain.products import Category
from trace.services.products import list_products, products_by_id, register_product
from trace.services.recognition import propose_lines
from trace.web.site.forms import EMPTY_LINE, new_product
from trace.web.words import price_text

MANY_CHOICES = 8
# What is made, harvested or slaughtered today or yesterday, and carries neither lot number nor expiry date.
FRESH = frozenset(
    {
        Category.PORK,
        Category.BEEF_MUTTON,
        Category.POULTRY,
        Category.VEGETABLE,
        Category.FRUIT,
        Category.EGG,
        Category.FISH,
    }
)


def form_line(line: Mapping[str, Any], *, repeated: bool = False) -> dict[str, Any]:
    """A proposed line as the form shows it; `repeated`: its quantity is that of the last delivery."""
    product = line["product"] or {}
    amount = "" if line["amount"] is None else _number(line["amount"])
    shown = {
        name: value
        for name, value in line.items()
        if name not in ("product", "lot", "amount", "announced", "lots_inside", "in_store")
    }
    return {
        **EMPTY_LINE,
        **shown,
        "product": product.get("id", ""),
        "product_name": product.get("name", ""),
        "category": product.get("category", ""),
        "code": line["lot"] or "",
        "amount": amount,
        "last": amount if repeated else "",
        "price": price_text(line.get("price")),
        "unit": line["unit"] or product.get("unit", ""),
        "new_code": line["new_product_code"] or "",
        "new_unit": "" if product else line["unit"] or "",
        "new_category": Category.DRUG.value if line["codes"] and not product else "",
        "produced_on": "" if line["produced_on"] is None else str(line["produced_on"]),
        "expires_on": "" if line["expires_on"] is None else str(line["expires_on"]),
    }


def _number(amount: Decimal) -> str:
    return f"{amount.normalize():f}"


def product_line(product: Mapping[str, Any]) -> dict[str, Any]:
    """An empty line of a known product."""
    return {
        **EMPTY_LINE,
        "product": product["id"],
        "product_name": product["name"],
        "category": product["category"],
        "unit": product["unit"],
    }


def take_in(form: dict[str, Any], text: str) -> list[dict[str, Any]]:
    """Put what was scanned, or typed as the beginning of a product's name, onto the form: its line, or a new one.

    The answer are the products to choose from where several names begin so. The line that it went to is marked
    `fresh`.
    """
    try:
        recognised = parse_code(text).kind is not CodeKind.UNKNOWN
    except Failure:
        recognised = False
    if recognised:
        proposal = propose_lines(g.session, actor=g.actor, texts=[text], on=g.now.date())
        for line in proposal.lines:
            _put(form, form_line(line))
        form["others"] = proposal.others
        return []
    found = list_products(g.session, actor=g.actor, text=text, limit=50)
    exact = [product for product in found if product["name"] == text]
    begins = exact or [product for product in found if product["name"].startswith(text)] or found
    if len(begins) == 1:
        _put(form, product_line(begins[0]))
    elif not begins:
        _put(form, {**EMPTY_LINE, "new_name": text})
    return begins[:MANY_CHOICES] if len(begins) > 1 else []


def take_product(form: dict[str, Any], public_id: str) -> None:
    """Put a product that was chosen onto the form."""
    product = products_by_id(g.session, [public_id]).get(public_id)
    if product is not None:
        _put(form, product_line(product))


def _put(form: dict[str, Any], line: dict[str, Any]) -> None:
    """A line onto the form; what says the same goods again goes to the line that is there."""
    there = next((one for one in form["lines"] if _same_goods(one, line)), None)
    if there is None:
        form["lines"].append({**line, "fresh": True})
        return
    there["codes"] = list(dict.fromkeys([*there["codes"], *line["codes"]]))
    for name in ("lot_number", "produced_on", "expires_on", "amount"):
        there[name] = there.get(name) or line.get(name) or ""
    there["fresh"] = True


def _same_goods(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether two lines are of one container, one recorded lot, or one product as long as no lot tells them apart."""
    for name in ("container", "code"):
        if one.get(name) or other.get(name):
            return bool(one.get(name) == other.get(name))
    made_of = one.get("product") or one.get("new_code")
    lots = {line.get("lot_number") for line in (one, other) if line.get("lot_number")}
    return bool(made_of) and made_of == (other.get("product") or other.get("new_code")) and len(lots) < 2


def made_on(form: dict[str, Any], which: str, days_ago: str) -> None:
    """Write today or yesterday as the day that a line's goods were made; `all`: of all fresh goods without a day."""
    day = (g.now.date() - timedelta(days=int(days_ago == "1"))).isoformat()
    for number, line in enumerate(form["lines"]):
        chosen = which == str(number)
        if chosen or (which == "all" and is_fresh(line) and not line.get("code") and not line.get("produced_on")):
            line["produced_on"] = day


def is_fresh(line: Mapping[str, Any]) -> bool:
    """Whether the goods of a line are of a kind that carries neither lot number nor expiry date."""
    return (line.get("category") or line.get("new_category") or Category.VEGETABLE) in FRESH


def product_of(line: Mapping[str, Any], number: int) -> str:
    """The product of a line: recognised, named as in the file, or registered now from what the person wrote."""
    if line.get("product") or not line.get("new_name"):
        return str(line.get("product", ""))
    known = find_named(line)
    if known is not None:
        return str(known["id"])
    try:
        asked = new_product(line)
    except Failure as failure:
        failure.field = f"lines.{number}.new_{failure.field}"
        raise
    return str(register_product(g.session, actor=g.actor, now=g.now, **asked)["id"])


def find_named(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """The product of the file that has exactly the name typed; none where an unknown code says that it is another."""
    name = line.get("new_name")
    if not name or line.get("new_code"):
        return None
    named = list_products(g.session, actor=g.actor, text=name, limit=50)
    return next((product for product in named if product["name"] == name), None)


def recognise(lines: Sequence[dict[str, Any]]) -> None:
    """A name typed as it stands in the product file is that product; what is kept cold is told with its range."""
    for line in lines:
        known = find_named(line) if not line.get("product") else None
        if known is not None:
            line.update(product=known["id"], product_name=known["name"], category=known["category"], unit=known["unit"])
    products = products_by_id(g.session, [line["product"] for line in lines if line.get("product")])
    for line in lines:
        product = products.get(line.get("product", ""))
        if product is not None:
            line.update(
                product_name=product["name"],
                category=product["category"],
                celsius_range=product["celsius"],
                shelf_life_days=product["shelf_life_days"],
            )


def doubts_of(label: str) -> Sequence[IdentifierWarning]:
    """What is odd about the code a line came from: typed codes stand in no photo that would tell it."""
    try:
        return parse_code(label).warnings if label else ()
    except Failure:
        return ()


def common_findings(lines: Sequence[Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """What is found of every line that was looked at, as of their supplier: told once, not ten times."""
    known = [line["findings"] for line in lines if line is not None]
    if len(known) < 2:
        return []
    return [finding for finding in known[0] if all(finding in others for others in known[1:])]
