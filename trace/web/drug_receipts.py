"""The receipt of a pharmacy's counter on paper: a roll of 58 mm, or A4; used by the API and by the pages."""

from typing import Any

from flask_babel import force_locale

from trace.web.printing import pdf_page

CHINESE = "zh"
_MARGIN, _HEAD, _LINE = 6, 48, 25  # mm: what a roll needs for its ends, its head and foot, and each line at most


def receipt_pdf(sale: dict[str, Any], paper: str) -> bytes:
    """A receipt (`trace.services.drug_sales.get_sale`) as a PDF, in Chinese whoever prints it; `paper` is 58mm or a4.

    A roll has no pages: it is as long as its lines.
    """
    height = _MARGIN + _HEAD + _LINE * len(sale["lines"])
    with force_locale(CHINESE):
        return pdf_page("drug_receipt.html", sale=sale, paper=paper, height=height)
