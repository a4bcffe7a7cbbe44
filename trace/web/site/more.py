"""Everything else a role may do, as tiles: the desks of every day stand in the bar above."""

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from trace.domain.failures import N_
from trace.domain.permissions import Permission, may
from trace.web.access import may as needs

blueprint = Blueprint("more", __name__, url_prefix="/more")

# (endpoint of the page, its name, what one does there, the permission), in the order of a day: sell, look after, prove
TILES = (
    ("counter.page", N_("Sell"), N_("Sales by lot or by product, without a till."), Permission.GOODS_MOVE),
    (
        "counter.preparing",
        N_("Split, mix, re-pack"),
        N_("Lots in stock become new lots that keep their sources."),
        Permission.GOODS_MOVE,
    ),
    ("balance.page", N_("Mass balance"), N_("What came, and where all of it is."), Permission.GOODS_RECEIVE),
    (
        "recalls.page",
        N_("Holds and recalls"),
        N_("One switch a lot, with everything made of it; notices to answer."),
        Permission.RECALL_READ,
    ),
    ("rapid.page", N_("Rapid tests"), N_("Record a test; the clock of the re-test."), Permission.RECALL_READ),
    (
        "papers.page",
        N_("Papers"),
        N_("Certificates and reports: photo, fields, lots, what is left, what ends."),
        Permission.CERTIFICATE_READ,
    ),
    (
        "commitment.issue",
        N_("Issue a certificate"),
        N_("承诺达标合格证: choose the goods, sign, print it."),
        Permission.CERTIFICATE_ISSUE,
    ),
    (
        "suppliers.page",
        N_("Suppliers"),
        N_("Files, licences, first-delivery check, standing."),
        Permission.SUPPLIER_READ,
    ),
    (
        "records.page",
        N_("Purchase inspection records"),
        N_("By day, supplier, product: to print and to hand out."),
        Permission.GOODS_READ,
    ),
    (
        "checks.page",
        N_("Self-checks"),
        N_("Daily, weekly, monthly: filled from the records, signed with one tap."),
        Permission.CHECK_SIGN,
    ),
    ("imports.page", N_("Bring in tables"), N_("Deliveries or products from Excel or CSV."), Permission.GOODS_RECEIVE),
    (
        "blocks.page",
        N_("Blocked businesses"),
        N_("Who may deliver nowhere; block and lift."),
        Permission.BUSINESS_BLOCK,
    ),
    (
        "rules.page",
        N_("Rules"),
        N_("What the law and this house ask for, since when, by which source."),
        Permission.RULE_READ,
    ),
    ("scan.page", N_("Read codes"), N_("Every code in a photo, outlined and named."), Permission.PHOTO_SCAN),
)

OWN = ("records.page",)  # of one's own business: a watcher comes to another's records from its own page


@blueprint.get("")
@needs(Permission.SELF_READ)
def page() -> ResponseReturnValue:
    """更多 / What else there is to do here."""
    tiles = [
        (endpoint, name, text)
        for endpoint, name, text, permission in TILES
        if may(g.actor, permission) and not (g.actor.watches and endpoint in OWN)
    ]
    return render_template("more.html", tiles=tiles)
