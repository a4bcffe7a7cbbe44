"""Reading what is sent: EPCIS documents as JSON or XML, and the small JSON bodies of queries and subscriptions."""

from typing import Any

from flask import request
from werkzeug.exceptions import RequestEntityTooLarge

from schemas.epcis.document import EpcisDocument
from schemas.epcis.json_form import read_json
from schemas.epcis.xml_reading import read_xml
from trace.domain.failures import N_, Invalid, Unsupported
from trace.web.epcis.negotiation import JSON_TYPES, XML_TYPES, check_sent_version
from trace.web.strict_json import MOST_IN_DOCUMENT, check_values


def read_document() -> EpcisDocument:
    """The events that were sent; raises `Unsupported` (415) for another form, `Invalid` for what is no EPCIS.

    Nothing of it is judged but its form: that is the validator's.
    """
    check_sent_version()
    _check_form(JSON_TYPES + XML_TYPES)
    data = _data()
    if request.mimetype in XML_TYPES:
        return read_xml(data)
    check_values(data, MOST_IN_DOCUMENT)
    return read_json(data)


def read_object() -> dict[str, Any]:
    """A JSON object that was sent."""
    check_sent_version()
    _check_form(JSON_TYPES)
    _data()
    body = request.get_json(force=True)  # the media type is checked, and Flask does not know all of them
    if not isinstance(body, dict):
        raise Invalid(N_("Send one JSON object."))
    return body


def _data() -> bytes:
    data = request.get_data()
    most = request.max_content_length
    if request.content_length is None and most is not None and len(data) >= most:
        # Of a body that does not say how long it is, werkzeug gives the first bytes up to the limit and no more.
        raise RequestEntityTooLarge
    return data


def _check_form(forms: tuple[str, ...]) -> None:
    charset = request.mimetype_params.get("charset", "utf-8").lower()
    coding = request.headers.get("Content-Encoding", "identity").lower()
    if request.mimetype not in forms or charset not in ("utf-8", "us-ascii") or coding != "identity":
        raise Unsupported(
            N_("Bodies are read as {forms}, in UTF-8 and not compressed; {came} came."),
            forms=", ".join(forms),
            came=" ".join(filter(None, (request.headers.get("Content-Type"), request.headers.get("Content-Encoding"))))[
                :120
            ]
            or "-",
        )
