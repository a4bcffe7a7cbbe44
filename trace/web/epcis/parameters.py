"""The parameters of an address: those of a query, and none that nobody knows."""

from flask import request

from trace.domain.epcis.query_language import Query, parse_query_string
from trace.domain.failures import N_, Invalid
from trace.web.epcis.negotiation import read_extensions
from trace.web.epcis.paging import PARAMETERS


def check_parameters(*known: str) -> None:
    """Raise `Invalid` for a parameter this address does not have, or one that came twice."""
    for name, values in request.args.lists():
        if name not in known:
            raise Invalid(N_("This address has no parameter {name}."), field=name[:80], name=name[:80])
        if len(values) > 1:
            raise Invalid(N_("The parameter {name} came twice."), field=name, name=name)


def read_query() -> Query:
    """The query that the address puts; raises `Invalid` for a parameter the query language does not have."""
    for name in PARAMETERS:
        if len(request.args.getlist(name)) > 1:
            raise Invalid(N_("The parameter {name} came twice."), field=name, name=name)
    return parse_query_string(dict(request.args.lists()), namespaces=read_extensions())
