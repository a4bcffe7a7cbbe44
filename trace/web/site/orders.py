"""Purchase orders of a pharmacy (采购订单): what was ordered of whom, a small page."""

import re
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.acceptance import OrderRequest
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.domain.products import Category
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.orders import OrderLine, cancel_order, list_orders, place_order
from trace.services.products import list_products
from trace.web.access import may
from trace.web.site.acceptance_lines import drug_name, find_drug, suppliers_here
from trace.web.site.forms import load, text_of

blueprint = Blueprint("orders", __name__, url_prefix="/orders")
ROWS = 6  # lines that the empty form offers
_FIELD = re.compile(r"^lines-(\d{1,2})-product$")


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """采购订单 / The orders, and a form for a new one."""
    return _show()


@blueprint.post("")
@may(Permission.GOODS_RECEIVE)
def place() -> ResponseReturnValue:
    """登记采购订单 / Record an order."""
    try:
        body = {name: value for name in ("supplier", "number", "ordered_on") if (value := text_of(name, 60))}
        asked = load(OrderRequest(), {**body, "lines": _typed_lines()})
        lines = [OrderLine(**line) for line in asked.pop("lines")]
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=body)
        place_order(g.session, command, supplier_file=asked.pop("supplier"), lines=lines, **asked)
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("orders.page"), 303)


def _typed_lines() -> list[dict[str, Any]]:
    numbers = sorted(int(match[1]) for name in request.form if (match := _FIELD.match(name)))
    lines = []
    for number in numbers:
        named, amount = text_of(f"lines-{number}-product", 300), text_of(f"lines-{number}-amount", 24)
        if named or amount:
            price = text_of(f"lines-{number}-price", 24)
            lines.append({"product": find_drug(named), "amount": amount or None, "price": price or None})
    return lines


@blueprint.post("/<string:public_id>/cancellation")
@may(Permission.GOODS_RECEIVE)
def cancel(public_id: str) -> ResponseReturnValue:
    """取消采购订单 / Take an order back that nothing came of."""
    try:
        cancel_order(g.session, Command(g.actor, g.now), public_id=public_id)
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("orders.page"), 303)


def _show(problem: Failure | None = None) -> str:
    drugs = list_products(g.session, actor=g.actor, category=Category.DRUG, limit=2_000)
    return render_template(
        "orders.html",
        orders=list_orders(g.session, actor=g.actor),
        suppliers=suppliers_here(),
        drugs=[drug_name(card) for card in drugs],
        rows=ROWS,
        typed=request.form,
        today=g.now.date().isoformat(),
        problem=sentence(problem) if problem else None,
        field=problem.field if problem else None,
    )
