"""The mass balance (R6): per product what came, and where all of it is; to look at and as a table."""

from typing import Any

from flask import Blueprint, Response, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext

from schemas.tables import XLSX_TYPE
from schemas.xlsx import xlsx_of
from trace.domain.failures import N_
from trace.domain.permissions import Permission
from trace.domain.tables import Table
from trace.services.balance import WHERE, mass_balance
from trace.web.access import from_replica, may
from trace.web.words import word

blueprint = Blueprint("balance", __name__, url_prefix="/station/balance")
ACCOUNTS = ("came", *WHERE, "difference")
_HEADINGS = {
    "came": N_("came"),
    "on_hand": N_("on hand"),
    "held": N_("held"),
    "sold": N_("sold"),
    "sent": N_("sent"),
    "returned": N_("sent back"),
    "destroyed": N_("destroyed"),
    "used": N_("used"),
    "missing": N_("missing"),
    "difference": N_("difference"),
}


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
@from_replica
def page() -> ResponseReturnValue:
    """物料平衡 / What came of each product, and where all of it is."""
    rows = mass_balance(g.session, actor=g.actor)
    return render_template("balance.html", rows=rows, accounts=[(name, _HEADINGS[name]) for name in ACCOUNTS])


@blueprint.get("/table.xlsx")
@may(Permission.GOODS_RECEIVE)
@from_replica
def table() -> ResponseReturnValue:
    """物料平衡（XLSX） / The same as a workbook."""
    headings = [gettext(text) for text in (N_("Product"), N_("Unit"), *(_HEADINGS[name] for name in ACCOUNTS))]
    rows = [_row(row) for row in mass_balance(g.session, actor=g.actor)]
    answer = Response(xlsx_of(Table(gettext("Mass balance"), headings, rows)), content_type=XLSX_TYPE)
    answer.headers["Content-Disposition"] = f'attachment; filename="balance-{g.now.date()}.xlsx"'
    return answer


def _row(row: dict[str, Any]) -> list[Any]:
    name = row["product"]["name"] if row["product"] else gettext("Not in the product file yet")
    return [name, word(row["unit"]), *(row[account] for account in ACCOUNTS)]
