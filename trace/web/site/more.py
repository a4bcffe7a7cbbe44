"""Everything else a role may do, as tiles: the desks of every day stand in the bar above."""

from collections.abc import Collection
from typing import NamedTuple

from flask import Blueprint, g, render_template
from flask.typing import ResponseReturnValue

from trace.domain.failures import N_
from trace.domain.parties import CHAIN_HEADS, DRUG_TRADE, PHARMACIES, OrganisationKind
from trace.domain.permissions import Permission, may
from trace.web.access import may as needs

blueprint = Blueprint("more", __name__, url_prefix="/more")


EVERYBODY = frozenset(OrganisationKind)


class Tile(NamedTuple):
    """A way to a page: its endpoint, its name, what one does there, the permission, the kinds of business it is for."""

    endpoint: str
    name: str
    text: str
    permission: Permission
    kinds: Collection[OrganisationKind] = EVERYBODY


# In the order of a day: sell, look after, prove. What is not for everybody stands first in the drug trade.
TILES = (
    Tile(
        "chain.page",
        N_("Shops of the chain"),
        N_("How each stands today; stock by shop; move goods; work in a shop's name."),
        Permission.CHAIN_MANAGE,
        CHAIN_HEADS,
    ),
    Tile("counter.page", N_("Sell"), N_("Sales by lot or by product, without a till."), Permission.GOODS_MOVE),
    Tile(
        "acceptance.page",
        N_("Acceptance"),
        N_("Scan a delivery box by box or by photo, check it, sign it."),
        Permission.GOODS_RECEIVE,
        DRUG_TRADE,
    ),
    Tile(
        "orders.page",
        N_("Orders"),
        N_("What was ordered of whom; deliveries are compared with it."),
        Permission.GOODS_RECEIVE,
        DRUG_TRADE,
    ),
    Tile(
        "climate.page",
        N_("Temperature and humidity"),
        N_("Twice a day for all zones at once; what was out of range, what was done."),
        Permission.CARE_RECORD,
        DRUG_TRADE,
    ),
    Tile(
        "drugs.page",
        N_("Drug file"),
        N_("Drugs, their codes and levels of packing; first-product files; relation files."),
        Permission.PRODUCT_READ,
        DRUG_TRADE,
    ),
    Tile(
        "prices.page",
        N_("Prices"),
        N_("What drugs are sold for, and what they were bought for."),
        Permission.CODE_DISPENSE,
        PHARMACIES,
    ),
    Tile(
        "duty.page",
        N_("Pharmacists on duty"),
        N_("On and off duty with one tap; prescriptions reviewed; registrations."),
        Permission.CODE_DISPENSE,
        PHARMACIES,
    ),
    Tile(
        "window.settings",
        N_("Public window"),
        N_("What everybody sees at the door and on the phone."),
        Permission.WINDOW_MANAGE,
        PHARMACIES,
    ),
    Tile(
        "inspections.page",
        N_("Inspections"),
        N_("Outcomes and grades, as the public sees them."),
        Permission.RECALL_READ,
        PHARMACIES | {OrganisationKind.REGULATOR},
    ),
    Tile(
        "counter.preparing",
        N_("Split, mix, re-pack"),
        N_("Lots in stock become new lots that keep their sources."),
        Permission.GOODS_MOVE,
    ),
    Tile(
        "care.page",
        N_("Stock care"),
        N_("What expires, what is due for a look, what is kept apart."),
        Permission.CARE_RECORD,
        DRUG_TRADE,
    ),
    Tile(
        "stocktaking.page",
        N_("Stock-taking"),
        N_("Scan after scan, several people at once; the difference is signed by two."),
        Permission.CARE_RECORD,
    ),
    Tile(
        "exports.page",
        N_("Exports"),
        N_("Medical insurance, trace platform, partners: what was told, what waits, what was refused."),
        Permission.EXPORT_MANAGE,
        DRUG_TRADE,
    ),
    Tile(
        "jobs.page",
        N_("Work in the background"),
        N_("Subscriptions, exports, imports: what failed and what stopped; try again or give up."),
        Permission.JOB_MANAGE,
    ),
    Tile("balance.page", N_("Mass balance"), N_("What came, and where all of it is."), Permission.GOODS_RECEIVE),
    Tile(
        "recalls.page",
        N_("Holds and recalls"),
        N_("One switch a lot, with everything made of it; notices to answer."),
        Permission.RECALL_READ,
    ),
    Tile(
        "alerts.page",
        N_("Alerts"),
        N_("What is alarming, and what was done about it."),
        Permission.ALERT_READ,
    ),
    Tile("rapid.page", N_("Rapid tests"), N_("Record a test; the clock of the re-test."), Permission.RECALL_READ),
    Tile(
        "papers.page",
        N_("Papers"),
        N_("Certificates and reports: photo, fields, lots, what is left, what ends."),
        Permission.CERTIFICATE_READ,
    ),
    Tile(
        "commitment.issue",
        N_("Issue a certificate"),
        N_("承诺达标合格证: choose the goods, sign, print it."),
        Permission.CERTIFICATE_ISSUE,
    ),
    Tile(
        "suppliers.page",
        N_("Suppliers"),
        N_("Files, licences, first-delivery check, standing."),
        Permission.SUPPLIER_READ,
    ),
    Tile(
        "records.page",
        N_("Purchase inspection records"),
        N_("By day, supplier, product: to print and to hand out."),
        Permission.GOODS_READ,
    ),
    Tile(
        "checks.page",
        N_("Self-checks"),
        N_("Daily, weekly, monthly: filled from the records, signed with one tap."),
        Permission.CHECK_SIGN,
    ),
    Tile(
        "imports.page", N_("Bring in tables"), N_("Deliveries or products from Excel or CSV."), Permission.GOODS_RECEIVE
    ),
    Tile(
        "blocks.page",
        N_("Blocked businesses"),
        N_("Who may deliver nowhere; block and lift."),
        Permission.BUSINESS_BLOCK,
    ),
    Tile(
        "rules.page",
        N_("Rules"),
        N_("What the law and this house ask for, since when, by which source."),
        Permission.RULE_READ,
    ),
    Tile("scan.page", N_("Read codes"), N_("Every code in a photo, outlined and named."), Permission.PHOTO_SCAN),
)

OWN = ("records.page",)  # of one's own business: a watcher comes to another's records from its own page


@blueprint.get("")
@needs(Permission.SELF_READ)
def page() -> ResponseReturnValue:
    """更多 / What else there is to do here."""
    tiles = [
        tile
        for tile in TILES
        if may(g.actor, tile.permission)
        and g.actor.organisation_kind in tile.kinds
        and not (g.actor.watches and tile.endpoint in OWN)
    ]
    trades = g.actor.organisation_kind in DRUG_TRADE
    drugs = [tile for tile in tiles if trades and tile.kinds != EVERYBODY]
    return render_template("more.html", drugs=drugs, tiles=[tile for tile in tiles if tile not in drugs])
