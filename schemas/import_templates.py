"""The workbook that a shop fills in to bring in its deliveries or its products: headings, lists to choose from."""

import io
from typing import Any

import xlsxwriter

from trace.domain.import_columns import EXAMPLE, Column, TableKind, columns_of, heading_words

_ROWS = 2_000  # that are formatted
_SHEETS = {TableKind.DELIVERIES: "进货", TableKind.PRODUCTS: "商品"}
_EXAMPLES: dict[TableKind, dict[str, str | float]] = {
    TableKind.DELIVERIES: {
        "supplier": f"{EXAMPLE}张家菜园",
        "supplier_address": "宁夏中卫市沙坡头区",
        "supplier_contact": "0955-7000199",
        "received_on": "2026-11-25",
        "delivery_note": "SH-0001",
        "product": "番茄",
        "amount": 40.5,
        "unit": "公斤",
        "produced_on": "2026-11-24",
        "origin": "宁夏中卫",
        "paper_kind": "承诺达标合格证",
        "paper_number": "HGZ-0001",
        "paper_issuer": "张家菜园",
        "paper_issued_on": "2026-11-24",
    },
    TableKind.PRODUCTS: {"name": f"{EXAMPLE}番茄", "category": "蔬菜", "unit": "公斤", "specification": "散装"},
}


def template_of(kind: TableKind) -> bytes:
    """The template as XLSX: required headings marked, codes as text so that no digit is lost, days as days.

    Its second row is an example, which is not read; words to choose from hang on the cells of their columns.
    """
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}) as book:
        sheet = book.add_worksheet(_SHEETS[kind])
        formats = {
            "head": book.add_format({"bold": True, "bg_color": "#E4F3EC", "border": 1}),
            "needed": book.add_format({"bold": True, "bg_color": "#FFF4DC", "border": 1}),
            "text": book.add_format({"num_format": "@"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "example": book.add_format({"italic": True, "font_color": "#5D6B66", "num_format": "@"}),
        }
        for position, column in enumerate(columns_of(kind)):
            _write_column(sheet, position, column, formats, _EXAMPLES[kind].get(column.name))
        sheet.freeze_panes(1, 0)
    return held.getvalue()


def _write_column(
    sheet: Any, position: int, column: Column, formats: dict[str, Any], example: str | float | None
) -> None:
    look = {"day": "day", "amount": None}.get(column.reads, "text")
    sheet.set_column(position, position, max(12, 2 * len(column.heading) + 4), formats[look] if look else None)
    sheet.write_string(0, position, f"{column.heading}{'*' if column.required else ''}",
                       formats["needed" if column.required else "head"])  # fmt: skip
    words = heading_words(column.reads)
    if words:
        choose = {"validate": "list", "source": words, "error_type": "warning"}
        sheet.data_validation(1, position, _ROWS, position, choose)
    if isinstance(example, str):
        sheet.write_string(1, position, example, formats["example"])
    elif example is not None:
        sheet.write_number(1, position, example, formats["example"])
