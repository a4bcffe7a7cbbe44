"""API: organisations, licences, people, keys, products, and who am I."""

from typing import Any

from flask import g

from schemas.requests import (
    DiscontinuedRequest,
    KeyRequest,
    LicenceRequest,
    OrganisationRequest,
    PersonRequest,
    PlaceRequest,
    ProductRequest,
    SearchQuery,
)
from trace.domain.permissions import GRANTS, Permission
from trace.services import keys, organisations, people, products
from trace.web.access import from_replica, may, watched
from trace.web.api.arguments import Blueprint

blueprint = Blueprint("api_people", __name__, description="Organisations, people, keys, products")


@blueprint.get("/me")
@blueprint.response(200)
@may(Permission.SELF_READ)
def get_me() -> dict[str, Any]:
    """我是谁 / Who the caller is and may do."""
    actor = g.actor
    return {
        "name": actor.name,
        "organisation": actor.organisation_name,
        "kind": actor.organisation_kind,
        "role": actor.role.value,
        "region": actor.region,
        "permissions": sorted(permission.value for permission in GRANTS[actor.role]),
    }


@blueprint.get("/organisations")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200)
@may(Permission.ORGANISATION_READ)
@from_replica
def get_organisations(query: dict[str, Any]) -> Any:
    """单位列表 / Organisations by name."""
    return {"organisations": organisations.list_organisations(g.session, actor=g.actor, **query)}


@blueprint.post("/organisations")
@blueprint.arguments(OrganisationRequest)
@blueprint.response(201)
@may(Permission.ORGANISATION_MANAGE)
def post_organisation(payload: dict[str, Any]) -> Any:
    """登记单位 / Register an organisation."""
    return organisations.create_organisation(g.session, now=g.now, **payload)


@blueprint.get("/organisations/<string:public_id>")
@blueprint.response(200)
@may(Permission.ORGANISATION_READ)
@watched
@from_replica
def get_organisation(public_id: str) -> Any:
    """单位信息 / One organisation's card; an inspector's look is written down."""
    return organisations.get_organisation(g.session, actor=g.actor, public_id=public_id, now=g.now)


@blueprint.post("/licences")
@blueprint.arguments(LicenceRequest)
@blueprint.response(201)
@may(Permission.PERSON_MANAGE)
def post_licence(payload: dict[str, Any]) -> Any:
    """登记证照 / Put a licence on one's own file."""
    return organisations.add_licence(g.session, actor=g.actor, **payload)


@blueprint.get("/places")
@blueprint.response(200)
@may(Permission.SELF_READ)
@from_replica
def get_places() -> Any:
    """场所 / The places of one's own organisation; things happen at the first one unless another is named."""
    return {"places": organisations.list_places(g.session, actor=g.actor)}


@blueprint.post("/places")
@blueprint.arguments(PlaceRequest)
@blueprint.response(201)
@may(Permission.PERSON_MANAGE)
def post_place(payload: dict[str, Any]) -> Any:
    """新增场所 / A further place of one's own organisation."""
    return organisations.add_place(g.session, actor=g.actor, **payload)


@blueprint.get("/people")
@blueprint.response(200)
@may(Permission.PERSON_MANAGE)
def get_people() -> Any:
    """人员 / The people of one's own organisation."""
    return {"people": people.list_people(g.session, actor=g.actor)}


@blueprint.post("/people")
@blueprint.arguments(PersonRequest)
@blueprint.response(201)
@may(Permission.PERSON_MANAGE)
def post_person(payload: dict[str, Any]) -> Any:
    """新增人员 / Give a colleague an account."""
    target = payload.pop("organisation")
    return people.create_colleague(g.session, actor=g.actor, now=g.now, organisation_public_id=target, **payload)


@blueprint.delete("/people/<string:public_id>")
@blueprint.response(204)
@may(Permission.PERSON_MANAGE)
def delete_person(public_id: str) -> None:
    """停用人员 / End a colleague's account (nothing is erased)."""
    people.deactivate_person(g.session, actor=g.actor, public_id=public_id)


@blueprint.get("/keys")
@blueprint.response(200)
@may(Permission.KEY_MANAGE)
def get_keys() -> Any:
    """接口密钥 / The API keys of one's own organisation, without their secrets."""
    return {"keys": keys.list_keys(g.session, actor=g.actor)}


@blueprint.post("/keys")
@blueprint.arguments(KeyRequest)
@blueprint.response(201)
@may(Permission.KEY_MANAGE)
def post_key(payload: dict[str, Any]) -> Any:
    """新密钥 / A new API key; shown this once."""
    text = keys.issue_key(g.session, organisation_id=g.actor.organisation, by=g.actor, now=g.now, **payload)
    return {"key": text}


@blueprint.delete("/keys/<string:prefix>")
@blueprint.response(204)
@may(Permission.KEY_MANAGE)
def delete_key(prefix: str) -> None:
    """吊销密钥 / Revoke a key."""
    keys.revoke_key(g.session, actor=g.actor, prefix=prefix, now=g.now)


@blueprint.get("/products")
@blueprint.arguments(SearchQuery, location="query")
@blueprint.response(200)
@may(Permission.PRODUCT_READ)
@from_replica
def get_products(query: dict[str, Any]) -> Any:
    """商品档案 / The product file."""
    return {"products": products.list_products(g.session, actor=g.actor, **query)}


@blueprint.post("/products")
@blueprint.arguments(ProductRequest)
@blueprint.response(201)
@may(Permission.PRODUCT_MANAGE)
def post_product(payload: dict[str, Any]) -> Any:
    """登记商品 / Put a product into the file."""
    return products.register_product(g.session, actor=g.actor, now=g.now, **payload)


@blueprint.put("/products/<string:public_id>/discontinued")
@blueprint.arguments(DiscontinuedRequest)
@blueprint.response(200)
@may(Permission.PRODUCT_MANAGE)
def put_discontinued(payload: dict[str, Any], public_id: str) -> Any:
    """停产停售 / Say that a product one registered is made no more, or is again: it is proposed to nobody."""
    return products.discontinue_product(g.session, actor=g.actor, public_id=public_id, on=payload["on"])
