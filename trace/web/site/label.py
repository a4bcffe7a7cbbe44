"""Labels to print: what a lot is, in words and as a barcode, at the size of a label printer's paper."""

from flask import Blueprint, g, render_template, request
from flask.typing import ResponseReturnValue

from schemas.requests import LabelPageQuery
from trace.domain.permissions import Permission
from trace.services.labels import label_of_lot
from trace.web.access import may
from trace.web.site.forms import load

ROOM = 29.0  # mm for the barcode on paper of 60 x 40 mm (static/label.css)
blueprint = Blueprint("label", __name__, url_prefix="/station")


@blueprint.get("/label")
@may(Permission.GOODS_MOVE)
def page() -> ResponseReturnValue:
    """标签 / The label of one's own lot, as many times as it is to be printed."""
    asked = load(LabelPageQuery(), request.args.to_dict())
    label = label_of_lot(g.session, actor=g.actor, text=asked["lot"], site=request.url_root, room=ROOM)
    return render_template("label.html", label=label, copies=asked["copies"])
