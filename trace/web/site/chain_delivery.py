"""Headquarters splits a supplier's delivery: a line a product, a field a shop, one button."""

import re
import uuid
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import MANY_LINES, LineRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.parties import PHARMACIES
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services.chain import overview
from trace.services.chain_delivery import ForShop, SplitLine, split_delivery
from trace.services.commands import Command
from trace.services.products import list_products
from trace.web.access import may
from trace.web.delivery_form import line_of
from trace.web.site.acceptance_lines import drug_name, on_file, suppliers_here
from trace.web.site.forms import load, text_of, texts_of

blueprint = Blueprint("chain_delivery", __name__, url_prefix="/chain/delivery")
MANY_PACKS = 2_000  # codes of one line for one shop
MANY_PRODUCTS = 2_000
_FIELD = re.compile(
    r"^lines-(\d{1,3})-(product|lot_number|produced_on|expires_on|celsius|price|report|decision|reason|no_code_reason|"
    r"new_identifiers)$"
)
_PART = re.compile(r"^(amount|codes)-(\d{1,3})-([0-9a-z]{26})$")
_AT = re.compile(r"^parts\.(\d+)(?:\.lines\.(\d+))?(?:\.(.+))?$")
_CHOSEN = ("decision", "no_code_reason")  # always sent: there is a choice in each line
_OF_LINE = ("lot_number", "produced_on", "expires_on", "celsius", "price", "decision", "reason", "no_code_reason")


@blueprint.get("")
@may(Permission.CHAIN_MANAGE)
def page() -> ResponseReturnValue:
    """统一收货 / What came, and how much of it is for which shop."""
    return _show([{}])


@blueprint.post("")
@may(Permission.CHAIN_MANAGE)
def post_delivery() -> ResponseReturnValue:
    """统一收货 / One more line, or record the delivery for all shops."""
    lines = _lines()
    if text_of("action", 10) == "add":
        return _show([*lines, {}])
    lines = [line for line in lines if _is_written(line)]
    try:
        done = _receive(lines)
    except Failure as failure:
        g.session.rollback()
        return _show(lines, failure), status_of(failure)
    return redirect(url_for("chain_delivery.page", received=len(done["receipts"])), 303)


def _lines() -> list[dict[str, Any]]:
    """The lines as typed, in their order, each with `parts`: {shop: {amount, codes}}."""
    found: dict[int, dict[str, Any]] = {}
    for name in request.form:
        if match := _FIELD.match(name):
            value = request.form.getlist(name)[:50] if match[2] == "new_identifiers" else text_of(name, 300)
            found.setdefault(int(match[1]), {"parts": {}})[match[2]] = value
        elif match := _PART.match(name):
            value = texts_of(name, MANY_PACKS) if match[1] == "codes" else text_of(name, 24)
            if value:
                line = found.setdefault(int(match[2]), {"parts": {}})
                line["parts"].setdefault(match[3], {})[match[1]] = value
    if len(found) > MANY_LINES:
        raise Invalid(N_("A delivery has at most {most} lines."), field="lines", most=MANY_LINES)
    return [found[number] for number in sorted(found)]


def _is_written(line: dict[str, Any]) -> bool:
    """Whether anything was typed in a line; one that was left empty is none, and is not shown again."""
    return any(value for name, value in line.items() if name not in _CHOSEN)


def _receive(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Record what was typed. A failure names the shop and the line."""
    supplier, note = text_of("supplier", 26), text_of("delivery_note", 80)
    from_whom = on_file(supplier)
    asked = {"supplier": supplier, "delivery_note": note, "lines": lines}
    command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=asked)
    splits = [_split(line, number) for number, line in enumerate(lines)]
    try:
        return split_delivery(g.session, command, supplier=from_whom, lines=splits, delivery_note=note)
    except Failure as failure:
        _name_place(failure, splits)
        raise


def _split(line: dict[str, Any], number: int) -> SplitLine:
    try:
        common = {name: line[name] for name in _OF_LINE if line.get(name)}
        common |= {"product": _product(line.get("product", "")), "new_identifiers": line.get("new_identifiers", [])}
        checked = load(LineRequest(), common)
        parts = []
        for shop, part in line["parts"].items():
            one = load(LineRequest(), {**part})
            parts.append(ForShop(shop, one["amount"], tuple(one["codes"])))
    except Failure as failure:
        failure.field = f"lines.{number}.{failure.field}"
        raise
    return SplitLine(line_of(checked), tuple(parts), line.get("report", ""))


def _product(text: str) -> str:
    """The public id of the product that was typed as it is offered, or by its own name; raises `Invalid`."""
    cards = _products()
    fitting = [card for card in cards if drug_name(card) == text] or [card for card in cards if card["name"] == text]
    if len(fitting) != 1:
        sentence = N_("Choose one product of the file: {count} are called {name}.")
        raise Invalid(sentence, field="product", count=len(fitting), name=text[:60])
    return str(fitting[0]["id"])


def _products() -> list[dict[str, Any]]:
    category = Category.DRUG if g.actor.organisation_kind in PHARMACIES else None
    return list_products(g.session, actor=g.actor, category=category, limit=MANY_PRODUCTS)


def _name_place(failure: Failure, splits: list[SplitLine]) -> None:
    """`parts.<shop>.lines.<line>.<field>` as `lines.<line of the form>.<field>`, and which shop it is, in `details`."""
    match = _AT.match(failure.field or "")
    if match is None:
        return
    shops = list(dict.fromkeys(part.shop for split in splits for part in split.parts))
    shop = shops[int(match[1])]
    failure.details = {**(failure.details or {}), "shop": shop}
    if match[2] is not None:
        of_shop = [n for n, split in enumerate(splits) if any(part.shop == shop for part in split.parts)]
        failure.field = ".".join(filter(None, ("lines", str(of_shop[int(match[2])]), match[3])))


def _show(lines: list[dict[str, Any]], problem: Failure | None = None) -> str:
    details = (problem.details or {}) if problem else {}
    shops = overview(g.session, actor=g.actor, now=g.now)
    return render_template(
        "chain_delivery.html",
        lines=lines or [{}],
        shops=shops,
        suppliers=suppliers_here(),
        products=[drug_name(card) for card in _products()],
        drugs=g.actor.organisation_kind in PHARMACIES,
        client_key=text_of("client_key", 120) or str(uuid.uuid4()),
        today=g.now.date(),
        received=request.args.get("received", type=int),
        problem=sentence(problem) if problem else None,
        field=(problem.field or "") if problem else "",
        at_fault=next((shop["name"] for shop in shops if shop["id"] == details.get("shop")), ""),
        unknown=details.get("new_identifiers", []),
    )
