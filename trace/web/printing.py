"""Pages on paper: a template of `templates/print/` becomes a PDF with Chinese type (WeasyPrint).

A printed page fetches nothing: no network, no file. Pictures come in as data, by `picture`.
"""

import base64
from typing import Any

from flask import Response, render_template
from PIL import ImageFile

from trace.domain.failures import N_, NotProvided

_PDF = "application/pdf"


def pdf_page(template: str, **values: Any) -> bytes:
    """The PDF (bytes) of a template of `templates/print/`, in the reader's language.

    Raises `NotProvided` where the machine lacks Pango, the library that sets type: the page itself can be printed by
    the browser.
    """
    try:
        # Loads Pango, which a machine may lack, and takes 0.3 s that only printing pays.
        from weasyprint import HTML  # noqa: PLC0415
        from weasyprint.urls import URLFetcher  # noqa: PLC0415
    except OSError as fault:
        text = N_("PDFs cannot be made here: the system library Pango is missing. Print the page from the browser.")
        raise NotProvided(text) from fault
    ImageFile.LOAD_TRUNCATED_IMAGES = False  # WeasyPrint sets it for the whole process: half a photo would pass as one
    page = render_template(f"print/{template}", **values)
    only_data = URLFetcher(allowed_protocols={"data"}, allow_redirects=False)
    return bytes(HTML(string=page, url_fetcher=only_data).write_pdf())


def pdf_answer(data: bytes, name: str) -> Response:
    """A PDF as an answer, shown in the browser, saved under a name (ASCII, without ending)."""
    answer = Response(data, mimetype=_PDF)
    answer.headers["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    return answer


def picture(data: bytes, media_type: str) -> str:
    """A picture as an address that a printed page may use."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode('ascii')}"
