"""The words of the standards and of the law as people say them; every value of an enumeration has one here."""

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import cache, partial
from typing import Any
from urllib.parse import unquote

from flask_babel import format_date, format_datetime, gettext

from trace.domain.failures import N_
from trace.domain.papers import Finding
from trace.domain.products import Category
from trace.domain.uris import GS1, PRIVATE

WORDS: Mapping[str, str] = {
    # kinds of organisations
    "farm": N_("Farm"),
    "cooperative": N_("Co-operative"),
    "slaughterhouse": N_("Slaughterhouse"),
    "processor": N_("Processor"),
    "wholesaler": N_("Wholesaler"),
    "supermarket": N_("Supermarket"),
    "canteen": N_("Canteen"),
    "drug_maker": N_("Drug maker"),
    "drug_distributor": N_("Drug distributor"),
    "pharmacy": N_("Pharmacy"),
    "pharmacy_headquarters": N_("Pharmacy chain headquarters"),
    "regulator": N_("Regulator"),
    "platform": N_("Platform"),
    # roles
    "clerk": N_("Clerk"),
    "pharmacist": N_("Pharmacist"),
    "organisation_administrator": N_("Administrator"),
    "inspector": N_("Inspector"),
    "auditor": N_("Auditor"),
    "platform_administrator": N_("Platform administrator"),
    # categories
    "pork": N_("Pork"),
    "beef_mutton": N_("Beef and mutton"),
    "poultry": N_("Poultry"),
    "vegetable": N_("Vegetables"),
    "fruit": N_("Fruit"),
    "egg": N_("Eggs"),
    "fish": N_("Fish"),
    "packaged_food": N_("Packaged food"),
    "imported_food": N_("Imported food"),
    "drug": N_("Drug"),
    "animal": N_("Live animals"),
    # papers
    "commitment_certificate": N_("Commitment certificate"),
    "quarantine_certificate": N_("Animal quarantine certificate"),
    "meat_inspection_certificate": N_("Meat quality inspection certificate"),
    "asf_report": N_("African swine fever report"),
    "entry_certificate": N_("Entry inspection certificate"),
    "drug_test_report": N_("Drug test report"),
    "delivery_note": N_("Delivery note"),
    "factory_certificate": N_("Factory certificate"),
    "test_report": N_("Test report"),
    "rapid_test": N_("Rapid test"),
    "licence": N_("Licence"),
    # business steps and dispositions (CBV 2.0)
    "commissioning": N_("Came to be"),
    "recorded": N_("Recorded"),
    "packing": N_("Packed"),
    "unpacking": N_("Unpacked"),
    "shipping": N_("Sent"),
    "receiving": N_("Received"),
    "inspecting": N_("Refused at the door"),
    "removing": N_("Taken out"),
    "decommissioning": N_("Ended"),
    "repackaging": N_("Re-packed"),
    "retail_selling": N_("Sold"),
    "dispensing": N_("Dispensed"),
    "holding": N_("Held"),
    "released": N_("Released"),
    "destroying": N_("Destroyed"),
    "sampling": N_("Sampled"),
    "storing": N_("Stored"),
    "accepting": N_("Accepted"),
    "inspected": N_("Inspected"),
    "arriving": N_("Arrived"),
    "assembling": N_("Assembled"),
    "collecting": N_("Collected"),
    "consigning": N_("Consigned"),
    "creating_class_instance": N_("A batch was made"),
    "cycle_counting": N_("Counted"),
    "departing": N_("Departed"),
    "disassembling": N_("Taken apart"),
    "encoding": N_("Tagged"),
    "entering_exiting": N_("Went in or out"),
    "installing": N_("Installed"),
    "killing": N_("Tag switched off"),
    "loading": N_("Loaded"),
    "other": N_("Something else"),
    "picking": N_("Picked"),
    "repairing": N_("Repaired"),
    "replacing": N_("Replaced"),
    "reserving": N_("Reserved"),
    "sensor_reporting": N_("Measured"),
    "staging_outbound": N_("Made ready to leave"),
    "stock_taking": N_("Stock taken"),
    "stocking": N_("Put on the shelf"),
    "transporting": N_("On the road"),
    "unloading": N_("Unloaded"),
    "void_shipping": N_("Not sent after all"),
    "harvested": N_("Harvested"),
    "raised": N_("Left the farm"),
    "slaughtered": N_("Slaughtered"),
    "processed": N_("Processed"),
    "repacked": N_("Mixed or re-packed"),
    "manufactured": N_("Manufactured"),
    "sent_back": N_("Sent back"),
    "brought_back": N_("Brought back"),
    "non_sellable": N_("Held"),
    # decisions and severities
    "accept": N_("Accept"),
    "hold": N_("Hold"),
    "refuse": N_("Refuse"),
    "block": N_("Not acceptable"),
    "warn": N_("Take note"),
    # how a drug may be sold
    "rx": N_("On prescription only (Rx)"),
    "otc_a": N_("Over the counter, class A"),
    "otc_b": N_("Over the counter, class B"),
    # why a drug has no trace code (R9)
    "legacy": N_("Bought before codes were required"),
    "damaged": N_("Code damaged"),
    "exempt": N_("Exempt (herbal pieces, granules)"),
    "food_production_licence": N_("Food production licence"),
    "food_business_licence": N_("Food business licence"),
    "drug_licence": N_("Drug distribution licence"),
    "drug_production_licence": N_("Drug production licence"),
    "slaughter_licence": N_("Slaughter licence"),
    "business_licence": N_("Business licence"),
    "receipt": N_("Purchase inspection record"),
    "object": N_("Photo or PDF"),
    "certificate": N_("Certificate"),
    "organisation": N_("Organisation"),
    # units (UN/ECE Recommendation 20)
    "KGM": N_("kg"),
    "GRM": N_("g"),
    "LTR": N_("l"),
    "EA": N_("pieces"),
    # what a code is
    "gtin": N_("Product (GTIN)"),
    "lgtin": N_("Product and lot"),
    "sgtin": N_("Single pack"),
    "sscc": N_("Logistic unit (SSCC)"),
    "grai": N_("Returnable crate (GRAI)"),
    "giai": N_("Asset (GIAI)"),
    "gln": N_("Place (GLN)"),
    "drug_trace_code": N_("Drug trace code"),
    "ear_tag": N_("Ear tag"),
    "in_store": N_("In-store code"),
    "scale_label": N_("Scale label"),
    "circulation_code": N_("Circulation code"),
    "national_drug_code": N_("National drug code"),
    "uscc": N_("Credit code (USCC)"),
    "certificate_qr": N_("Certificate QR code"),
    "own_link": N_("Identifier of this service"),
    "url": N_("Web address"),
    "unknown": N_("Unknown"),
    # kinds of things
    "lot": N_("Lot"),
    "instance": N_("Single pack"),
    "container_unit": N_("Logistic unit"),
    "returnable": N_("Crate"),
    # moves of goods in a flow
    "moved": N_("Went to"),
    "became": N_("Became"),
    # alerts
    "second_sale": N_("One code sold twice"),
    "trace": N_("Look-up"),
    "search": N_("Search"),
    "alert": N_("Alerts"),
    "nothing_found": N_("Nothing found"),
    "event": N_("Event"),
    "events": N_("Events"),
    "query": N_("Query"),
}
# The fields of the forms, as complaints name them.
FIELDS: Mapping[str, str] = {
    "amount": N_("Quantity"),
    "celsius": N_("Temperature"),
    "certificates": N_("Papers"),
    "code": N_("Code"),
    "codes": N_("Trace codes"),
    "contact": N_("Telephone"),
    "address": N_("Address"),
    "delivery_note": N_("Delivery note"),
    "expires_on": N_("Expires on"),
    "issued_on": N_("Issued on"),
    "issuer": N_("Issued by"),
    "kind": N_("Paper"),
    "lines": N_("Lines"),
    "lot_number": N_("Lot number"),
    "name": N_("Name"),
    "new_approval_no": N_("Approval number"),
    "new_category": N_("Kind of goods"),
    "new_name": N_("What is it?"),
    "new_producer": N_("Producer"),
    "new_specification": N_("Specification"),
    "new_unit": N_("Counted in"),
    "origin_region": N_("Origin (county)"),
    "prescription": N_("Prescription"),
    "number": N_("Number"),
    "origin": N_("Origin (county)"),
    "price": N_("Price"),
    "produced_on": N_("Made on"),
    "product": N_("What is it?"),
    "reason": N_("Reason"),
    "supplier": N_("Supplier"),
    "valid_until": N_("Valid until"),
}
# What the schemas and their library say of a value; the library fills in its numbers before we see the text.
COMPLAINTS = (
    N_("Missing data for required field."),
    N_("Field may not be null."),
    N_("Unknown field."),
    N_("Invalid value."),
    N_("Not a valid number."),
    N_("Not a valid integer."),
    N_("Not a valid string."),
    N_("Not a valid boolean."),
    N_("Not a valid date."),
    N_("Not a valid datetime."),
    N_("Not a valid list."),
    N_("Not a valid aware datetime."),
    N_("Give both ends of the range, the colder one first."),
    N_("Invalid input type."),
    N_("String does not match expected pattern."),
    N_("Special numeric values (nan or infinity) are not permitted."),
    N_("Must be greater than or equal to {min} and less than or equal to {max}."),
    N_("Must be one of: {choices}."),
    N_("Longer than maximum length {max}."),
    N_("Shorter than minimum length {min}."),
    N_("Length must be between {min} and {max}."),
    N_("Holds the character U+{point}, which no text here may hold."),
    N_("Has more than 6 digits behind the point."),
    N_("Is not between 1990-01-01 and 2100-12-31."),
    N_("Is not between the years 1990 and 2100."),
)
_LISTED = N_(", ")
_PARTED = N_("; ")
# How a law's article and an order are cited; other languages may have no blank before it.
_CITED = (
    (re.compile(r" Art\. (?P<numbers>\d+(?:(?:, |-)\d+)*)"), N_(" Art. {numbers}")),
    (re.compile(r"SAMR order (?P<number>\d+)"), N_("SAMR order {number}")),
)
_CERTAINTY = re.compile(r" \[[LSM/]+\]")  # how sure we are that we read the source right: for us, not for readers
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*(?:Z|[+-]\d\d:\d\d)")
_MADE_BY = {
    "farm": "harvested",
    "cooperative": "harvested",
    "slaughterhouse": "slaughtered",
    "drug_maker": "manufactured",
    "processor": "processed",
}


def word(value: Any) -> str:
    """A value of an enumeration in the reader's language; what is no such word stays as it is."""
    text = str(value or "")
    return gettext(WORDS[text]) if text in WORDS else text


def say(message: str, values: Mapping[str, Any] | None = None) -> str:
    """A template and its values as a sentence; findings, words of an enumeration and names of fields are said, too."""
    said = {key: _said(value) for key, value in (values or {}).items()}
    text = str(gettext(message))
    return text.format(**said) if said else text


def _said(value: Any) -> str:
    if isinstance(value, Finding):
        return say(value.message, value.values)
    parts = str(value).split(", ")
    names = [WORDS.get(part) or FIELDS.get(part) for part in parts]
    if all(names):
        return str(gettext(_LISTED)).join(gettext(name) for name in names if name)
    moment = _as_moment(str(value))
    if moment is not None:
        return moment_text(moment)
    return thing_text(str(value))


def thing_text(uri: str) -> str:
    """What people call a thing by: its lot number or the code on it, without the address of the identifier."""
    if uri.startswith(f"{PRIVATE}/"):
        value = unquote(uri.rpartition("/")[2])
        return value.partition(".")[2] if "/lot/" in uri else value
    if uri.startswith(f"{GS1}/"):
        key, *parts = uri.removeprefix(f"{GS1}/").split("/")
        return unquote(parts[-1]) if parts else key
    return uri


def _as_moment(text: str) -> datetime | None:
    """The moment that a service put into a sentence as ISO 8601; None for any other text, whoever wrote it."""
    if not _MOMENT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def complaint_text(complaint: str, *, as_sent: bool = False) -> str:
    """What a schema says of a value, in the reader's language; `as_sent`: words to send stay as programs send them."""
    for template in COMPLAINTS:
        found = _pattern(template).fullmatch(complaint)
        if found:
            return gettext(template).format(**found.groupdict()) if as_sent else say(template, found.groupdict())
    return complaint


@cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(template)))


def source_text(source: str) -> str:
    """The source of a rule as the reader's lawyers cite it."""
    text = _CERTAINTY.sub("", source)
    for pattern, template in _CITED:
        text = pattern.sub(partial(_cited, template), text)
    return text.replace("; ", gettext(_PARTED))


def _cited(template: str, found: re.Match[str]) -> str:
    listed = {key: value.replace(", ", gettext(_LISTED)) for key, value in found.groupdict().items()}
    return str(gettext(template)).format(**listed)


def step_word(entry: Mapping[str, Any]) -> str:
    """What happened in an event, as people say it: harvest and slaughter are both `commissioning` in the CBV."""
    # A partner's own step is a URI, which ends in a word; and a step need not be told.
    step = unquote(re.split("[:/#]", str(entry["step"]).rstrip("/#"))[-1]) or "recorded"
    if step == "commissioning":
        made = _MADE_BY.get(entry["by_kind"], "repacked" if entry["type"] == "TransformationEvent" else step)
        if made == "harvested" and entry["type"] == "TransformationEvent":
            return word("processed")  # a farm or co-operative that dries or cuts what it harvested before
        animals = any(thing.get("category") == Category.ANIMAL for thing in entry["things"])
        return word("raised" if animals and made == "harvested" else made)
    if step == "shipping" and str(entry["disposition"]).endswith("returned"):
        return word("sent_back")
    if step == "receiving" and str(entry["disposition"]).endswith("returned") and not entry.get("source"):
        return word("brought_back")
    if step == "inspecting" and not str(entry["disposition"]).endswith("non_conformant"):
        return word("inspected")  # our own desks inspect only what they refuse
    if step == "storing" and str(entry["disposition"]).endswith("sellable_accessible"):
        return word("released")
    return word(step)


def amount_text(value: Any, unit: str = "") -> str:
    """An amount without trailing zeros, with its unit in words."""
    if value is None or value == "":
        return ""
    number = f"{Decimal(str(value)).normalize():f}"
    return f"{number} {word(unit)}".strip()


def day_text(value: date | datetime | None) -> str:
    """A day in the reader's form."""
    return "" if value is None else str(format_date(value, "yyyy-MM-dd", rebase=isinstance(value, datetime)))


def moment_text(value: datetime | str | None) -> str:
    """A moment (aware, or its ISO 8601 text) in the installation's local time."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return "" if value is None else str(format_datetime(value, "yyyy-MM-dd HH:mm"))
