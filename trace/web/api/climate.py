"""API: zones, their temperature and humidity; the logs of cold deliveries."""

import hashlib
from typing import Any

from flask import g, request

from schemas.climate import (
    DayQuery,
    ExcursionRequest,
    LogQuery,
    ReadingsRequest,
    RecordQuery,
    ZoneChangeRequest,
    ZoneClosingRequest,
    ZoneRequest,
)
from trace.domain.permissions import Permission
from trace.services.climate import Typed, answer_excursion, bring_readings, type_readings
from trace.services.climate_record import day_of
from trace.services.commands import Command
from trace.services.temperature_logs import file_log, get_log
from trace.services.zones import change_zone, close_zone, list_zones, open_zone
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import FILE_FORM, Blueprint
from trace.web.api.commands import command_of
from trace.web.climate_form import bounds_from, record_from, uploaded
from trace.web.parts import parts

blueprint = Blueprint("api_climate", __name__, description="Zones, temperature and humidity")


@blueprint.get("/zones")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_zones() -> Any:
    """库区 / The zones, their bounds, and the topics of their sensors."""
    return {"zones": list_zones(g.session, actor=g.actor, on=g.now.date())}


@blueprint.post("/zones")
@blueprint.arguments(ZoneRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_zone(payload: dict[str, Any]) -> Any:
    """新建库区 / A new zone."""
    named = {name: payload[name] for name in ("name", "kind", "sensor")}
    return open_zone(g.session, command_of(payload), bounds=bounds_from(payload), **named)


@blueprint.post("/zones/<string:public_id>/changes")
@blueprint.arguments(ZoneChangeRequest)
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def post_zone_change(payload: dict[str, Any], public_id: str) -> Any:
    """修改库区 / Other bounds or another sensor, with the reason."""
    named = {name: payload[name] for name in ("sensor", "reason")}
    return change_zone(g.session, command_of(payload), public_id=public_id, bounds=bounds_from(payload), **named)


@blueprint.post("/zones/<string:public_id>/closing")
@blueprint.arguments(ZoneClosingRequest)
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def post_zone_closing(payload: dict[str, Any], public_id: str) -> Any:
    """停用库区 / A zone is used no more."""
    return close_zone(g.session, command_of(payload), public_id=public_id, reason=payload["reason"])


@blueprint.get("/zones/<string:public_id>")
@blueprint.arguments(RecordQuery, location="query")
@blueprint.response(200)
@may(Permission.GOODS_READ)
@watched
@from_replica
def get_zone(query: dict[str, Any], public_id: str) -> Any:
    """温湿度记录 / A zone's record over some days: readings by part of the day, stays outside, the curve."""
    return record_from(public_id, **query)


@blueprint.get("/climate")
@blueprint.arguments(DayQuery, location="query")
@blueprint.response(200)
@may(Permission.CARE_RECORD)
def get_climate(query: dict[str, Any]) -> Any:
    """当日温湿度 / All zones on a day: what is read, what is missing, what nobody answered."""
    return day_of(g.session, actor=g.actor, now=g.now, day=query["day"])


@blueprint.post("/climate/readings")
@blueprint.arguments(ReadingsRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_readings(payload: dict[str, Any]) -> Any:
    """登记温湿度 / What was read off the thermometers."""
    readings = [Typed(**reading) for reading in payload["readings"]]
    return type_readings(g.session, command_of(payload), readings=readings, late_reason=payload["late_reason"])


@blueprint.post("/zones/<string:public_id>/readings")
@blueprint.doc(requestBody=FILE_FORM)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_zone_readings(public_id: str) -> Any:
    """导入温湿度 / The file of a zone's logger (CSV)."""
    data = uploaded()
    command = _command({"zone": public_id, "file": hashlib.sha256(data).hexdigest()})
    return bring_readings(g.session, command, zone=public_id, objects=parts().objects, upload=data)


@blueprint.post("/zones/<string:public_id>/actions")
@blueprint.arguments(ExcursionRequest)
@blueprint.response(201)
@may(Permission.CARE_RECORD)
def post_zone_action(payload: dict[str, Any], public_id: str) -> Any:
    """超标处理 / What was done about a stay outside the range."""
    named = {name: payload[name] for name in ("about", "action")}
    return answer_excursion(g.session, command_of(payload), zone=public_id, **named)


@blueprint.post("/temperature-logs")
@blueprint.arguments(LogQuery, location="query")
@blueprint.doc(requestBody=FILE_FORM)
@blueprint.response(201)
@may(Permission.GOODS_RECEIVE)
def post_temperature_log(query: dict[str, Any]) -> Any:
    """运输温度记录 / A cold delivery's log (CSV), and whether the goods stayed within `low` to `high` °C."""
    data = uploaded()
    command = _command({**request.args.to_dict(), "file": hashlib.sha256(data).hexdigest()})
    low, high = (round(query[end] * 100) for end in ("low", "high"))
    return file_log(
        g.session, command, objects=parts().objects, upload=data, low=low, high=high, acceptance=query["acceptance"]
    )


@blueprint.get("/temperature-logs/<string:public_id>")
@blueprint.response(200)
@may(Permission.GOODS_RECEIVE)
@from_replica
def get_temperature_log(public_id: str) -> Any:
    """温度记录 / One log: its curve, and where it left the range."""
    return get_log(g.session, actor=g.actor, public_id=public_id)


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=command_of({}).client_key, request=body)
