"""GS1 Digital Link addresses as a resolver meets them: taken apart, judged, and walked up to what they belong to.

GS1 Digital Link: URI Syntax 1.4 and later (ISO/IEC 18975): keys and qualifiers by number only, no words (`/gtin/`),
nothing compressed. `trace.domain.uris` says which things the identifiers in one name.
"""

import re
from dataclasses import dataclass
from urllib.parse import quote

from biip.gs1_application_identifiers import GS1ApplicationIdentifier

from trace.domain.checks import is_check_digit_right, wrong_digit
from trace.domain.failures import N_, Invalid
from trace.domain.uris import GS1, canonical_uri

# The primary keys, each with the qualifiers that may follow it, in this order (URI Syntax, section 4.9).
QUALIFIERS: dict[str, tuple[str, ...]] = {
    "00": (),
    "01": ("22", "10", "21", "235"),
    "253": (),
    "255": (),
    "401": (),
    "402": (),
    "414": ("254", "7040"),
    "415": ("8020",),
    "417": ("7040",),
    "8003": (),
    "8004": ("7040",),
    "8006": ("22", "10", "21"),
    "8010": ("8011",),
    "8013": (),
    "8017": ("8019",),
    "8018": ("8019",),
}
# How many of a key's first digits end in a check digit.
_CHECKED = {
    "00": 18, "01": 14, "253": 13, "255": 13, "402": 17, "414": 13, "415": 13, "417": 13,
    "8003": 14, "8006": 14, "8017": 18, "8018": 18,
}  # fmt: skip
_SHORT_GTINS = (8, 12, 13)


@dataclass(frozen=True, slots=True)
class DigitalLink:
    """The (application identifier, value) pairs of an address, its key first.

    `stray` is the first segment that stands where a qualifier was due and is none. It was taken for a part of the value
    before it: servers decode `%2F` before an application sees the path, and a lot number may hold a slash.
    """

    elements: tuple[tuple[str, str], ...]
    stray: str = ""


def parse_digital_link(path: str) -> DigitalLink:
    """The parts of a decoded path, `01/06901234567892/10/A1`; a slash at its end is no matter.

    Raises `Invalid` for a path that does not begin with a primary key and a value.
    """
    key, _, rest = path.strip("/").partition("/")
    if key not in QUALIFIERS or not rest:
        raise Invalid(N_("/{path} is no GS1 Digital Link: a primary key and its value were wanted."), path=path[:120])
    segments = rest.split("/")
    elements, due, stray = [(key, segments[0])], list(QUALIFIERS[key]), ""
    at = 1
    while at < len(segments):
        if segments[at] in due and at + 1 < len(segments):
            elements.append((segments[at], segments[at + 1]))
            del due[: due.index(segments[at]) + 1]
            at += 2
        else:
            stray = stray or segments[at]
            elements[-1] = (elements[-1][0], f"{elements[-1][1]}/{segments[at]}")
            at += 1
    if key == "01" and len(elements[0][1]) in _SHORT_GTINS:
        elements[0] = ("01", elements[0][1].zfill(14))
    return DigitalLink(tuple(elements), stray)


def check_syntax(link: DigitalLink) -> None:
    """Raise `Invalid` for what GS1 does not allow: a stray segment, a value of the wrong form, a wrong check digit.

    The check characters of a GMN (8013) are not verified: it names a model, which nothing is recorded of.
    """
    if link.stray:
        raise Invalid(
            N_("{segment} is no qualifier that could stand here in a GS1 Digital Link."), segment=link.stray[:40]
        )
    for ai, value in link.elements:
        known = GS1ApplicationIdentifier.extract(ai)
        if not re.fullmatch(known.pattern, ai + value, re.ASCII):
            raise Invalid(
                N_("({ai}) in a GS1 Digital Link takes a value of the form {form}; {value} came."),
                ai=ai,
                form=known.format.partition("+")[2],
                value=value[:40],
            )
    ai, value = link.elements[0]
    checked = value[: _CHECKED.get(ai, 0)]
    if checked and not is_check_digit_right(checked):
        raise Invalid(wrong_digit(checked).message, number=checked)


def path_of(link: DigitalLink) -> str:
    """The address again, percent-encoded, without a slash before it: `01/06901234567892/10/A%2F1`."""
    return _path(link.elements)


def uris_of_levels(link: DigitalLink) -> tuple[str, ...]:
    """The canonical URIs of what the link names, from the pack over its lot to its product, each once.

    A resolver answers with the first of which it knows something (GS1-Conformant Resolver: it walks up the tree).
    """
    levels = (link.elements[:count] for count in range(len(link.elements), 0, -1))
    return tuple(dict.fromkeys(canonical_uri(f"{GS1}/{_path(level)}") for level in levels))


def _path(elements: tuple[tuple[str, str], ...]) -> str:
    return "/".join(f"{ai}/{quote(value, safe='-._~')}" for ai, value in elements)
