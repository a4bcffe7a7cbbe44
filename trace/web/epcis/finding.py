"""Asking for events, page by page, wherever the query comes from: the address, a resource, a name."""

from flask import Response, g

from trace.domain.epcis.query_language import Query
from trace.services.event_queries import find_events
from trace.web.epcis.answers import events_answer
from trace.web.epcis.negotiation import read_wishes
from trace.web.epcis.paging import add_next, read_paging


def find_and_answer(query: Query, *, query_name: str | None = None) -> Response:
    """A page of the events that a query finds among those one may see, and the link to the next."""
    wishes, paging = read_wishes(), read_paging()
    page = find_events(g.session, actor=g.actor, query=query, page_size=paging.size, token=paging.after, now=g.now)
    return add_next(events_answer(page.documents, wishes, query_name=query_name), page.next_token)
