"""The station: photograph or scan what arrives, receive it, see what is in stock. The pharmacy receives here too."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services.alerts import page_of_alerts
from trace.services.blocks import blocked_among, own_block
from trace.services.delivery import expected
from trace.services.papers import due
from trace.services.rapid_tests import running_clocks
from trace.services.recall_views import urgent_notices
from trace.services.receipts import get_receipt, list_receipts
from trace.services.repeating import recent_suppliers
from trace.services.temperature_logs import logs_of_receipt
from trace.services.undoing import seconds_to_undo
from trace.web.access import from_replica, may, watched
from trace.web.site.delivery_lines import common_findings
from trace.web.site.forms import MANY_CODES_IN_ADDRESS, texts_of
from trace.web.uploads import kept_object, scan_uploads

blueprint = Blueprint("station", __name__, url_prefix="/station")
ON_TOP = ("recall_notice", "rapid_test_failed")  # alerts that stand on top of the page while there is something to do
ALERTED_FOR = timedelta(days=3)  # what is older stands with the inspector's alerts and in the lists


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
def page() -> ResponseReturnValue:
    """收货台 / What is expected today, the camera, the last records."""
    deliveries = _by_sender(expected(g.session, actor=g.actor))
    senders = [sender["id"] for sender in deliveries]
    return render_template(
        "station.html",
        known=recent_suppliers(g.session, actor=g.actor, now=g.now),
        deliveries=deliveries,
        blocked=blocked_among(g.session, senders, on=g.now.date()),
        own_block=own_block(g.session, actor=g.actor, on=g.now.date()),
        receipts=list_receipts(g.session, actor=g.actor, limit=10),
        due=len(due(g.session, actor=g.actor, day=g.now.date())),
        safety={
            "notices": urgent_notices(g.session, actor=g.actor, now=g.now),
            "tests": running_clocks(g.session, actor=g.actor, now=g.now),
        },
        alerts=page_of_alerts(g.session, actor=g.actor, now=g.now, limit=5, since=g.now - ALERTED_FOR, but=ON_TOP),
        now=g.now,
    )


def _by_sender(entries: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    senders: dict[str, dict[str, Any]] = {}
    for entry in entries:
        sender = senders.setdefault(entry["sender"]["id"], {**entry["sender"], "entries": []})
        sender["entries"].append(entry)
    return list(senders.values())


@blueprint.post("/scan")
@may(Permission.PHOTO_SCAN)
def scan() -> ResponseReturnValue:
    """识别 / Read the photos and typed codes, then go on to the form they fill."""
    codes = texts_of("codes", MANY_CODES_IN_ADDRESS)
    photos = any(file.filename for file in request.files.getlist("photo"))
    if not photos and not codes:
        raise Invalid(N_("Take a photo of the goods, or type the code on them."), field="photo")
    scans = [done["id"] for done in scan_uploads()] if photos else []
    return redirect(url_for("receiving.delivery", scan=scans, code=codes), 303)


@blueprint.get("/receipts/<string:public_id>")
@may(Permission.GOODS_READ)
@watched
@from_replica
def receipt(public_id: str) -> ResponseReturnValue:
    """进货查验记录 / One record."""
    found = get_receipt(g.session, actor=g.actor, public_id=public_id, now=g.now)
    undo = seconds_to_undo(g.session, actor=g.actor, receipt_id=public_id, now=g.now)
    common = common_findings(found["lines"])
    logs = logs_of_receipt(g.session, actor=g.actor, receipt_id=public_id)
    return render_template("receipt.html", receipt=found, undo=undo, common=common, logs=logs)


@blueprint.get("/photos/<string:sha256>")
@may(Permission.GOODS_READ)
@watched
def photo(sha256: str) -> Response:
    """照片 / A photo or paper that one may see."""
    return kept_object(sha256)
