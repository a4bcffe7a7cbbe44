"""Commitment certificates on paper: the label of a label printer, and A4; used by the API and by the pages.

The certificate is Chinese, whoever prints it, and its QR code opens the public page under the address the request came
to.
"""

from pathlib import Path
from typing import Any

from flask import current_app, g, request
from flask_babel import force_locale

from trace.domain.commitment import TITLE, LabelSize, State
from trace.domain.failures import N_, Conflict
from trace.services.issued_certificates import basis_texts, signature_of, symbol_of
from trace.web.parts import parts
from trace.web.printing import pdf_page, picture

ROOM = {LabelSize.SMALL: 18.0, LabelSize.LARGE: 27.0}  # mm for the QR code (static/commitment.css)
ROOM_A4 = 34.0
CHINESE = "zh"


def label_values(certificate: dict[str, Any], size: LabelSize, copies: int) -> dict[str, Any]:
    """What the label's template needs; raises `Conflict` for a certificate that ended: nobody puts it on goods."""
    if certificate["state"] != State.VALID:
        text = N_("The certificate {number} was revoked or replaced; no labels of it are printed any more.")
        raise Conflict(text, number=certificate["number"])
    return {
        **_values(certificate, ROOM[size]),
        "size": size.value,
        "copies": copies,
        # The small one has no room for it; its public page shows it.
        "signed": _signature(certificate) if size is LabelSize.LARGE else "",
    }


def label_pdf(certificate: dict[str, Any], size: LabelSize, copies: int) -> bytes:
    """The label as a PDF of the paper's size, a page each."""
    style = Path(str(current_app.static_folder), "commitment.css").read_text(encoding="utf-8")
    with force_locale(CHINESE):
        return pdf_page("commitment_label.html", style=style, **label_values(certificate, size, copies))


def a4_pdf(certificate: dict[str, Any]) -> bytes:
    """The certificate on a sheet of A4: the copy that goes with the goods, and the one that stays."""
    with force_locale(CHINESE):
        return pdf_page("commitment.html", **_values(certificate, ROOM_A4), signed=_signature(certificate))


def address_of(certificate: dict[str, Any]) -> str:
    """The address of the certificate's public page."""
    return f"{request.url_root}c/{certificate['id']}"


def _values(certificate: dict[str, Any], room: float) -> dict[str, Any]:
    address = address_of(certificate)
    return {
        "certificate": certificate,
        "title": TITLE,
        "basis": basis_texts(certificate["basis"]),
        "symbol": symbol_of(address, room=room),
        "address": address,
    }


def _signature(certificate: dict[str, Any]) -> str:
    """The signature as an address of data; "" where nobody signed."""
    if not certificate["signature"]:
        return ""
    return picture(*signature_of(g.session, objects=parts().objects, public_id=certificate["id"]))
