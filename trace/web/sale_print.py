"""Sale records of drugs on paper, in the reader's language: what a table of them says, in fewer columns."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from flask_babel import gettext

from trace.domain.periods import Days
from trace.web.long_print import Lines, Run, Said, long_pdf
from trace.web.sale_table import remark_of, sale_sums
from trace.web.words import amount_text, day_text, moment_text, price_text, word

_WIDTHS = (15, 35, 14, 17, 7, 6, 6)
_NUMBERS = (4, 5, 6)


def sale_pdf(records: Sequence[Mapping[str, Any]], *, period: Days, organisation: str, printed_at: datetime) -> bytes:
    """The PDF of a period's lines as `trace.services.sale_records` tells them, to check and sign."""
    days = f"   {day_text(period.first)} – {day_text(period.last)}"
    named = cache(word)  # few words, said in every line
    parts: list[Said | Lines] = [[("", f"{gettext('Pharmacy')}: "), ("bold", organisation), ("", days)]]
    if records:
        parts.append(
            Lines(
                widths=_WIDTHS,
                headings=_headings(),
                rows=[_row(record, period, named) for record in records],
                sign=[gettext("Checked by"), gettext("Date")],
                right=_NUMBERS,
                below=_total(records),
            )
        )
    else:
        parts.append(gettext("Nothing was sold in this period."))
    printed = gettext("printed on {time}").format(time=moment_text(printed_at))
    return long_pdf(gettext("Sale record"), f"{organisation} · {printed}", parts)


def _headings() -> list[str]:
    product = (
        gettext("Generic name"), gettext("Dosage form"), gettext("Specification"), gettext("Approval number"),
        gettext("Authorisation holder"), gettext("Producer"),
    )  # fmt: skip
    return [
        f"{gettext('Sold at')} / {gettext('Receipt')}",
        ", ".join(product),
        f"{gettext('Lot number')} / {gettext('Expires on')}",
        f"{gettext('Trace code')} / {gettext('Prescription')} / {gettext('Remark')}",
        gettext("Quantity"),
        f"{gettext('Price for one')} (¥)",
        f"{gettext('Sum')} (¥)",
    ]


def _row(record: Mapping[str, Any], period: Days, named: Callable[[str], str]) -> list[Said]:
    prescribed = record["prescription"] and f"{gettext('Prescription')} {record['prescription']}"
    product = [record[name] for name in ("dosage_form", "specification", "approval_no", "mah")]
    if record["producer"] != record["mah"]:
        product.append(record["producer"])
    remark = remark_of(record, period.zone)
    code: list[Run] = [
        ("", _one_after_another(record["code"] or named(record["no_code_reason"]), prescribed, record["reviewed_by"])),
        ("bold", f" {remark}" if remark else ""),
    ]
    split = record["split_units"]
    return [
        _one_after_another(moment_text(record["sold_at"]), f"{record['number']:06d}", record["sold_by"]),
        [("bold", record["product"]), ("", f" {_one_after_another(*product)}")],
        f"{record['lot_number']} {gettext('until')} {day_text(record['expires_on'])}",
        code,
        f"{split} {record['unit_name']}" if split else amount_text(record["amount"], record["unit"]),
        price_text(record["each"]),
        price_text(record["price"]),
    ]


def _one_after_another(*parts: str | None) -> str:
    return " ".join(part for part in parts if part)


def _total(records: Sequence[Mapping[str, Any]]) -> Said:
    total, unpriced = sale_sums(records)
    missing = gettext("{count} lines without a price").format(count=unpriced)
    return [("bold", f"{gettext('Total')}: ¥ {price_text(total)}"), ("", f"   {missing}" if unpriced else "")]
