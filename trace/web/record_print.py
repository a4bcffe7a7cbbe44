"""Purchase inspection records on paper, delivery by delivery, each to sign, in the reader's language."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from flask_babel import gettext

from trace.domain.failures import N_
from trace.services.records import Period
from trace.web.long_print import Lines, Run, Said, long_pdf
from trace.web.record_table import papers_text
from trace.web.words import amount_text, day_text, moment_text, say, word

_WIDTHS = (3, 13, 14, 11, 10, 9, 8, 4, 15, 13)
_NUMBERS = (3, 7)
_Line = Mapping[str, Any]
_Words = Callable[[str], str]  # a text, or a value of an enumeration, in the reader's language


def record_pdf(
    receipts: Sequence[Sequence[_Line]], *, period: Period | None, organisation: str, printed_at: datetime
) -> bytes:
    """The PDF of the deliveries of a period (None: of one delivery), each by its lines, as `trace.services.records`
    tells them, under their heads, and signed."""
    days = f"   {day_text(period.first)} – {day_text(period.last)}" if period else ""
    parts: list[Said | Lines] = [[("", f"{gettext('Received by')}: "), ("bold", organisation), ("", days)]]
    headings, told, named = _headings(), cache(gettext), cache(word)  # few words, said in every line
    for lines in receipts:
        sign = [_joined(" ", gettext("Checked by"), lines[0]["recorded_by"]), gettext("Signature of the deliverer"),
                gettext("Date")]  # fmt: skip
        rows = [_row(line, told, named) for line in lines]
        parts += [_head(lines[0]), Lines(_WIDTHS, headings, rows, sign, right=_NUMBERS)]
    if not receipts:
        parts.append(gettext("Nothing was received in this period."))
    printed = gettext("printed on {time}").format(time=moment_text(printed_at))
    return long_pdf(gettext("Purchase inspection record"), f"{organisation} · {printed}", parts)


def _head(first: _Line) -> list[Run]:
    supplier = first["supplier"]
    note = first["delivery_note"]
    where = f"{gettext('Address')}: {supplier['address']}   {gettext('Contact')}: {supplier['contact']}"
    came = _joined(
        "   ",
        f"{gettext('Received on')}: {moment_text(first['received_at'])}",
        note and f"{gettext('Delivery note')}: {note}",
        f"{gettext('Record')}: {first['receipt']}",
    )
    told: list[Run] = [("bold", supplier["name"]), ("", f"   {where}\n{came}")]
    if first.get("undone_at"):  # only one record by itself may be such
        undone = gettext("Undone on {time}: this delivery did not come.")
        told.append(("bold", "\n" + undone.format(time=moment_text(first["undone_at"]))))
    return told


def _headings() -> list[str]:
    return [
        "#",
        gettext("Product"),
        f"{gettext('Specification')} / {gettext('Producer')}",
        gettext("Quantity"),
        gettext("Lot number"),
        f"{gettext('Made on')} / {gettext('Origin (county)')}",
        gettext("Expires on"),
        "°C",
        gettext("Papers"),
        gettext("Result"),
    ]


def _row(line: _Line, told: _Words, named: _Words) -> list[Said]:
    drug = line["category"] == "drug"
    all_of_it = line["accepted"] == line["amount"] and not drug
    passed = "" if all_of_it else f"{told(N_('Quantity accepted'))} {amount_text(line['accepted'], line['unit'])}"
    price = f"¥ {amount_text(line['price'])}" if drug and line["price"] is not None else ""
    life = f"{told(N_('Days of shelf life'))} {line['shelf_life_days']}" if line["shelf_life_days"] else ""
    approved = _joined(" ", line["approval_no"], line["dosage_form"])
    return [
        str(line["line"] + 1),
        [("bold", line["product"]), ("", f"\n{named(line['category'])}")],
        _joined("\n", line["specification"], line["producer"], approved),
        _joined("\n", amount_text(line["amount"], line["unit"]), passed, price),
        line["lot_number"],
        _joined("\n", day_text(line["produced_on"]), line["origin"]),
        _joined("\n", day_text(line["expires_on"]), life),
        amount_text(line["celsius"]),
        "\n".join(papers_text([paper]) for paper in line["papers"]) or "—",
        _result(line, told, named),
    ]


def _result(line: _Line, told: _Words, named: _Words) -> list[Run]:
    """What was decided, loud where it is not the usual, why, and what was found, by whom it was decided against it."""
    against = _joined(" ", line["overridden_by"], line["override_reason"])
    corrected = line["corrected_at"]
    found = [
        *(say(one["message"], one["values"]) for one in line["findings"]),
        line["overridden_by"] and f"{told(N_('Overridden by'))}: {against}",
        corrected and told(N_("Corrected on {time}")).format(time=moment_text(corrected)),
        line["keep_until"] and f"{told(N_('Keep until'))} {day_text(line['keep_until'])}",
    ]
    decided = ("" if line["decision"] == "accept" else "bold", named(line["decision"]))
    return [
        decided,
        *((style, f"\n{said}") for style, said in [("", line["reason"]), *(("dim", one) for one in found)] if said),
    ]


def _joined(by: str, *parts: str | None) -> str:
    return by.join(part for part in parts if part)
