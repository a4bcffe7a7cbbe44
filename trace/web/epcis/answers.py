"""Answers as JSON or XML: events, lists of resources, capture jobs, named queries and subscriptions."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import quote

from flask import Response, g, jsonify, url_for

from schemas.epcis.json_form import write_event, write_query_document
from schemas.epcis.xml_answers import collection_xml, record_xml
from schemas.epcis.xml_writing import write_xml_event, write_xml_query_document
from trace.domain.epcis.document import GS1_CONTEXT
from trace.domain.epcis.translation import translate, translate_element
from trace.services.master_data import master_data_of, named_in
from trace.web.epcis.headers import number
from trace.web.epcis.negotiation import Wishes

Document = Mapping[str, Any]


def events_answer(documents: Sequence[Document], wishes: Wishes, *, query_name: str | None = None) -> Response:
    """Events as an EPCISQueryDocument, in the forms that were asked for, with what the asker's own master data says of
    the places, parties and classes in them."""
    told = [dict(translate(document, wishes.epc_format)) for document in documents]
    master_data = [
        translate_element(element, wishes.epc_format)
        for element in master_data_of(g.session, named_in(documents), actor=g.actor)
    ]
    if wishes.xml:
        body = write_xml_query_document(
            told,
            created=g.now,
            version=wishes.version,
            query_name=query_name,
            cbv=wishes.cbv,
            header={"@context": {k: v for element in master_data for k, v in element.get("@context", {}).items()}},
            master_data=[{k: v for k, v in element.items() if k != "@context"} for element in master_data],
        )
    else:
        body = write_query_document(told, created=g.now, query_name=query_name, master_data=master_data)
    return _answer(body, wishes)


def event_answer(document: Document, wishes: Wishes) -> Response:
    """One event by itself."""
    told = dict(translate(document, wishes.epc_format))
    if wishes.xml:
        return _answer(write_xml_event(told, version=wishes.version, cbv=wishes.cbv), wishes)
    return _answer(write_event(told), wishes)


def collection_answer(members: Iterable[str], wishes: Wishes, *, name: str) -> Response:
    """A list of resources; `name` is that of the schema in GS1's OpenAPI file, which XML has as its element."""
    if wishes.xml:
        return _answer(collection_xml(members, name=name), wishes)
    return json_answer({"@context": GS1_CONTEXT, "type": "Collection", "member": [*members]}, wishes)


def record_answer(record: Mapping[str, Any], wishes: Wishes, *, name: str) -> Response:
    """A named query or a subscription."""
    return _answer(record_xml(name, record), wishes) if wishes.xml else json_answer(record, wishes)


def records_answer(records: Sequence[Mapping[str, Any]], wishes: Wishes, *, name: str) -> Response:
    """A list of them; in XML within an element that ends in List."""
    if wishes.xml:
        return _answer(record_xml(f"{name}List", {name: list(records)}), wishes)
    return json_answer(list(records), wishes)


def xml_answer(body: bytes, wishes: Wishes) -> Response:
    """XML that somebody else wrote."""
    return _answer(body, wishes)


def json_answer(body: Any, wishes: Wishes) -> Response:
    """Anything else as JSON."""
    return _marked(jsonify(body), wishes)


def at(endpoint: str, *steps: str) -> str:
    """The address of something below a list: whatever it is named by is escaped whole, slashes and all."""
    return "/".join([url_for(endpoint).rstrip("/"), *(quote(step, safe="") for step in steps)])


def _answer(body: bytes, wishes: Wishes) -> Response:
    return _marked(Response(body), wishes)


def _marked(response: Response, wishes: Wishes) -> Response:
    response.mimetype = wishes.media_type
    response.headers["GS1-EPCIS-Version"] = number(wishes.version)
    response.headers["GS1-CBV-Version"] = number(wishes.version)
    return response
