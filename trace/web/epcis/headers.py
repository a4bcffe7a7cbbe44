"""The headers of the EPCIS binding: what every answer says of versions, and what OPTIONS tells besides."""

from flask import Response, request

from trace.domain.epcis.document import NAMESPACE
from trace.domain.epcis.translation import EpcFormat
from trace.services.epcis_capture import MOST_EVENTS
from trace.web.epcis.negotiation import CURRENT, OLD, CbvXmlFormat
from trace.web.parts import parts

VENDOR_VERSION = "sunshine-trace-1"
EXTENSIONS = f"sunshine={NAMESPACE}"


def number(version: str) -> str:
    """A version as headers say it: `2.0.0`."""
    return f"{version}.0"


def add_headers(response: Response) -> Response:
    """Say on every answer which versions and extensions it is made of, and after a body too large, what fits."""
    response.headers.setdefault("GS1-EPCIS-Version", number(CURRENT))
    response.headers.setdefault("GS1-CBV-Version", number(CURRENT))
    response.headers.setdefault("GS1-Extensions", EXTENSIONS)
    if response.status_code in (202, 204):
        response.headers.pop("Content-Type", None)  # there is no content
    if response.status_code == 413 and request.method == "POST":
        add_capture_limits(response)
    return response


def add_capture_limits(response: Response) -> None:
    """How many events, and how many bytes, one capture may bring."""
    response.headers["GS1-EPCIS-Capture-Limit"] = str(MOST_EVENTS)
    response.headers["GS1-EPCIS-Capture-File-Size-Limit"] = str(parts().settings.max_upload_mb * 1024 * 1024)


def discovery(*methods: str) -> Response:
    """The answer to OPTIONS: 204, what the address takes, and what this service can."""
    response = Response(status=204)
    response.headers["Allow"] = ", ".join(["OPTIONS", *methods])
    for of in ("EPCIS", "CBV"):
        response.headers[f"GS1-{of}-Min"] = number(OLD)
        response.headers[f"GS1-{of}-Max"] = number(CURRENT)
    response.headers["GS1-EPC-Format"] = EpcFormat.NO_PREFERENCE.value
    response.headers["GS1-CBV-XML-Format"] = CbvXmlFormat.NO_PREFERENCE.value
    response.headers["GS1-Vendor-Version"] = VENDOR_VERSION
    return response
