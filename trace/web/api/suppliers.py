"""API: the files of suppliers, and businesses that a regulator blocked."""

from typing import Any

from flask import g

from schemas.suppliers import (
    BlockRequest,
    FirstCheckRequest,
    LiftRequest,
    NewSupplierRequest,
    ReasonQuery,
    SupplierChangeRequest,
    SupplierLicenceRequest,
)
from trace.domain.permissions import Permission
from trace.services import blocks, suppliers
from trace.services.supplier_list import get_supplier, list_suppliers
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of
from trace.web.device import device

blueprint = Blueprint("api_suppliers", __name__, description="Suppliers, blocked businesses")


@blueprint.get("/suppliers")
@blueprint.response(200)
@may(Permission.SUPPLIER_READ)
@from_replica
def get_suppliers() -> Any:
    """供货者档案列表 / The files of one's suppliers."""
    return {"suppliers": list_suppliers(g.session, actor=g.actor, now=g.now)}


@blueprint.post("/suppliers")
@blueprint.arguments(NewSupplierRequest)
@blueprint.response(201)
@may(Permission.SUPPLIER_MANAGE)
def post_supplier(payload: dict[str, Any]) -> Any:
    """建立供货者档案 / Open a supplier's file."""
    command = command_of(payload)
    payload["organisation_id"] = payload.pop("organisation")
    return suppliers.open_file(g.session, command, **payload, device=device())


@blueprint.get("/suppliers/<string:public_id>")
@blueprint.arguments(ReasonQuery, location="query")
@blueprint.response(200)
@may(Permission.SUPPLIER_READ)
@watched
@from_replica
def get_one_supplier(query: dict[str, Any], public_id: str) -> Any:
    """供货者档案 / One supplier's file; an inspector's look is written down."""
    return get_supplier(g.session, actor=g.actor, public_id=public_id, now=g.now, reason=query["reason"])


@blueprint.post("/suppliers/<string:public_id>/changes")
@blueprint.arguments(SupplierChangeRequest)
@blueprint.response(200)
@may(Permission.SUPPLIER_MANAGE)
def post_change(payload: dict[str, Any], public_id: str) -> Any:
    """更改供货者档案 / Change a supplier's file; what stood there is kept."""
    command = command_of(payload)
    reason, override = payload.pop("reason"), payload.pop("override_reason")
    return suppliers.change_file(
        g.session,
        command,
        public_id=public_id,
        changes=payload,
        reason=reason,
        override_reason=override,
        device=device(),
    )


@blueprint.post("/suppliers/<string:public_id>/licences")
@blueprint.arguments(SupplierLicenceRequest)
@blueprint.response(201)
@may(Permission.SUPPLIER_MANAGE)
def post_licence(payload: dict[str, Any], public_id: str) -> Any:
    """登记供货者证照 / Put a licence into a supplier's file."""
    command = command_of(payload)
    return suppliers.file_licence(g.session, command, public_id=public_id, **payload, device=device())


@blueprint.post("/suppliers/<string:public_id>/check")
@blueprint.arguments(FirstCheckRequest)
@blueprint.response(200)
@may(Permission.SUPPLIER_MANAGE)
def post_check(payload: dict[str, Any], public_id: str) -> Any:
    """首次进货查验 / What was looked at before the first delivery."""
    command = command_of(payload)
    return suppliers.record_first_check(g.session, command, public_id=public_id, **payload, device=device())


@blueprint.get("/blocks")
@blueprint.response(200)
@may(Permission.SUPPLIER_READ)
def get_blocks() -> Any:
    """受限单位列表 / Businesses that a regulator blocked."""
    return {"blocks": blocks.list_blocks(g.session, actor=g.actor)}


@blueprint.post("/blocks")
@blueprint.arguments(BlockRequest)
@blueprint.response(201)
@may(Permission.BUSINESS_BLOCK)
def post_block(payload: dict[str, Any]) -> Any:
    """限制单位 / Block a business in every shop."""
    command = command_of(payload)
    payload["organisation_id"] = payload.pop("organisation")
    return blocks.block_business(g.session, command, **payload)


@blueprint.post("/blocks/<string:public_id>/lift")
@blueprint.arguments(LiftRequest)
@blueprint.response(200)
@may(Permission.BUSINESS_BLOCK)
def post_lift(payload: dict[str, Any], public_id: str) -> Any:
    """解除限制 / End a block, with a reason."""
    return blocks.lift_block(g.session, command_of(payload), public_id=public_id, **payload)
