"""What a client asks of an answer: JSON or XML, which version, which form of identifiers and of vocabulary words.

Headers by EPCIS 2.0 section 12.3 and GS1's OpenAPI file; what cannot be met is refused with 406, never ignored.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeVar

from flask import request

from trace.domain.epcis.translation import EpcFormat
from trace.domain.failures import N_, NotAcceptable

JSON_TYPES = ("application/json", "application/ld+json")
XML_TYPES = ("application/xml", "text/xml")
Version = Literal["2.0", "1.2"]
CURRENT: Version = "2.0"  # of EPCIS and of CBV alike
OLD: Version = "1.2"
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){0,3}")
Choice = TypeVar("Choice", bound=StrEnum)


class CbvXmlFormat(StrEnum):
    """How vocabulary words stand in XML; JSON has bare words."""

    NO_PREFERENCE = "No_Preference"
    ALWAYS_WEB_URI = "Always_Web_URI"
    ALWAYS_URN = "Always_URN"
    NEVER_TRANSLATES = "Never_Translates"


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a client wants its answer: the media type, the version of EPCIS (`2.0` or `1.2`), the forms of names."""

    media_type: str
    version: Version
    epc_format: EpcFormat
    cbv_format: CbvXmlFormat

    @property
    def xml(self) -> bool:
        """Whether the answer is XML."""
        return self.media_type in XML_TYPES

    @property
    def cbv(self) -> Literal["urn", "web"]:
        """The form of vocabulary words as the XML writer names it; URNs unless web URIs were asked for."""
        return "web" if self.cbv_format is CbvXmlFormat.ALWAYS_WEB_URI else "urn"


def read_wishes() -> Wishes:
    """What this request asks; raises `NotAcceptable` where that is no answer of ours."""
    types = [*JSON_TYPES, *XML_TYPES]
    accept = request.accept_mimetypes
    liked = sorted(types, key=accept.quality, reverse=True) if accept else types
    liked = [media_type for media_type in liked if not accept or accept.quality(media_type) > 0]
    if not liked:
        raise NotAcceptable(
            N_("Answers come as {forms}; the header Accept asks for something else."), forms=", ".join(types)
        )
    media_type, version = _choose_form(liked)
    return Wishes(
        media_type,
        version,
        _one_of(EpcFormat, "GS1-EPC-Format", EpcFormat.NO_PREFERENCE),
        _one_of(CbvXmlFormat, "GS1-CBV-XML-Format", CbvXmlFormat.NO_PREFERENCE),
    )


def _choose_form(liked: list[str]) -> tuple[str, Version]:
    """The form liked best of those that the wanted versions of EPCIS and CBV can be written in."""
    # With a body, these two headers tell what the body is.
    reads = request.method in ("GET", "HEAD", "OPTIONS")
    epcis, cbv = ("GS1-EPCIS-Version", "GS1-CBV-Version") if reads else (None, None)
    for media_type in liked:
        for version in (CURRENT, OLD) if media_type in XML_TYPES else (CURRENT,):
            if _suits(version, epcis, "GS1-EPCIS-Min", "GS1-EPCIS-Max") and _suits(
                version, cbv, "GS1-CBV-Min", "GS1-CBV-Max"
            ):
                return media_type, version
    raise NotAcceptable(
        N_("EPCIS and CBV 2.0 are written here, 1.2 as XML only; {asked} is asked for."), asked=_asked_versions()
    )


def read_extensions() -> dict[str, str]:
    """{prefix: namespace} of the header `GS1-Extensions`, which explains prefixes in a query's parameters."""
    found = {}
    for part in filter(None, map(str.strip, request.headers.get("GS1-Extensions", "").split(","))):
        prefix, sign, namespace = part.partition("=")
        if not prefix.strip() or not sign or not namespace.strip():
            raise NotAcceptable(
                N_("GS1-Extensions takes prefix=namespace, parted by commas; {part} came."), part=part[:80]
            )
        found[prefix.strip()] = namespace.strip()
    return found


def check_sent_version() -> None:
    """Raise `NotAcceptable` if a body is announced in a version that is not read here."""
    for name in ("GS1-EPCIS-Version", "GS1-CBV-Version"):
        if not any(_suits(version, name, None, None) for version in (CURRENT, OLD)):
            raise NotAcceptable(N_("EPCIS and CBV 2.0 and 1.2 are read here; {asked} came."), asked=_asked_versions())


def _asked_versions() -> str:
    names = [f"GS1-{of}-{bound}" for of in ("EPCIS", "CBV") for bound in ("Version", "Min", "Max")]
    return ", ".join(f"{name}: {request.headers[name][:20]}" for name in names if name in request.headers)


def _suits(ours: str, exact: str | None, least: str | None, most: str | None) -> bool:
    """Whether a version of ours is what the headers of these names ask for."""
    pair = _pair(ours)
    wanted, low, high = _version(exact), _version(least), _version(most)
    return wanted in (None, pair) and (low is None or low <= pair) and (high is None or pair <= high)


def _version(name: str | None) -> tuple[int, int] | None:
    text = request.headers.get(name) if name else None
    if text is None:
        return None
    if not _VERSION.fullmatch(text.strip()):
        raise NotAcceptable(
            N_("The header {name} takes a version such as 2.0.0; {text} came."), name=name, text=text[:80]
        )
    return _pair(text.strip())


def _pair(text: str) -> tuple[int, int]:
    # The third number counts corrections: 2.0.1 reads and writes what 2.0.0 does.
    major, minor, *_ = [*map(int, text.split(".")), 0]
    return major, minor


def _one_of(kind: type[Choice], name: str, default: Choice) -> Choice:
    text = request.headers.get(name)
    if text is None:
        return default
    try:
        return kind(text.strip())
    except ValueError:
        raise NotAcceptable(
            N_("The header {name} takes one of {words}; {text} came."),
            name=name,
            words=", ".join(kind),
            text=text[:80],
        ) from None
