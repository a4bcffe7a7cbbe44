"""Reading codes: drop or take a photo, see every code outlined and named. Whoever may scan may; nothing is received."""

from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.requests import MANY_SCANS
from trace.domain.permissions import Permission, may
from trace.services.issued_certificates import verify_address
from trace.services.scans import get_scan
from trace.web.access import may as only
from trace.web.uploads import drawn_scan, scan_uploads

blueprint = Blueprint("scan", __name__, url_prefix="/scan")


@blueprint.get("")
@only(Permission.PHOTO_SCAN)
def page() -> ResponseReturnValue:
    """识码 / A place to drop a photo on."""
    return render_template("scan.html", scan=None)


@blueprint.post("")
@only(Permission.PHOTO_SCAN)
def post_photos() -> ResponseReturnValue:
    """识码 / Read the photos or scans, then show what the first gave."""
    ids = [done["id"] for done in scan_uploads()]
    return redirect(url_for("scan.result", public_id=ids[0], all=ids if len(ids) > 1 else None), 303)


@blueprint.get("/<string:public_id>")
@only(Permission.PHOTO_SCAN)
def result(public_id: str) -> ResponseReturnValue:
    """识别结果 / One photo or page with its codes; `all` names those that came with it."""
    scan = get_scan(g.session, actor=g.actor, public_id=public_id)
    together = [one[:26] for one in request.args.getlist("all")][:MANY_SCANS]
    return render_template(
        "scan.html",
        scan=scan,
        boxes=_boxes(scan),
        certificates=_certificates(scan),
        nameless=[reading for reading in scan["readings"] if not reading["code"]],
        together=together if public_id in together else [public_id],
        may_receive=may(g.actor, Permission.GOODS_RECEIVE),
        may_trace=may(g.actor, Permission.LOT_TRACE),
    )


def _certificates(scan: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """{number of a reading: what the certificate that it opens says of itself and of the lots in the photo}."""
    lots = [box["lot_uri"] for box in scan["boxes"] if box["lot_uri"]]
    found = {one["number"]: verify_address(g.session, one["text"], lots=lots) for one in scan["readings"]}
    return {number: card for number, card in found.items() if card}


def _boxes(scan: dict[str, Any]) -> list[dict[str, Any]]:
    """The boxes with their readings, by the first number on each."""
    numbered = {reading["number"]: reading for reading in scan["readings"]}
    return [{**box, "readings": [numbered[number] for number in box["numbers"]]} for box in scan["boxes"]]


@blueprint.get("/<string:public_id>/picture")
@only(Permission.PHOTO_SCAN)
def picture(public_id: str) -> Response:
    """带编号的照片 / The photo with every code outlined and numbered, to keep or to send."""
    return drawn_scan(public_id)
