"""Temperature and humidity (温湿度): type the readings of all zones at once, see what is missing or out of range."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.climate import (
    ExcursionRequest,
    ReadingsRequest,
    RecordQuery,
    ZoneChangeRequest,
    ZoneClosingRequest,
    ZoneRequest,
)
from schemas.tables import CSV_TYPE, csv_of
from trace.domain.climate import ZoneKind
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.climate import Typed, answer_excursion, bring_readings, type_readings
from trace.services.climate_record import day_of, missing_of
from trace.services.commands import Command
from trace.services.zones import change_zone, close_zone, list_zones, open_zone
from trace.web.access import from_replica, may, watched
from trace.web.climate_form import bounds_from, record_from, uploaded
from trace.web.climate_table import climate_table
from trace.web.parts import parts
from trace.web.printing import pdf_answer, pdf_page
from trace.web.site.forms import load, text_of

blueprint = Blueprint("climate", __name__, url_prefix="/climate")
_BOUNDS = ("low", "high", "humidity_low", "humidity_high")
_MISSED_DAYS = timedelta(days=7)  # of the past that the page tells


@blueprint.get("")
@may(Permission.CARE_RECORD)
def page() -> ResponseReturnValue:
    """温湿度 / One form for all zones; what is out of range and unanswered on top."""
    return _show()


@blueprint.post("/readings")
@may(Permission.CARE_RECORD)
def post_readings() -> ResponseReturnValue:
    """登记温湿度 / What was read off the thermometers; zones without a temperature are left out."""
    zones = [zone["id"] for zone in list_zones(g.session, actor=g.actor, on=g.now.date())]
    typed: list[dict[str, Any]] = []
    try:
        typed = [_typed(zone) for zone in zones if text_of(f"celsius-{zone}", 24)]
        body = {"readings": typed, **_given("late_reason"), **_read_at()}
        if not typed:
            raise Invalid(N_("Type the temperature of at least one zone."), field="readings")
        asked = load(ReadingsRequest(), body)
        command = replace(_command(body), happened_at=asked.get("happened_at"))
        readings = [Typed(**one) for one in asked["readings"]]
        done = type_readings(g.session, command, readings=readings, late_reason=asked["late_reason"])
    except Failure as failure:
        g.session.rollback()
        return _show(failure, _zone_at(failure, typed)), status_of(failure)
    return redirect(url_for("climate.page", done=done["readings"]), 303)


def _read_at() -> dict[str, str]:
    """When the thermometers were read, where not now: the form's local time with the shop's offset."""
    text = text_of("read_at", 40)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return {"happened_at": text} if text else {}
    return {"happened_at": at.replace(tzinfo=at.tzinfo or g.now.tzinfo).isoformat()}


def _typed(zone: str) -> dict[str, Any]:
    """One zone's fields; a comma is a decimal point, as on the keypads of phones."""
    numbers = {name: text_of(f"{name}-{zone}", 24).replace(",", ".") for name in ("celsius", "humidity")}
    action = text_of(f"action-{zone}", 200)
    return {"zone": zone, "action": action, **{name: number for name, number in numbers.items() if number}}


def _zone_at(failure: Failure, typed: list[dict[str, Any]]) -> str:
    """The zone whose reading is at fault; "" where it is none's."""
    part = (failure.field or "").split(".")
    number = int(part[1]) if len(part) > 1 and part[0] == "readings" and part[1].isdecimal() else -1
    return str(typed[number]["zone"]) if 0 <= number < len(typed) else ""


@blueprint.post("/zones")
@may(Permission.CARE_RECORD)
def post_zone() -> ResponseReturnValue:
    """新建库区 / A new zone."""
    body = _given("name", "kind", "sensor", *_BOUNDS)

    def act(command: Command) -> Any:
        asked = load(ZoneRequest(), body)
        named = {name: asked[name] for name in ("name", "kind", "sensor")}
        return open_zone(g.session, command, bounds=bounds_from(asked), **named)

    return _act(act, body, "")


@blueprint.get("/<string:public_id>")
@may(Permission.GOODS_READ)
@watched
@from_replica
def zone(public_id: str) -> ResponseReturnValue:
    """库区温湿度 / One zone: its curve, its days, what was out of range and what was done."""
    return _show_zone(public_id)


@blueprint.get("/<string:public_id>/table.csv")
@may(Permission.GOODS_READ)
@watched
@from_replica
def table_csv(public_id: str) -> ResponseReturnValue:
    """温湿度记录（CSV） / The record of some days for a spreadsheet."""
    found = _record(public_id)
    name = f"climate-{found['first']}-{found['last']}.csv"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Type": CSV_TYPE}
    return csv_of(climate_table(found, g.now.tzinfo)), headers


@blueprint.get("/<string:public_id>/print.pdf")
@may(Permission.GOODS_READ)
@watched
@from_replica
def printed(public_id: str) -> ResponseReturnValue:
    """温湿度记录表（PDF） / The record of some days, to print and file."""
    found = _record(public_id)
    page = pdf_page("climate.html", zone=found, printed_at=g.now)
    return pdf_answer(page, f"climate-{found['first']}-{found['last']}")


@blueprint.post("/<string:public_id>/readings")
@may(Permission.CARE_RECORD)
def post_file(public_id: str) -> ResponseReturnValue:
    """导入温湿度 / The file of the zone's logger."""

    def act(command: Command) -> Any:
        data = uploaded()
        request_ = {"zone": public_id, "file": hashlib.sha256(data).hexdigest()}
        named = Command(command.actor, command.now, client_key=command.client_key, request=request_)
        return bring_readings(g.session, named, zone=public_id, objects=parts().objects, upload=data)

    return _act(act, {}, public_id)


@blueprint.post("/<string:public_id>/actions")
@may(Permission.CARE_RECORD)
def post_action(public_id: str) -> ResponseReturnValue:
    """超标处理 / What was done about a stay outside the range."""
    body = _given("about", "action")

    def act(command: Command) -> Any:
        asked = load(ExcursionRequest(), body)
        return answer_excursion(g.session, command, zone=public_id, about=asked["about"], action=asked["action"])

    return _act(act, body | {"zone": public_id}, "" if text_of("from", 8) == "page" else public_id)


@blueprint.post("/<string:public_id>/changes")
@may(Permission.CARE_RECORD)
def post_changes(public_id: str) -> ResponseReturnValue:
    """修改库区 / Other bounds or another sensor; or the zone is used no more."""
    closing = text_of("action", 8) == "close"
    body = _given("reason", *(() if closing else ("sensor", *_BOUNDS)))

    def act(command: Command) -> Any:
        if closing:
            asked = load(ZoneClosingRequest(), body)
            return close_zone(g.session, command, public_id=public_id, reason=asked["reason"])
        asked = load(ZoneChangeRequest(), body)
        named = {name: asked[name] for name in ("sensor", "reason")}
        return change_zone(g.session, command, public_id=public_id, bounds=bounds_from(asked), **named)

    return _act(act, body | {"zone": public_id}, "" if closing else public_id)


def _given(*names: str) -> dict[str, Any]:
    """The fields of the form that are not empty."""
    found = {name: text_of(name, 200) for name in names}
    return {name: value.replace(",", ".") if name in _BOUNDS else value for name, value in found.items() if value}


def _command(body: dict[str, Any]) -> Command:
    return Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=body)


def _act(act: Any, body: dict[str, Any], zone_id: str) -> ResponseReturnValue:
    """Do something, then show the page of all zones, or of one."""
    try:
        done = act(_command(body))
    except Failure as failure:
        g.session.rollback()
        shown = _show_zone(zone_id, failure) if zone_id else _show(failure)
        return shown, status_of(failure)
    there = {"public_id": zone_id, "kept": done.get("kept"), "outside": done.get("outside")}
    return redirect(url_for("climate.zone", **there) if zone_id else url_for("climate.page"), 303)


def _show(failure: Failure | None = None, at_fault: str = "") -> str:
    today = g.now.date()
    return render_template(
        "climate.html",
        **day_of(g.session, actor=g.actor, now=g.now),
        now_local=g.now.replace(tzinfo=None).isoformat(timespec="minutes"),
        missed=missing_of(g.session, actor=g.actor, first=today - _MISSED_DAYS, last=today, now=g.now),
        kinds=list(ZoneKind),
        done=request.args.get("done", ""),
        at_fault=at_fault,
        problem=sentence(failure) if failure else None,
    )


def _show_zone(public_id: str, failure: Failure | None = None) -> str:
    return render_template(
        "climate_zone.html",
        zone=_record(public_id),
        shop=request.args.get("shop", "")[:26],
        kept=request.args.get("kept", "")[:8],
        outside=request.args.get("outside", "")[:8],
        problem=sentence(failure) if failure else None,
    )


def _record(public_id: str) -> dict[str, Any]:
    names = ("first", "last", "shop")
    asked = load(RecordQuery(), {name: request.args[name] for name in names if request.args.get(name)})
    return record_from(public_id, asked["first"], asked["last"], asked["shop"])
