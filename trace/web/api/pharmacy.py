"""API: dispensing."""

from typing import Any

from flask import g

from schemas.requests import CodesRequest, DispenseRequest
from trace.domain.permissions import Permission
from trace.services.alerts import list_alerts
from trace.services.dispensing import dispense, take_back_packs
from trace.web.access import may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of, some_of

blueprint = Blueprint("api_pharmacy", __name__, description="Dispensing: one code, one sale")


@blueprint.post("/dispensings")
@blueprint.arguments(DispenseRequest)
@blueprint.response(201)
@may(Permission.CODE_DISPENSE)
def post_dispensing(payload: dict[str, Any]) -> Any:
    """售药 / Dispense packs by their trace codes; old packs without codes by lot and quantity."""
    command = command_of(payload)
    goods = some_of(payload.pop("goods"))
    return dispense(g.session, command, goods=goods, **payload)


@blueprint.post("/dispensings/returns")
@blueprint.arguments(CodesRequest)
@blueprint.response(201)
@may(Permission.CODE_DISPENSE)
def post_dispensing_return(payload: dict[str, Any]) -> Any:
    """药品退回 / Take dispensed packs back."""
    command = command_of(payload)
    return take_back_packs(g.session, command, **payload)


@blueprint.get("/alerts")
@blueprint.response(200)
@may(Permission.ALERT_READ)
@watched
def get_alerts() -> Any:
    """预警 / Alerts of one's own organisation, or of the region."""
    return {"alerts": list_alerts(g.session, actor=g.actor, now=g.now)}
