"""The fields of an event document: each says what it takes as JSON Schema (`shape`) and what it refuses as a sentence.

Both sides come from the same patterns and bounds, which are written so that Python's and Rust's regular expressions
(linear in time, no look-ahead) read them alike.
"""

import difflib
import math
import re
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from marshmallow import Schema, ValidationError, fields

from schemas.epcis.faults import MOST_FAULTS, refusal
from schemas.epcis.identifiers import MOST_URI, Level, find_identifier_fault
from schemas.epcis.xml_names import is_text
from trace.domain.epcis import cbv
from trace.domain.failures import N_

MOST_TEXT = 65_536  # characters of a text; a certificate's picture belongs into an object store
MOST_PREFIXES = 100
LARGEST = 10**30  # beyond any measure; and 1e999999 would be a million digits once it is written out
LARGEST_AMOUNT = 10**12  # millionths of a unit are stored in 64 bits

_URI_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_HOST_CHARACTER = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})"
# RFC 3986 section 3, without IP literals in brackets: identifiers name no machines.
URI = (
    r"[A-Za-z][A-Za-z0-9+.-]*:"
    rf"(?://(?:(?:{_HOST_CHARACTER}|:)*@)?{_HOST_CHARACTER}*(?::[0-9]*)?(?:/(?:{_URI_CHARACTER}|/)*)?"
    rf"|/?{_URI_CHARACTER}(?:{_URI_CHARACTER}|/)*)"
    rf"(?:\?(?:{_URI_CHARACTER}|[/?])*)?(?:#(?:{_URI_CHARACTER}|[/?])*)?"
)
_LEAP = "(?:(?:19|20|21)(?:0[48]|[2468][048]|[13579][26])|2000)"
_DAY = (
    r"(?:(?:19|20|21)[0-9]{2}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])"
    rf"|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))|{_LEAP}-02-29)"
)
_HOURS_EAST = r"[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00)"
# The DateTimeStamp of GS1's XSD, of days that the calendar has.
TIME = rf"{_DAY}T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?(?:Z|{_HOURS_EAST})"
OFFSET = _HOURS_EAST
UNIT = "[A-Z0-9]{2,3}"  # UN/ECE Recommendation 20, EPCIS 2.0 section 7.3.3.3
HEX_BINARY = "(?:[0-9A-Fa-f]{2})+"
TEXT = r"^[^\x00-\x08\x0B\x0C\x0E-\x1F\uFFFE\uFFFF]*$"
# URIs that GS1 keeps for its own words: one that is no word of the list in question is misspelt (CBV 2.0 section 7).
_GS1_WORD = (
    r"^(?:urn:epcglobal:cbv:|https?://(?:ref\.|ns\.|www\.)?gs1\.org/(?:cbv|voc|epcis)/|(?:cbv|cbvmda|gs1|epcis):)"
)
PREFIX = r"[^:@#\x00-\x20]+"
EXTENSION_KEY = rf"@?{PREFIX}:[^\x00-\x20]+"
_LONGEST_WORD = 40
NOT_A_TEXT = "Not a valid string."  # marshmallow's own words, which the pages translate


class Shaped(fields.Field[Any]):
    """A field with a JSON Schema of its own."""

    @property
    def title(self) -> str:
        """What its shape is called in the exported schema: fields of one name have one shape."""
        return type(self).__name__

    def shape(self) -> dict[str, Any]:
        """The JSON Schema of a value that this field takes."""
        raise NotImplementedError

    def refuse(self, value: Any) -> None:
        """Raise `ValidationError` for a value that it does not take."""
        raise NotImplementedError

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        self.refuse(value)
        return value


class Text(Shaped):
    """Any text that XML can carry, too."""

    def shape(self) -> dict[str, Any]:
        """A string without control characters."""
        return {"type": "string", "pattern": TEXT, "maxLength": MOST_TEXT}

    def refuse(self, value: Any) -> None:
        """Refuse what is no text, too long, or holds a character that XML cannot carry."""
        if not isinstance(value, str):
            raise refusal(NOT_A_TEXT)
        if len(value) > MOST_TEXT:
            raise refusal(N_("Has {came} characters; at most {most} are possible."), came=len(value), most=MOST_TEXT)
        if not is_text(value):
            raise refusal(N_("Holds a character that XML cannot carry (a control character or half of a pair)."))


class Patterned(Shaped):
    """A text of one form."""

    pattern = ""
    wanted = ""  # a template of {value}
    most = 64

    def shape(self) -> dict[str, Any]:
        """A string of the pattern."""
        return {"type": "string", "pattern": f"^(?:{self.pattern})$", "maxLength": self.most}

    def refuse(self, value: Any) -> None:
        """Refuse what does not match."""
        if not isinstance(value, str):
            raise refusal(NOT_A_TEXT)
        if len(value) > self.most:
            raise refusal(N_("Has {came} characters; at most {most} are possible."), came=len(value), most=self.most)
        if not re.fullmatch(self.pattern, value):
            raise refusal(self.wanted, value=value)


class Time(Patterned):
    """A moment with its offset."""

    pattern = TIME
    wanted = N_("{value} is no time with an offset, such as 2026-11-26T08:30:00.000+08:00, of the years 1900 to 2199.")


class Offset(Patterned):
    """Hours and minutes east of UTC."""

    pattern = OFFSET
    wanted = N_("{value} is no offset such as +08:00.")


class Unit(Patterned):
    """A unit of measure."""

    pattern = UNIT
    wanted = N_("{value} is no unit of UN/ECE Recommendation 20, such as KGM.")


class HexBinary(Patterned):
    """Bytes, two hexadecimal digits each."""

    pattern = HEX_BINARY
    wanted = N_("{value} is no hexadecimal text of whole bytes.")
    most = MOST_TEXT


class Uri(Patterned):
    """An absolute URI."""

    pattern = URI
    wanted = N_("{value} is no URI: it begins with a scheme such as https: or urn:, and has no blanks in it.")
    most = MOST_URI


def name_of(level: Level) -> str:
    """What identifiers of a level are called in the exported schema."""
    return f"{level.name.title()}Identifier"


class Identifier(Uri):
    """A URI that names something: GS1's must be right to the digit."""

    def __init__(self, level: Level = Level.ANY, **kwargs: Any):
        super().__init__(**kwargs)
        self.level = level

    @property
    def title(self) -> str:
        """Its level tells what it may name."""
        return name_of(self.level)

    def shape(self) -> dict[str, Any]:
        """A URI with a format of ours, which `identifiers.has_fault` judges."""
        return super().shape() | {"format": self.level.value}

    def refuse(self, value: Any) -> None:
        """Refuse what is no URI, or claims to be an identifier of GS1 and is none."""
        super().refuse(value)
        fault = find_identifier_fault(value, self.level)
        if fault:
            raise ValidationError([fault])


class CbvWord(Shaped):
    """A word of the Core Business Vocabulary as it is, or a URI of somebody else's vocabulary."""

    def __init__(self, kind: cbv.Kind, **kwargs: Any):
        super().__init__(**kwargs)
        self.kind = kind
        self._uri = Uri()

    @property
    def title(self) -> str:
        """The name of the list of words."""
        return "".join(part.title() for part in self.kind.value.split("_"))

    def shape(self) -> dict[str, Any]:
        """One of the words, or a URI outside of GS1's namespaces."""
        private = self._uri.shape() | {"not": {"pattern": _GS1_WORD}}
        return {"anyOf": [{"enum": sorted(cbv.readable(self.kind))}, private]}

    def refuse(self, value: Any) -> None:
        """Refuse a misspelt word, with the word that is most like it."""
        if not isinstance(value, str):
            raise refusal(NOT_A_TEXT)
        if value in cbv.readable(self.kind):
            return
        if len(value) <= MOST_URI and re.fullmatch(URI, value) and not re.match(_GS1_WORD, value):
            return
        like = _nearest(self.kind, re.split("[:/]|-(?=[^-]*$)", value[-_LONGEST_WORD:])[-1])
        if like:
            message = N_("{value} is no word of CBV 2.0 ({like} is like it), nor a URI of another vocabulary.")
            raise refusal(message, value=value, like=like)
        raise refusal(N_("{value} is no word of CBV 2.0, nor a URI of another vocabulary."), value=value)


class OneOf(Shaped):
    """One of a few words."""

    def __init__(self, *choices: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.choices = choices

    def shape(self) -> dict[str, Any]:
        """The words."""
        return {"enum": list(self.choices)}

    def refuse(self, value: Any) -> None:
        """Refuse any other."""
        if not isinstance(value, str) or value not in self.choices:
            raise refusal(N_("{value} is none of: {choices}."), value=value, choices=", ".join(self.choices))


class Numeric(Shaped):
    """A number, whole or decimal; never true, NaN or infinity."""

    def __init__(self, *, above: int = -LARGEST, below: int = LARGEST, **kwargs: Any):
        super().__init__(**kwargs)
        self.above, self.below = above, below

    def shape(self) -> dict[str, Any]:
        """A number between the bounds."""
        return {"type": "number", "exclusiveMinimum": self.above, "exclusiveMaximum": self.below}

    def refuse(self, value: Any) -> None:
        """Refuse what is no number or out of bounds."""
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not _is_finite(value):
            raise refusal(N_("{value} is no number."), value=value)
        if not self.above < value < self.below:
            message = N_("{value} is not between {above} and {below}.")
            raise refusal(message, value=value, above=self.above, below=self.below)


class Truth(Shaped):
    """True or false."""

    def shape(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}

    def refuse(self, value: Any) -> None:
        """Refuse 0, 1 and words."""
        if not isinstance(value, bool):
            raise refusal("Not a valid boolean.")


class Prefixes(Shaped):
    """The namespaces of an event's extension fields, by prefix."""

    def shape(self) -> dict[str, Any]:
        """An object of URIs."""
        names = {"pattern": f"^{PREFIX}$", "maxLength": MOST_URI}
        return {
            "type": "object",
            "propertyNames": names,
            "additionalProperties": Uri().shape(),
            "maxProperties": MOST_PREFIXES,
        }

    def refuse(self, value: Any) -> None:
        """Refuse what is no such map."""
        if not isinstance(value, Mapping):
            raise refusal(N_("The context of an event is a map of prefixes and namespaces; nothing is fetched for it."))
        if len(value) > MOST_PREFIXES:
            raise refusal(N_("Has {came} prefixes; at most {most} are possible."), came=len(value), most=MOST_PREFIXES)
        faults: dict[str, Any] = {}
        for prefix, namespace in value.items():
            try:
                Uri().refuse(namespace)
            except ValidationError as fault:
                faults[prefix] = fault.messages
            if not _is_key(PREFIX, prefix):
                faults[prefix] = refusal(N_("{prefix} is no prefix."), prefix=prefix).messages
        if faults:
            raise ValidationError(faults)


class Many(fields.List[Any]):
    """A list; `unique`: no two elements are equal."""

    def __init__(self, inner: Any, *, least: int = 0, unique: bool = False, **kwargs: Any):
        super().__init__(inner, **kwargs)
        self.least, self.unique = least, unique

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, list):
            raise refusal("Not a valid list.")
        if len(value) < self.least:
            raise refusal(N_("The list is empty; at least one element was wanted."))
        faults: dict[int, Any] = {}
        for number, item in enumerate(value):
            try:
                self.inner.deserialize(item)
            except ValidationError as fault:
                faults[number] = fault.messages
                if len(faults) >= MOST_FAULTS:
                    break
        if faults:
            raise ValidationError(faults)
        if self.unique and len(set(value)) < len(value):
            seen: set[str] = set()
            twice = next(item for item in value if item in seen or seen.add(item))  # type: ignore[func-returns-value]
            raise refusal(N_("{value} stands twice in the list."), value=twice)
        return value


class OneOrMany(Shaped):
    """One value or a list of them."""

    def __init__(self, inner: Shaped, **kwargs: Any):
        super().__init__(**kwargs)
        self.inner = inner

    def shape(self) -> dict[str, Any]:
        """Either of the two."""
        one = self.inner.shape()
        return {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]}

    def refuse(self, value: Any) -> None:
        """Refuse what the inner field refuses, and an empty list."""
        Many(self.inner, least=1).deserialize(value) if isinstance(value, list) else self.inner.refuse(value)


class Part(fields.Nested):
    """A nested element."""

    def __init__(self, schema: type[Schema], **kwargs: Any):
        super().__init__(schema, **kwargs)


def is_extension_key(key: Any) -> bool:
    """Whether a key has the form of an extension field: `prefix:local`, or `@prefix:local` for an XML attribute."""
    return _is_key(EXTENSION_KEY, key)


def _is_key(pattern: str, key: Any) -> bool:
    return isinstance(key, str) and len(key) <= MOST_URI and bool(re.fullmatch(pattern, key)) and is_text(key)


def _is_finite(value: int | float | Decimal) -> bool:
    return value.is_finite() if isinstance(value, Decimal) else -math.inf < value < math.inf


@lru_cache(maxsize=1_024)
def _nearest(kind: cbv.Kind, text: str) -> str | None:
    """The word that a misspelt one is most like."""
    return next(iter(difflib.get_close_matches(text, cbv.words(kind), n=1)), None)
