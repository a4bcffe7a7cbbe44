"""The counter of the sunshine pharmacy (阳光药店): scan what is sold, be told of each code, sell it once."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue
from marshmallow import ValidationError

from schemas.counter import CounterRequest
from schemas.fields import Amount
from trace.domain.dispensing import NoCodeReason, Verdict
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.money import line_price
from trace.domain.permissions import Permission
from trace.domain.permissions import may as allows
from trace.errors import sentence, status_of
from trace.services.alerts import page_of_alerts
from trace.services.blocks import blocked_among, own_block
from trace.services.commands import Command, Some
from trace.services.counter import check_codes, find_cards
from trace.services.delivery import expected
from trace.services.dispensing import Part, dispense, take_back_packs
from trace.services.drug_sales import list_sales
from trace.services.prices import Priced
from trace.services.recall_views import urgent_notices
from trace.services.split_packs import list_open_packs
from trace.services.stock_list import list_stock
from trace.web.access import may
from trace.web.duty_strip import duty_strip
from trace.web.site.forms import load, text_of, texts_of
from trace.web.uploads import scan_uploads

blueprint = Blueprint("pharmacy", __name__, url_prefix="/pharmacy")
MANY_PACKS = 200  # of one sale


@blueprint.get("")
@may(Permission.CODE_DISPENSE)
def page() -> ResponseReturnValue:
    """阳光药店 / The counter: scan what is sold, see what is expected, what expires, what is alarming."""
    return _show({})


@blueprint.post("")
@may(Permission.CODE_DISPENSE)
def post_codes() -> ResponseReturnValue:
    """售药或退回 / Look at the scanned packs, dispense them, or take them back."""
    form = _form()
    try:
        if any(file.filename for file in request.files.getlist("photo")):
            read = [reading["text"] for photo in scan_uploads() for reading in photo["readings"] if reading.get("text")]
            form["codes"] = list(dict.fromkeys([*form["codes"], *read]))
            return _show(form, looking=True)
        if form["action"] not in ("dispense", "take_back"):
            return _show(form, looking=True)
        done = _act(form)
    except Failure as failure:
        g.session.rollback()
        return _show(form, problem=failure), status_of(failure)
    return _show({}, done=done)


def _form() -> dict[str, Any]:
    """What is typed and scanned, as it came, within bounds."""
    units = zip(texts_with_blanks("units_of"), texts_with_blanks("units"), strict=False)
    return {
        "action": text_of("action", 20),
        "codes": texts_of("codes", MANY_PACKS),
        "units": {code: count for code, count in units if count},
        "prescription": text_of("prescription", 80),
        "passed_by": text_of("passed_by", 200),
        "lot": text_of("lot", 2_000),
        "amount": text_of("amount", 24),
        "no_code_reason": text_of("no_code_reason", 16),
        "prices": _typed_prices(),
        "client_key": text_of("client_key", 120),
    }


def _typed_prices() -> dict[str, str]:
    """{product's public id: the price that was typed}, of packs and, apart, of the lot that is sold without codes."""
    typed = zip(texts_with_blanks("price_of"), texts_with_blanks("price"), strict=False)
    prices = {product: price[:24] for product, price in typed if product and price}
    lot, price = text_of("lot", 2_000), text_of("loose_price", 24)
    card = find_cards(g.session, [lot]).get(lot) if lot and price else None
    return prices if card is None else {str(card[1]["public_id"]): price, **prices}


def texts_with_blanks(name: str) -> list[str]:
    """The values of a field that stands in every row of a list; an empty one keeps its place."""
    return [value.strip()[:2_000] for value in request.form.getlist(name)[:MANY_PACKS]]


def _act(form: Mapping[str, Any]) -> dict[str, Any]:
    if not form["codes"] and not form["lot"]:
        raise Invalid(N_("Scan at least one pack."), field="codes")
    body = {
        "codes": [code for code in form["codes"] if code not in form["units"]],
        "parts": [{"code": code, "units": form["units"][code]} for code in form["codes"] if code in form["units"]],
        "goods": [{"code": form["lot"], "amount": form["amount"] or None}] if form["lot"] else [],
        "prescription": form["prescription"] or None,
        "passed_by": form["passed_by"],
        "no_code_reason": form["no_code_reason"] or None,
        "prices": [{"product": product, "price": price} for product, price in form["prices"].items()],
        "client_key": form["client_key"],
    }
    payload = load(CounterRequest(), body)
    command = Command(g.actor, g.now, client_key=payload.pop("client_key"), request={**body, "action": form["action"]})
    if form["action"] == "take_back":
        return {"taken_back": form["codes"], **take_back_packs(g.session, command, codes=form["codes"])}
    for name in ("happened_at", "place"):
        payload.pop(name, None)
    payload["goods"] = [Some(**some) for some in payload["goods"]]
    payload["parts"] = [Part(**part) for part in payload["parts"]]
    payload["prices"] = [Priced(**price) for price in payload["prices"]]
    return dispense(g.session, command, **payload)


def _priced(basket: Sequence[Mapping[str, Any]], form: Mapping[str, Any]) -> dict[str, Any]:
    """What the basket costs: {total, unknown, known}; `unknown` are the products that somebody has to price, `known`
    the others, each once."""
    typed, units = form.get("prices", {}), form.get("units", {})
    total, products = Decimal(0), dict[str, Mapping[str, Any]]()
    for entry in basket:
        if entry["verdict"] not in (Verdict.READY, Verdict.OPEN) or entry["product"] is None:
            continue
        products.setdefault(entry["product"]["id"], entry)
        price = _decimal(typed.get(entry["product"]["id"], "")) or entry["price"]
        share = _decimal(units.get(entry["text"], "")) / (entry["product"].get("split_units") or 1)
        # Of an open pack nothing is sold before somebody says how much.
        share = share or Decimal(entry["verdict"] == Verdict.READY)
        total += line_price(price or Decimal(0), share)
    return {
        "total": total,
        "unknown": [entry["product"] for entry in products.values() if entry["price"] is None],
        "known": [entry["product"] for entry in products.values() if entry["price"] is not None],
    }


def _decimal(text: str) -> Decimal:
    """A number that was typed, 0 for what is none: the sale says what is wrong with it."""
    try:
        return Decimal(Amount().deserialize(text) if text else 0)
    except ValidationError:
        return Decimal(0)


def _show(
    form: Mapping[str, Any],
    *,
    done: dict[str, Any] | None = None,
    problem: Failure | None = None,
    looking: bool = False,
) -> str:
    codes: Sequence[str] = form.get("codes", ())
    basket = check_codes(g.session, codes, actor=g.actor, on=g.now.date()) if codes else []
    coming = expected(g.session, actor=g.actor)
    stock = list_stock(g.session, actor=g.actor, category="drug", limit=100)
    return render_template(
        "pharmacy.html",
        done=done,
        problem=sentence(problem) if problem else None,
        form=form,
        codes=codes,
        basket=basket,
        looking=looking,
        priced=_priced(basket, form),
        may_price=allows(g.actor, Permission.PRICE_SET),
        asks_reason=any(entry["earlier"] for entry in basket),
        reasons=[reason.value for reason in NoCodeReason],
        duty=duty_strip(),
        safety={"notices": urgent_notices(g.session, actor=g.actor, now=g.now)},
        now=g.now,
        alerts=page_of_alerts(g.session, actor=g.actor, now=g.now, limit=20, but=("recall_notice",)),
        expected=coming,
        blocked=blocked_among(g.session, [entry["sender"]["id"] for entry in coming], on=g.now.date()),
        own_block=own_block(g.session, actor=g.actor, on=g.now.date()),
        stock=stock,
        loose=[row for row in stock if row["on_hand"] > 0],
        sales=list_sales(g.session, actor=g.actor, now=g.now, limit=5),
        open_packs=[p for p in list_open_packs(g.session, actor=g.actor, today=g.now.date(), limit=20) if p["left"]],
        today=g.now.date(),
    )
