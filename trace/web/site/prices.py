"""What drugs are sold for: one page, those without a price on top, all saved at once."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.counter import PricesRequest
from trace.domain.failures import Failure
from trace.domain.permissions import Permission
from trace.domain.permissions import may as allows
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.prices import Priced, list_prices, set_prices
from trace.web.access import may
from trace.web.site.forms import load, text_of

blueprint = Blueprint("prices", __name__, url_prefix="/pharmacy/prices")
SHOWN = 300


@blueprint.get("")
@may(Permission.CODE_DISPENSE)
def page() -> ResponseReturnValue:
    """零售价 / What the shop's drugs are sold for."""
    return _show()


@blueprint.post("")
@may(Permission.PRICE_SET)
def post_prices() -> ResponseReturnValue:
    """设定零售价 / Keep the prices that were typed; what is left empty stays as it is."""
    pairs = zip(request.form.getlist("product")[:SHOWN], request.form.getlist("price")[:SHOWN], strict=False)
    typed = {product[:26]: price.strip()[:24] for product, price in pairs if price.strip()}
    body = {"prices": [{"product": product, "price": price} for product, price in typed.items()]}
    try:
        asked = load(PricesRequest(), body)
        command = Command(g.actor, g.now, text_of("client_key", 120) or None, request=body)
        set_prices(g.session, command, prices=[Priced(**price) for price in asked["prices"]])
    except Failure as failure:
        g.session.rollback()
        return _show(failure, typed), status_of(failure)
    return redirect(url_for("prices.page", text=text_of("text", 60) or None), 303)


def _show(problem: Failure | None = None, typed: dict[str, str] | None = None) -> str:
    text = (request.values.get("text") or "").strip()[:60]
    return render_template(
        "prices.html",
        prices=list_prices(g.session, actor=g.actor, text=text, limit=SHOWN),
        text=text,
        typed=typed or {},
        may_set=allows(g.actor, Permission.PRICE_SET),
        problem=sentence(problem) if problem else None,
    )
