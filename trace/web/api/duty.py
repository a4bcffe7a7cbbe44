"""API: pharmacists on duty, their registrations, the prescriptions they reviewed."""

import hashlib
from dataclasses import replace
from typing import Any

from flask import g

from schemas.duty import DutyEndRequest, DutyRequest, RegistrationRequest, ReviewRequest, ReviewsQuery
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services.duty import end_duty, on_duty, remote_on_duty, take_duty
from trace.services.pharmacists import file_pharmacist, list_pharmacists
from trace.services.prescriptions import list_reviews, review
from trace.web.access import may
from trace.web.api.arguments import FILE_FORM, Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device
from trace.web.uploads import keep_prescription_photo, prescription_photo

blueprint = Blueprint("api_duty", __name__, description="Pharmacists on duty, and the prescriptions they review")


@blueprint.get("/duty")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_duty() -> Any:
    """药师在岗 / The pharmacists on duty now; `remote`: those at headquarters who review for this shop."""
    own = g.actor.organisation
    return {
        "on_duty": on_duty(g.session, organisation=own, at=g.now),
        "remote": remote_on_duty(g.session, shop=own, at=g.now),
    }


@blueprint.post("/duty")
@blueprint.arguments(DutyRequest)
@blueprint.response(201)
@may(Permission.DUTY_TAKE)
def post_duty(payload: dict[str, Any]) -> Any:
    """上岗 / Go on duty; a key names the colleague who signed in to its program."""
    asked = {"until": payload["until"], "person_id": payload["person"], "remote": payload["remote"]}
    return take_duty(g.session, command_of(payload), **asked)


@blueprint.post("/duty/end")
@blueprint.arguments(DutyEndRequest)
@blueprint.response(201)
@may(Permission.DUTY_TAKE)
def post_duty_end(payload: dict[str, Any]) -> Any:
    """离岗 / Go off duty."""
    return end_duty(g.session, command_of(payload), person_id=payload["person"])


@blueprint.get("/pharmacists")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_pharmacists() -> Any:
    """执业药师 / The own pharmacists and their registrations."""
    return {"pharmacists": list_pharmacists(g.session, actor=g.actor)}


@blueprint.post("/pharmacists")
@blueprint.arguments(RegistrationRequest)
@blueprint.response(201)
@may(Permission.PERSON_MANAGE)
def post_pharmacist(payload: dict[str, Any]) -> Any:
    """执业药师注册 / Put a pharmacist's registration on file, or say it anew."""
    command = command_of(payload)
    return file_pharmacist(g.session, command, person_id=payload.pop("person"), **payload, device=device())


@blueprint.post("/prescriptions")
@blueprint.arguments(ReviewRequest)
@blueprint.response(201)
@may(Permission.DUTY_TAKE)
def post_prescription(payload: dict[str, Any]) -> Any:
    """处方审核 / A pharmacist on duty reviewed a prescription; a key names who."""
    return review(g.session, command_of(payload), **payload)


@blueprint.post("/prescriptions/<string:public_id>/image")
@blueprint.doc(requestBody=FILE_FORM)
@blueprint.response(201)
@may(Permission.DUTY_TAKE)
def post_prescription_image(public_id: str) -> Any:
    """处方图像 / The photo (form field `file`) of a prescription reviewed here, sealed, where a setting asks for it."""
    photo = prescription_photo("file")
    if photo is None:
        raise Invalid(N_("Send the photo of the prescription in the form field file."), field="file")
    asked = {"prescription": public_id, "file": hashlib.sha256(photo.file.read()).hexdigest()}
    keep_prescription_photo(replace(command_of({}), request=asked), public_id, photo)
    return {"id": public_id}


@blueprint.get("/prescriptions")
@blueprint.arguments(ReviewsQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_prescriptions(query: dict[str, Any]) -> Any:
    """处方审核记录 / The own reviews since a moment, newest first, 100 at most."""
    return {"prescriptions": list_reviews(g.session, actor=g.actor, since=query["since"])}
