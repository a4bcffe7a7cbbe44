"""The due-diligence pack of a lot: one click, one file."""

from flask import Blueprint, Response, request
from flask.typing import ResponseReturnValue

from schemas.records import LotQuery
from trace.domain.permissions import Permission
from trace.web.access import from_replica, may
from trace.web.evidence import ZIP_TYPE, evidence_of
from trace.web.site.forms import load

blueprint = Blueprint("evidence", __name__, url_prefix="/evidence")


@blueprint.get("")
@may(Permission.GOODS_RECEIVE)
@from_replica
def pack() -> ResponseReturnValue:
    """尽职免责证据包 / Everything there is about a lot of one's own, with hashes."""
    lot = load(LotQuery(), request.args.to_dict())["lot"]
    answer = Response(evidence_of(lot), mimetype=ZIP_TYPE)
    answer.headers["Content-Disposition"] = 'attachment; filename="due-diligence.zip"'
    return answer
