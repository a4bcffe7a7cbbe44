"""EPCIS: subscriptions to named queries, which send what is new to a webhook."""

from flask import Response, g

from trace.domain.epcis.translation import EpcFormat
from trace.domain.failures import N_, NotAcceptable
from trace.domain.permissions import Permission
from trace.services.subscriptions import (
    create_subscription,
    delete_subscription,
    get_subscription,
    list_subscriptions,
)
from trace.web.access import may
from trace.web.epcis.answers import at, record_answer, records_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.bodies import read_object
from trace.web.epcis.headers import discovery
from trace.web.epcis.negotiation import read_wishes
from trace.web.epcis.paging import PARAMETERS, add_next, number_of, read_paging
from trace.web.epcis.parameters import check_parameters
from trace.web.parts import parts

blueprint = Resources("subscriptions", __name__)
XML_NAME = "QuerySubscription"
_ALL = "/queries/<string:name>/subscriptions"
_ONE = f"{_ALL}/<string:subscription_id>"


@blueprint.get(_ALL)
@may(Permission.QUERY_MANAGE)
def get_subscriptions(name: str) -> Response:
    """The subscriptions to a query."""
    check_parameters(*PARAMETERS)
    wishes, paging = read_wishes(), read_paging()
    found, mark = list_subscriptions(
        g.session, actor=g.actor, query_name=name, size=paging.size, after=number_of(paging.after)
    )
    return add_next(records_answer(found, wishes, name=XML_NAME), None if mark is None else str(mark))


@blueprint.post(_ALL)
@may(Permission.QUERY_MANAGE)
def post_subscription(name: str) -> Response:
    """Have what is new sent to a webhook, as it comes or by a schedule."""
    check_parameters()
    wishes, body = read_wishes(), read_object()
    if wishes.epc_format not in (EpcFormat.NO_PREFERENCE, EpcFormat.NEVER_TRANSLATES):
        raise NotAcceptable(
            N_("Subscriptions send identifiers as they were captured; {format} is asked for."),
            format=wishes.epc_format.value,
        )
    settings = parts().settings
    made = create_subscription(
        g.session,
        actor=g.actor,
        query_name=name,
        body=body,
        now=g.now,
        zone=settings.timezone,
        private=settings.webhook_private,
    )
    response = record_answer(made, wishes, name=XML_NAME)
    response.status_code = 201
    response.headers["Location"] = at("epcis.queries.get_queries", name, "subscriptions", made["subscriptionID"])
    return response


@blueprint.get(_ONE)
@may(Permission.QUERY_MANAGE)
def get_one_subscription(name: str, subscription_id: str) -> Response:
    """A subscription as it stands; its token is not told."""
    check_parameters()
    found = get_subscription(g.session, actor=g.actor, query_name=name, subscription_id=subscription_id)
    return record_answer(found, read_wishes(), name=XML_NAME)


@blueprint.delete(_ONE)
@may(Permission.QUERY_MANAGE)
def delete_one_subscription(name: str, subscription_id: str) -> Response:
    """End a subscription."""
    check_parameters()
    delete_subscription(g.session, actor=g.actor, query_name=name, subscription_id=subscription_id)
    return Response(status=204)


@blueprint.route(_ALL, methods=["OPTIONS"])
@may(Permission.QUERY_MANAGE)
def discover_subscriptions(name: str) -> Response:
    """What the list takes."""
    read_wishes()
    list_subscriptions(g.session, actor=g.actor, query_name=name, size=1, after=None)
    return discovery("GET", "POST")


@blueprint.route(_ONE, methods=["OPTIONS"])
@may(Permission.QUERY_MANAGE)
def discover_subscription(name: str, subscription_id: str) -> Response:
    """What a subscription takes, and up to when its receiver has been told."""
    read_wishes()
    found = get_subscription(g.session, actor=g.actor, query_name=name, subscription_id=subscription_id)
    response = discovery("GET", "DELETE")
    response.headers["GS1-Query-Min-Record-Time"] = found["minRecordTime"]
    return response
