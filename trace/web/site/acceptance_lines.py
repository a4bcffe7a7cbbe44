"""What is typed on the pages of acceptance and orders, as bodies for their schemas; papers photographed for a line."""

import re
from typing import Any

from flask import g, request

from schemas.requests import MANY_LINES
from trace.domain.failures import N_, Invalid
from trace.domain.papers import CertificateKind
from trace.domain.products import Category
from trace.services import acceptance
from trace.services.acceptance_view import get_acceptance
from trace.services.arrivals import Supplier
from trace.services.certificates import file_certificate
from trace.services.commands import Command
from trace.services.products import list_products
from trace.services.supplier_list import list_suppliers
from trace.web.site.forms import text_of
from trace.web.uploads import keep_upload

_FIELD = re.compile(
    r"^lines-(\d{1,3})-(lot_number|produced_on|expires_on|amount|price|decision|reason|no_code_reason|celsius|origin)$"
)
_NULL_WHERE_EMPTY = ("produced_on", "expires_on", "amount", "price", "celsius")
_LINE = ("lot_number", "produced_on", "expires_on", "amount", "price")
PAPERS = (CertificateKind.DRUG_TEST_REPORT, CertificateKind.DELIVERY_NOTE)


def suppliers_here() -> list[dict[str, Any]]:
    """The files of suppliers that a delivery may be of."""
    return list_suppliers(g.session, actor=g.actor, now=g.now)


def on_file(public_id: str) -> Supplier:
    """A supplier of the own file (its public id) as a delivery names it; raises `Invalid` for no file."""
    found = next((one for one in suppliers_here() if one["id"] == public_id), None)
    if found is None:
        raise Invalid(N_("Choose who delivered."), field="supplier")
    partner = found["organisation"]
    return Supplier(partner, found["name"], found["address"], found["contact"])


def drug_name(card: dict[str, Any]) -> str:
    """A drug as it is offered and typed: name, specification, maker."""
    return " ".join(part for part in (card["name"], card["specification"], card["producer"]) if part)


def find_drug(text: str) -> str:
    """The public id of the drug that was typed as it is offered, or by its own name; raises `Invalid`."""
    drugs = list_products(g.session, actor=g.actor, category=Category.DRUG, limit=2_000)
    fitting = [card for card in drugs if text in (card["id"], drug_name(card))]
    fitting = fitting or [card for card in drugs if card["name"] == text]
    if len(fitting) != 1:
        text = N_("Choose one drug of the file: {count} are called {name}.")
        raise Invalid(text, field="product", count=len(fitting), name=request.form.get("product", "")[:60])
    return str(fitting[0]["id"])


def typed_line() -> dict[str, Any]:
    """A line of the note that was typed on the scanning page."""
    body: dict[str, Any] = {name: value for name in _LINE if (value := text_of(name, 60))}
    return body | {"product": find_drug(text_of("product", 300))}


def typed_changes() -> dict[str, Any]:
    """All lines as they were typed on the page that is signed, how the goods came, the note's number."""
    lines: dict[int, dict[str, Any]] = {}
    for name in request.form:
        match = _FIELD.match(name)
        if match:
            value: str | None = text_of(name, 200)
            value = None if not value and match[2] in _NULL_WHERE_EMPTY else value
            lines.setdefault(int(match[1]), {"line": int(match[1])})[match[2]] = value
    if len(lines) > MANY_LINES:
        raise Invalid(N_("A delivery has at most {most} lines."), field="lines", most=MANY_LINES)
    body: dict[str, Any] = {"lines": [lines[number] for number in sorted(lines)]}
    if "delivery_note" in request.form:
        body["delivery_note"] = text_of("delivery_note", 80)
    if "transport-mode" in request.form:
        body["transport"] = {"mode": text_of("transport-mode", 80)}
    return body


def file_paper(public_id: str, line: int) -> None:
    """File a paper that was photographed for a line, or a delivery note for all of them."""
    file = request.files.get(f"paper-{line}-photo")
    kind = text_of(f"paper-{line}-kind", 40)
    if kind not in PAPERS:
        raise Invalid(N_("Choose which paper it is."), field=f"paper-{line}-kind")
    card = get_acceptance(g.session, Command(g.actor, g.now), public_id=public_id)
    known = {one["line"]: one for one in card["lines"]}
    if line not in known:
        raise Invalid(N_("There is no such line."), field="lines")
    sha256 = None
    if file is not None and file.filename:
        kept = keep_upload(file)
        sha256 = kept["sha256"]
    number = text_of(f"paper-{line}-number", 80)
    if sha256 is None and not number:
        raise Invalid(N_("Photograph the paper, or type its number."), field=f"paper-{line}-number")
    filed = file_certificate(
        g.session, Command(g.actor, g.now), kind=CertificateKind(kind), lots=(), number=number, sha256=sha256,
        issuer=str(card["supplier"]["name"]), issued_on=g.now.date(),
    )  # fmt: skip
    # A delivery note is of the whole delivery; a test report is of its batch.
    whole = kind == CertificateKind.DELIVERY_NOTE
    batch = known[line]["product"]["id"], known[line]["lot_number"]
    of = [one for one in card["lines"] if whole or (one["product"]["id"], one["lot_number"]) == batch]
    changes = {one["line"]: {"certificates": [*one["certificates"], filed["id"]]} for one in of}
    acceptance.change(g.session, Command(g.actor, g.now), public_id=public_id, lines=changes)
