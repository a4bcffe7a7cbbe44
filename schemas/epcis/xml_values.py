"""Extension fields, master data values and ILMD: XML elements and JSON values of any shape, both ways.

| XML                                                   | JSON                                                   |
| ----------------------------------------------------- | ------------------------------------------------------ |
| `<ex:f>text</ex:f>`                                   | `"ex:f": "text"`                                       |
| `<ex:f><ex:g>..</ex:g></ex:f>`                        | `"ex:f": {"ex:g": ..}`                                 |
| the same element again beside it                      | one key, a list                                        |
| `xsi:type="xsd:integer"` (double, boolean ...)        | number, true or false; all other types are text        |
| `xsi:nil="true"`                                      | null                                                   |
| `<ex:f unit="KGM">3.5</ex:f>`                         | `"ex:f": {"@unit": "KGM", "#text": "3.5"}`             |
| `<ex:f>text <ex:b>..</ex:b> more</ex:f>`              | `"ex:f": {"#content": ["text ", {"ex:b": ..}, " more"]}` |

JSON can say more than that. What follows is written with marks in a namespace of our own, `json`, so that it comes
back as it was; a reader who ignores the marks still sees sensible elements:

| JSON                                      | XML                                                              |
| ----------------------------------------- | ---------------------------------------------------------------- |
| `"ex:f": ["a"]`                           | `<ex:f json:as="list">a</ex:f>`                                  |
| `[]`, lists in lists, lists of one number | `<ex:f json:as="array"><json:item>..</json:item>..</ex:f>`       |
| `{}`                                      | `<ex:f json:as="object"/>`                                       |
| text with characters that XML lacks       | `<ex:f json:as="escaped">\\u0000</ex:f>`                          |
| number, true, false, null in master data  | `<attribute id=".." json:as="literal">12</attribute>`            |
| `"ex:no name": ..`                        | `<json:entry name="ex:no name"><json:item>..</json:item></json:entry>` |
"""

import json
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import pairwise
from typing import Any

from lxml import etree

from schemas.epcis.xml_names import JSON, XSD, XSI, is_text
from schemas.epcis.xml_prefixes import Names, Prefixes, namespaces_of

BLANK = " \t\r\n"  # white space of XML; an ideographic space is text
AS, ITEM, ENTRY = f"{{{JSON}}}as", f"{{{JSON}}}item", f"{{{JSON}}}entry"
NIL, TYPE = f"{{{XSI}}}nil", f"{{{XSI}}}type"
TRUE = ("true", "1")

_MARKS = f"{{{JSON}}}"
_INSTANCE = f"{{{XSI}}}"
_BOOLEANS = {"true": True, "1": True, "false": False, "0": False}
_LITERALS = {"true": True, "false": False}
_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")  # as in JSON: longer ones are no measure of anything
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?")
_NUMBERS = frozenset(
    ["decimal", "double", "float", "integer", "int", "long", "short", "byte", "nonNegativeInteger", "positiveInteger",
     "negativeInteger", "nonPositiveInteger", "unsignedLong", "unsignedInt", "unsignedShort", "unsignedByte"]
)  # fmt: skip

for _prefix, _namespace in (("json", JSON), ("xsi", XSI)):  # the names to see where lxml has to declare them itself
    etree.register_namespace(_prefix, _namespace)


# ---- XML -> JSON ---------------------------------------------------------------------------------------------------


def read_value(element: Any, prefixes: Prefixes) -> Any:
    """The JSON value of an element of any shape; see the tables above."""
    if not element.items():
        return _read_content(element, prefixes) if len(element) else element.text or ""
    mark = element.get(AS)
    if mark == "array":
        return [read_value(child, prefixes) for child in element]
    if mark == "literal":
        return _LITERALS.get(element.text, number_of(element.text or ""))
    if mark == "list":
        return [_read_single(element, prefixes)]
    return _read_single(element, prefixes)


def read_members(elements: Iterable[Any], prefixes: Prefixes) -> dict[str, Any]:
    """{key: value} of elements that stand beside each other; what is repeated becomes a list."""
    return gather(read_member(element, prefixes) for element in elements)


def read_member(element: Any, prefixes: Prefixes) -> tuple[str, Any]:
    """(key, value) of one element."""
    if element.tag == ENTRY:
        items = [read_value(child, prefixes) for child in element]
        value = items[0] if len(items) == 1 else items
        key = element.get("name", _unescaped(element.get("escaped", "")))
        return prefixes.curie(key, element), value
    return prefixes.key(element), read_value(element, prefixes)


def read_attributes(element: Any, prefixes: Prefixes) -> dict[str, str]:
    """{"@name": text} of all attributes but XML Schema's (`xsi:`) and our own marks."""
    return {
        f"@{prefixes.attribute(name, element)}": text
        for name, text in element.items()
        if not name.startswith((_INSTANCE, _MARKS))
    }


def gather(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """A dict of the pairs; a key that comes several times gets the list of its values."""
    found: dict[str, Any] = {}
    repeated: dict[str, list[Any]] = {}
    for key, value in pairs:
        if key not in found:
            found[key] = value
        elif key in repeated:
            repeated[key].append(value)
        else:
            found[key] = repeated[key] = [found[key], value]
    return found


def number_of(text: str) -> int | Decimal | None:
    """The number that a text is, exactly; None where it is none, is infinite, or is beyond any measure."""
    if _INTEGER.fullmatch(text):
        return int(text)
    return Decimal(text) if _DECIMAL.fullmatch(text) else None


def _read_single(element: Any, prefixes: Prefixes) -> Any:
    value = _read_content(element, prefixes)
    attributes = read_attributes(element, prefixes) if element.attrib else {}
    if not attributes:
        return value
    if isinstance(value, dict):
        return attributes | value
    return attributes if value == "" else attributes | {"#text": value}


def _read_content(element: Any, prefixes: Prefixes) -> Any:
    if element.get(NIL, "").strip(BLANK) in TRUE:
        return None
    text = element.text or ""
    if not len(element):
        return _read_text(element, text)
    if any(piece and piece.strip(BLANK) for piece in (text, *(child.tail for child in element))):
        return {"#content": list(_read_mixed(element, prefixes))}
    return read_members(element, prefixes)


def _read_text(element: Any, text: str) -> Any:
    if not element.attrib:
        return text
    mark = element.get(AS)
    if mark == "object":
        return {}
    if mark == "escaped":
        return _unescaped(text)
    prefix, _, kind = element.get(TYPE, "").strip(BLANK).rpartition(":")
    if not kind or namespaces_of(element).get(prefix or None) != XSD:
        return text
    if kind == "boolean":
        return _BOOLEANS.get(text.strip(BLANK), text)
    number = number_of(text.strip(BLANK)) if kind in _NUMBERS else None
    return text if number is None else number


def _read_mixed(element: Any, prefixes: Prefixes) -> Iterator[Any]:
    if element.text:
        yield element.text
    for child in element:
        key, value = read_member(child, prefixes)
        yield {key: value}
        if child.tail:
            yield child.tail


def _unescaped(text: str) -> str:
    try:
        return str(json.loads(f'"{text}"'))
    except ValueError:
        return text


# ---- JSON -> XML ---------------------------------------------------------------------------------------------------


def write_members(parent: Any, members: Iterable[tuple[str, Any]], names: Names, namespace: str = "") -> None:
    """Append an element (several for a list) for each (key, value); bare keys lie in `namespace` (`{...}`)."""
    for key, value in members:
        tag = names.tag(key)
        if tag is None:
            write_entry(parent, key, value, names, namespace)
        else:
            _write(parent, tag if tag[0] == "{" else namespace + tag, value, names, namespace)


def write_entry(parent: Any, key: str, value: Any, names: Names, namespace: str = "") -> None:
    """Append a member whose key is no name of an element (or may not be one in this place)."""
    name = {"name": key} if is_text(key) else {"escaped": escaped(key)}
    _write(etree.SubElement(parent, ENTRY, name), ITEM, value, names, namespace)


def write_attributes(element: Any, members: dict[str, Any], names: Names) -> dict[str, Any]:
    """Set the attributes among the members (`"@name": text`); the members that are left for elements."""
    left = {}
    for key, value in members.items():
        name = names.tag(key[1:]) if key[:1] == "@" and key != "@xmlns" else None
        if name is None or not isinstance(value, str) or not is_text(value) or name.startswith((_INSTANCE, _MARKS)):
            left[key] = value
        else:
            element.set(name, value)
    return left


def fill(element: Any, value: Any, names: Names, namespace: str = "") -> None:
    """Write one value that is no list into its element."""
    if isinstance(value, dict):
        _fill_object(element, value, names, namespace)
    elif isinstance(value, list):
        element.set(AS, "array")
        for item in value:
            fill(etree.SubElement(element, ITEM), item, names, namespace)
    elif value is None:
        element.set(NIL, "true")
    elif isinstance(value, str):
        if is_text(value):
            element.text = value
        else:
            element.set(AS, "escaped")
            element.text = escaped(value)
    else:
        element.set(TYPE, f"{names.xsd}:{_kind(value)}")
        element.text = as_text(value)


def fill_literal(element: Any, value: Any) -> None:
    """Write a number, a truth value or null into an element that has a type by the schema and can have no other."""
    element.set(AS, "literal")
    element.text = "null" if value is None else as_text(value)


def as_text(value: Any) -> str:
    """A number or truth value as XML Schema writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def escaped(text: str) -> str:
    """The text as JSON would write it between quotes, where XML cannot carry it; else as it is."""
    if is_text(text):
        return text
    return "".join(c if is_text(c) else f"\\u{ord(c):04x}" for c in json.dumps(text, ensure_ascii=False)[1:-1])


def _write(parent: Any, tag: str, value: Any, names: Names, namespace: str) -> None:
    if not isinstance(value, list):
        fill(etree.SubElement(parent, tag), value, names, namespace)
    elif len(value) > 1:
        for item in value:
            fill(etree.SubElement(parent, tag), item, names, namespace)
    else:
        element = etree.SubElement(parent, tag)
        plain = [item for item in value if _needs_no_mark(item)]
        fill(element, plain[0] if plain else value, names, namespace)
        if plain:
            element.set(AS, "list")


def _needs_no_mark(value: Any) -> bool:
    """Whether an element with this value may carry the mark of a list; one with `xsi:type` may have no attribute."""
    return (isinstance(value, str) and is_text(value)) or (isinstance(value, dict) and bool(value))


def _fill_object(element: Any, value: dict[str, Any], names: Names, namespace: str) -> None:
    left = write_attributes(element, value, names)
    if not value:
        element.set(AS, "object")
    elif left != value and _is_only(left, "#text") and isinstance(text := left["#text"], str):
        if text and is_text(text):
            element.text = text
            return
    elif _is_only(left, "#content") and _is_mixed(left["#content"], names):
        _fill_mixed(element, left["#content"], names, namespace)
        return
    write_members(element, left.items(), names, namespace)


def _is_only(members: dict[str, Any], key: str) -> bool:
    return len(members) == 1 and key in members


def _is_mixed(content: Any, names: Names) -> bool:
    """Whether it reads back as the same mixed content: texts and single elements, not two texts in a row."""
    if not isinstance(content, list):
        return False
    texts = [isinstance(piece, str) for piece in content]
    if all(texts) or any(this and that for this, that in pairwise(texts)):
        return False
    if not any(piece.strip(BLANK) for piece in content if isinstance(piece, str)):
        return False
    return all((piece and is_text(piece)) if isinstance(piece, str) else _is_element(piece, names) for piece in content)


def _is_element(piece: Any, names: Names) -> bool:
    if not isinstance(piece, dict) or len(piece) != 1:
        return False
    [(key, value)] = piece.items()
    return names.tag(key) is not None and not isinstance(value, list)


def _fill_mixed(element: Any, content: list[Any], names: Names, namespace: str) -> None:
    for piece in content:
        if not isinstance(piece, str):
            write_members(element, piece.items(), names, namespace)
        elif len(element):
            element[-1].tail = piece
        else:
            element.text = piece


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer"
    return "double" if "E" in str(value) else "decimal"  # xsd:decimal knows no exponent
