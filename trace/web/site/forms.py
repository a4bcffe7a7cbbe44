"""Form fields as text: bounded, without what no text may hold; the fields of a delivery as a body for its schema."""

import re
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from flask import g, request
from marshmallow import ValidationError

from schemas.requests import MANY_LINES, MANY_SCANS, ProductRequest, ReceiptRequest
from trace.domain.failures import N_, Invalid
from trace.errors import flat
from trace.services.overrides import Agreement
from trace.services.rulebook import rules_on
from trace.web.words import complaint_text

LINE_FIELDS = (
    "product",
    "code",
    "lot_number",
    "amount",
    "produced_on",
    "expires_on",
    "origin",
    "origin_region",
    "no_code_reason",
    "container",
    "cites",
    "celsius",
    "price",
    "decision",
    "reason",
)
# Shown again with the form, not part of the record.
SHOWN_FIELDS = (
    "product_name",
    "unit",
    "last",  # the quantity of the last delivery, which this one takes over
    "was",  # the decision that the findings asked for; what a person chose instead stays
    "label",
    "inside",
    "category",
    "new_name",
    "new_category",
    "new_unit",
    "new_code",
    "new_specification",
    "new_keeping",  # an entry `temperature.` of the rule book: the product's range on arrival (R11)
    "new_producer",
    "new_approval_no",
    "new_prescription",
)
# Tuples: every form begins with these same values, and what is filed in one must not turn up in the next.
EMPTY_LINE: Mapping[str, Any] = {
    "codes": (),
    "new_identifiers": (),
    "certificates": (),
    "sheets": (),
    "decision": "accept",
    "was": "accept",
}
_LINE = re.compile(r"^lines-(\d{1,3})-(\w+)$")
_PAPER = re.compile(r"^paper-(\d{1,3})-(kind|number|issuer|issued_on|valid_until)$")
# A paper photographed for several lines, filed when the delivery is: its photo names it.
_SHEET = re.compile(r"^sheet-(\d{1,2})-(sha256|kind|was|number|issued_on|valid_until|qr)$")
_SHA256 = re.compile(r"[0-9a-f]{64}")
MANY_SHEETS = 40
NO_SUPPLIER = "other"
ON_FILE = "file:"  # before the public id of a supplier of the own file who is not on this system
MANY_CODES_IN_ADDRESS = 40


def text_of(name: str, most: int = 2_000) -> str:
    """A form field, trimmed; raises `Invalid` for one that is too long or holds NUL or half a character."""
    value = request.form.get(name, "").strip()
    if len(value) > most or "\x00" in value or any("\ud800" <= c <= "\udfff" for c in value):
        raise Invalid(N_("The field {name} is too long or holds characters that cannot be stored."), name=name)
    return value


def texts_of(name: str, most: int = 5_000) -> list[str]:
    """The lines of a text field, each once, without empty ones: a hand scanner types one code a line.

    Raises `Invalid` for more than `most`: a code that is left out in silence is a pack that nobody recorded.
    """
    found = list(dict.fromkeys(part.strip() for part in text_of(name, most * 60).split("\n") if part.strip()))
    if len(found) > most:
        text = N_("At most {most} codes are taken at once; {came} came. Send the rest after these.")
        raise Invalid(text, field=name, most=most, came=len(found))
    return found


def agreement_typed() -> Agreement | None:
    """What a second person typed on the page of the first (`second_person.html`); None unless both fields are there."""
    sign_in, password = text_of("override-sign_in", 64), request.form.get("override-password", "")[:200]
    return Agreement(sign_in, password) if sign_in and password else None


def delivery_form() -> dict[str, Any]:
    """The delivery as the form shows it: supplier, note, lines in order; everything text."""
    lines: dict[int, dict[str, Any]] = {}
    for name in request.form:
        match = _LINE.match(name)
        if match and match[2] in (*LINE_FIELDS, *SHOWN_FIELDS):
            lines.setdefault(int(match[1]), {})[match[2]] = text_of(name)
        elif match and match[2] == "codes":
            lines.setdefault(int(match[1]), {})["codes"] = texts_of(name)
        elif match and match[2] == "new_identifiers":
            said = [text[:200] for text in request.form.getlist(name) if text]
            lines.setdefault(int(match[1]), {})["new_identifiers"] = list(dict.fromkeys(said))[:50]
        elif match and match[2] == "certificates":
            chosen = [public_id[:26] for public_id in request.form.getlist(name) if public_id]
            lines.setdefault(int(match[1]), {})["certificates"] = list(dict.fromkeys(chosen))[:50]
        elif match and match[2] == "sheets":
            chosen = [sha256[:64] for sha256 in request.form.getlist(name)]
            lines.setdefault(int(match[1]), {})["sheets"] = list(dict.fromkeys(chosen))[:MANY_SHEETS]
    if len(lines) > MANY_LINES:
        raise Invalid(N_("A delivery has at most {most} lines."), field="lines", most=MANY_LINES)
    return {
        "supplier": {name: text_of(f"supplier-{name}", 200) for name in ("id", "name", "address", "contact")},
        "delivery_note": text_of("delivery_note", 80),
        "scans": [public_id[:26] for public_id in request.form.getlist("scans")[:MANY_SCANS]],
        "client_key": text_of("client_key", 120) or str(uuid.uuid4()),
        "lines": [{**EMPTY_LINE, **lines[n], **_proposed(lines[n])} for n in sorted(lines)],
        "papers": _papers(sorted(lines)),
        "sheets": _sheets(),
        "override": {"sign_in": text_of("override-sign_in", 64)},  # never the password
    }


def _proposed(line: Mapping[str, Any]) -> dict[str, str]:
    return {"was": line["was"].removeprefix("proposed-")} if "was" in line else {}


def _sheets() -> list[dict[str, str]]:
    """The papers photographed for this delivery, each once; what has no photo of ours is none."""
    found: dict[int, dict[str, str]] = {}
    for name in request.form:
        match = _SHEET.match(name)
        if match:
            found.setdefault(int(match[1]), {})[match[2]] = text_of(name, 4_000 if match[2] == "qr" else 80)
    by_photo = {sheet["sha256"]: sheet for sheet in found.values() if _SHA256.fullmatch(sheet.get("sha256", ""))}
    return list(by_photo.values())[:MANY_SHEETS]


def _papers(numbers: Sequence[int]) -> dict[int, dict[str, str]]:
    """What was typed of papers that are not filed yet, by the place of their line: shown again, nothing is lost."""
    found: dict[int, dict[str, str]] = {}
    for name in request.form:
        match = _PAPER.match(name)
        if match and int(match[1]) in numbers:
            found.setdefault(numbers.index(int(match[1])), {})[match[2]] = text_of(name, 200)
    return found


def checked_delivery(form: Mapping[str, Any]) -> dict[str, Any]:
    """The form through the same schema as the API's; raises `Invalid` naming the first field at fault."""
    supplier = dict(form["supplier"])
    if supplier["id"] in ("", NO_SUPPLIER) or supplier["id"].startswith(ON_FILE):
        supplier = {"id": None, **{name: supplier[name] for name in ("name", "address", "contact")}}
    else:
        supplier = {"id": supplier["id"]}
    body = {
        "client_key": form["client_key"],
        "supplier": supplier,
        "delivery_note": form["delivery_note"],
        "scans": form["scans"],
        "lines": [_line_body(line) for line in form["lines"]],
    }
    return load(ReceiptRequest(), {key: value for key, value in body.items() if value is not None})


def new_product(line: Mapping[str, Any]) -> dict[str, Any]:
    """The product a line describes because the file does not know its code yet; raises `Invalid`."""
    body = {"name": line["new_name"], "category": line.get("new_category"), "unit": line.get("new_unit")}
    for name in ("code", "specification", "producer", "approval_no", "prescription"):
        if line.get(f"new_{name}"):
            body[name] = line[f"new_{name}"]
    rules = rules_on(g.session, g.now.date(), g.actor.organisation)
    keeping = rules.entry(f"temperature.{line.get('new_keeping')}")
    if keeping is not None:
        body |= {"celsius_low": keeping.value["low"], "celsius_high": keeping.value["high"]}
    return load(ProductRequest(), body)


def ways_of_keeping() -> list[str]:
    """The ranges of temperature that a new product's own is chosen from: names of entries of the rule book."""
    prefix = "temperature."
    rules = rules_on(g.session, g.now.date(), g.actor.organisation)
    return [entry.name.removeprefix(prefix) for entry in rules.under(prefix)]


def cut_meats() -> list[str]:
    """The categories of goods that may cite the papers of their slaughter batch today (`carcass_papers`)."""
    entry = rules_on(g.session, g.now.date(), g.actor.organisation).entry("carcass_papers")
    return list(entry.value["categories"]) if entry else []


def asked_by(schema: Any) -> dict[str, Any]:
    """The query of the address by a schema; what it does not know, such as the mark of a link's sender, is left out."""
    return load(schema, {name: value for name, value in request.args.items() if value and name in schema.fields})


def load(schema: Any, body: Mapping[str, Any]) -> dict[str, Any]:
    """Check a body by a schema; the first complaint becomes an `Invalid` with its field."""
    try:
        return dict(schema.load(body))
    except ValidationError as error:
        name, complaint = next(iter(flat(error.messages)), ("", ""))
        label, said = name.rpartition(".")[2], complaint_text(complaint)
        raise Invalid(N_("{name}: {complaint}"), field=name or None, name=label, complaint=said) from error


def _line_body(line: Mapping[str, Any]) -> dict[str, Any]:
    body = {name: line[name] for name in LINE_FIELDS if line.get(name)}
    return body | {name: list(line[name]) for name in ("codes", "new_identifiers", "certificates")}
