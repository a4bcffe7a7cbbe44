"""API: photos in, codes out."""

from typing import Any

from flask import Response, g, request

from schemas.requests import MANY_PHOTOS, CodeQuery
from trace.domain.codes import parse_code
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services.readings import describe_code
from trace.services.scans import PDF, get_scan
from trace.web.access import may, watched
from trace.web.api.arguments import Blueprint
from trace.web.uploads import drawn_scan, keep_upload, kept_object, scan_uploads

blueprint = Blueprint("api_photos", __name__, description="Photos and codes")
BYTES = {"type": "string", "format": "binary"}
PHOTOS = {"type": "array", "items": BYTES, "minItems": 1, "maxItems": MANY_PHOTOS}


def form_with(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    """The description of a form with one field of files."""
    schema = {"type": "object", "required": [name], "properties": {name: shape}}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


@blueprint.post("/scans")
@blueprint.doc(requestBody=form_with("photo", PHOTOS))
@blueprint.response(201)
@may(Permission.PHOTO_SCAN)
def post_scans() -> Any:
    """识别照片 / Read every barcode in one or more photos (form field `photo`)."""
    return {"scans": scan_uploads()}


@blueprint.get("/scans/<string:public_id>")
@blueprint.response(200)
@may(Permission.PHOTO_SCAN)
def get_one_scan(public_id: str) -> Any:
    """一次识别 / One of one's own scans: what was read where, which codes are on one box, what is doubtful."""
    return get_scan(g.session, actor=g.actor, public_id=public_id)


@blueprint.get("/scans/<string:public_id>/picture")
@blueprint.response(200, BYTES, content_type="image/jpeg")
@may(Permission.PHOTO_SCAN)
def get_numbered_picture(public_id: str) -> Response:
    """带编号的照片 / The photo of one of one's own scans, every code outlined with its number, doubtful ones dashed."""
    return drawn_scan(public_id)


@blueprint.get("/codes")
@blueprint.arguments(CodeQuery, location="query")
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
def get_code(query: dict[str, Any]) -> Any:
    """这是什么码 / What a scanned or typed text is."""
    return describe_code(g.session, g.actor, parse_code(query["text"], symbology=query["symbology"]))


@blueprint.post("/objects")
@blueprint.doc(requestBody=form_with("file", BYTES))
@blueprint.response(201)
@may(Permission.PHOTO_SCAN)
def post_object() -> Any:
    """上传证明文件 / Keep the photo or PDF of a paper (form field `file`); a certificate names it by its SHA-256."""
    file = request.files.get("file")
    if file is None:
        raise Invalid(N_("Send a photo or PDF in the form field file."), field="file")
    return keep_upload(file)


@blueprint.get("/objects/<string:sha256>")
@blueprint.response(200, BYTES, content_type="image/jpeg")
@blueprint.alt_response(200, schema=BYTES, content_type=PDF, success=True)
@may(Permission.GOODS_READ)
@watched
def get_picture(sha256: str) -> Response:
    """照片 / A picture or paper: one's own, or of a record one may see (a watcher's look is written down)."""
    return kept_object(sha256)
