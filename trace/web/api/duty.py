"""API: pharmacists on duty, their registrations, the prescriptions they reviewed."""

from typing import Any

from flask import g

from schemas.duty import DutyEndRequest, DutyRequest, RegistrationRequest, ReviewRequest, ReviewsQuery
from trace.domain.permissions import Permission
from trace.services.duty import end_duty, on_duty, take_duty
from trace.services.pharmacists import file_pharmacist, list_pharmacists
from trace.services.prescriptions import list_reviews, review
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device

blueprint = Blueprint("api_duty", __name__, description="Pharmacists on duty, and the prescriptions they review")


@blueprint.get("/duty")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_duty() -> Any:
    """药师在岗 / The pharmacists on duty now."""
    return {"on_duty": on_duty(g.session, organisation=g.actor.organisation, at=g.now)}


@blueprint.post("/duty")
@blueprint.arguments(DutyRequest)
@blueprint.response(201)
@may(Permission.DUTY_TAKE)
def post_duty(payload: dict[str, Any]) -> Any:
    """上岗 / Go on duty; a key names the colleague who signed in to its program."""
    return take_duty(g.session, command_of(payload), until=payload["until"], person_id=payload["person"])


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


@blueprint.get("/prescriptions")
@blueprint.arguments(ReviewsQuery, location="query")
@blueprint.response(200)
@may(Permission.CODE_DISPENSE)
def get_prescriptions(query: dict[str, Any]) -> Any:
    """处方审核记录 / The own reviews since a moment, newest first, 100 at most."""
    return {"prescriptions": list_reviews(g.session, actor=g.actor, since=query["since"])}
