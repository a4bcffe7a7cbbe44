"""API: photos in, codes out."""

from typing import Any

from flask import Response, g
from flask_smorest import Blueprint

from schemas.requests import CodeQuery
from trace.domain.codes import parse_code
from trace.domain.permissions import Permission
from trace.services.scans import describe_code, get_object
from trace.web.access import may
from trace.web.parts import parts
from trace.web.uploads import scan_uploads

blueprint = Blueprint("api_photos", __name__, description="Photos and codes")
PHOTO_BODY = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["photo"],
                "properties": {"photo": {"type": "array", "items": {"type": "string", "format": "binary"}}},
            }
        }
    },
}


@blueprint.post("/scans")
@blueprint.doc(requestBody=PHOTO_BODY)
@blueprint.response(201)
@may(Permission.PHOTO_SCAN)
def post_scans() -> Any:
    """识别照片 / Read every barcode in one or more photos (form field `photo`)."""
    return {"scans": scan_uploads()}


@blueprint.get("/codes")
@blueprint.arguments(CodeQuery, location="query")
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
def get_code(query: dict[str, Any]) -> Any:
    """这是什么码 / What a scanned or typed text is."""
    return describe_code(g.session, g.actor, parse_code(query["text"], symbology=query["symbology"]))


@blueprint.get("/objects/<string:sha256>")
@blueprint.response(200)
@may(Permission.GOODS_READ)
def get_picture(sha256: str) -> Response:
    """照片 / A picture or paper of one's own organisation."""
    data, media_type = get_object(g.session, actor=g.actor, objects=parts().objects, sha256=sha256)
    return Response(data, mimetype=media_type, headers={"Content-Disposition": "inline", "Cache-Control": "private"})
