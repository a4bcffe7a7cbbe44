"""The words of the standards and of the law as people say them; every value of an enumeration has one here."""

import re
from collections.abc import Mapping
from datetime import MAXYEAR, MINYEAR, date, datetime
from decimal import Decimal
from functools import cache, lru_cache, partial
from typing import Any
from urllib.parse import unquote

from babel import Locale
from flask_babel import format_date, format_datetime, get_locale, gettext

from trace.domain.checks import IdentifierWarning
from trace.domain.failures import N_
from trace.domain.money import money_text
from trace.domain.papers import Finding
from trace.domain.products import Category
from trace.domain.uris import GS1, PRIVATE
from trace.web import word_list
from trace.web.word_list_desk import DESK_FIELDS, DESK_WORDS
from trace.web.word_list_pharmacy import PHARMACY_FIELDS, PHARMACY_WORDS

WORDS: Mapping[str, str] = word_list.WORDS | DESK_WORDS | PHARMACY_WORDS
FIELD_NAMES: Mapping[str, str] = word_list.FIELDS | DESK_FIELDS | PHARMACY_FIELDS
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
    N_("A recall has a level from 1 to 3, a hold has none."),
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


def said(text: str) -> str:
    """A text of ours in the reader's language; a page has a hundred, and says few of them once."""
    return _said_in(get_locale(), text)


@lru_cache(maxsize=8_192)
def _said_in(_reader: Locale | None, text: str) -> str:
    """What Babel says of a text to the reader at hand, once: it looks for the reader and the catalogue each time."""
    return str(gettext(text))


def word(value: Any) -> str:
    """A value of an enumeration in the reader's language; what is no such word stays as it is."""
    text = str(value or "")
    return said(WORDS[text]) if text in WORDS else text


def say(message: str, values: Mapping[str, Any] | None = None) -> str:
    """A template and its values as a sentence; findings, words of an enumeration and names of fields are said, too."""
    said = {key: _said(value) for key, value in (values or {}).items()}
    text = str(gettext(message))
    return text.format(**said) if said else text


def _said(value: Any) -> str:
    if isinstance(value, Finding | IdentifierWarning):
        return say(value.message, value.values)
    if isinstance(value, Mapping) and isinstance(value.get("message"), str):  # a sentence kept with its values
        return say(value["message"], value.get("values"))
    parts = str(value).split(", ")
    names = [WORDS.get(part) or FIELD_NAMES.get(part) for part in parts]
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
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if MINYEAR < moment.year < MAXYEAR else None  # the first and the last day are not in every time zone


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
    """The source of a rule as the reader's lawyers cite it; the reason of a house rule in the reader's language."""
    text = gettext(source) if source else ""
    if text != source:
        return text
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
    if step == "stock_taking" and str(entry["disposition"]).endswith("unavailable"):
        return word("stock_missed")
    if step == "stock_taking" and str(entry["disposition"]).endswith("non_sellable_other"):
        return word("stock_found")
    return word(step)


def amount_text(value: Any, unit: str = "") -> str:
    """An amount without trailing zeros, with its unit in words."""
    if value is None or value == "":
        return ""
    number = f"{Decimal(str(value)).normalize():f}"
    return f"{number} {word(unit)}".strip()


def price_text(price: Decimal | None) -> str:
    """A price in yuan, at least to the fen; nothing where none is known."""
    return "" if price is None else money_text(price)


def day_text(value: date | datetime | None) -> str:
    """A day in the reader's form."""
    if isinstance(value, datetime):
        return str(format_date(value, "yyyy-MM-dd"))
    return "" if value is None else value.isoformat()


def moment_text(value: datetime | str | None) -> str:
    """A moment (aware, or its ISO 8601 text) in the installation's local time."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return "" if value is None else str(format_datetime(value, "yyyy-MM-dd HH:mm"))
