"""What was read in a photo, in the words of goods: what each code is, which belong to one box, what is doubtful."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from scanners import Doubt, Doubtful, PhotoReading, Reading
from trace.domain.boxes import Sighting, join, reading_order
from trace.domain.codes import Code, CodeKind, find_code, parse_code
from trace.domain.failures import N_, Failure
from trace.domain.gs1_codes import bracketed
from trace.domain.permissions import Actor
from trace.services.products import find_product

REASONS: Mapping[str, str] = {  # by the word that is kept
    Doubt.ALONE: N_(
        "Only one attempt read this, and this kind of barcode does not protect itself against misreading. Compare it"
        " with the number under the bars."
    ),
    Doubt.CHECK_DIGIT: N_("Its check digit is wrong, so at least one digit was misread."),
    Doubt.DISPUTED: N_("Other attempts read something else off the same bars."),
    Doubt.FRAGMENT: N_(
        "It may be a part of a longer code: the bars seem to go on beyond its ends, or its ends cannot be seen clearly."
    ),
}
# So short that stripes in a picture read as one: that a product of the file has its number is no evidence.
_TOO_SHORT = frozenset({"UPC-E"})


def describe_photo(
    session: Session, *, actor: Actor, photo: PhotoReading
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(readings, doubtful) of a photo as they are answered and kept, numbered through in the order people read.

    A doubtful reading counts as read where its number is the GTIN of a product in the file: `evidence` says so. Of a
    20-digit drug code a known beginning is none: nothing protects the 13 digits of its serial number.
    """
    known = [one for one in photo.doubtful if _is_known_product(session, actor, one)]
    doubtful = [one for one in photo.doubtful if one not in known]
    read = [(reading, "pixels") for reading in photo.readings] + [(one.reading, "known_product") for one in known]
    order = reading_order([reading.corners for reading, _ in read])
    readings = [
        {"number": number, **describe_reading(session, actor, read[position][0]), "evidence": read[position][1]}
        for number, position in enumerate(order, start=1)
    ]
    places = reading_order([one.reading.corners for one in doubtful])
    return readings, [
        {"number": number, **_read(one.reading, _find_code(one.reading)), "doubt": one.doubt.value}
        for number, one in enumerate((doubtful[position] for position in places), start=len(readings) + 1)
    ]


def _is_known_product(session: Session, actor: Actor, one: Doubtful) -> bool:
    """Whether the only doubt is that one attempt read it, and its whole number is a GTIN that the file knows."""
    if one.doubt is not Doubt.ALONE or one.reading.symbology in _TOO_SHORT:
        return False
    code = _find_code(one.reading)
    if code is None or code.kind is not CodeKind.GTIN or code.warnings:
        return False
    return find_product(session, actor=actor, code=code) is not None


def describe_reading(session: Session, actor: Actor, reading: Reading) -> dict[str, Any]:
    """One reading as it is answered and kept: what was read, where, by what, and what it is."""
    code = _find_code(reading)
    return {**_read(reading, code), "code": describe_code(session, actor, code) if code else None}


def _read(reading: Reading, code: Code | None) -> dict[str, Any]:
    return {
        "text": reading.text if code else reading.raw.hex(),
        "symbology": reading.symbology,
        "identifier": reading.identifier,
        "corners": [list(corner) for corner in reading.corners],
        "engine": reading.engine,
    }


def _find_code(reading: Reading) -> Code | None:
    """What a reading is; None for binary content, which is kept as hexadecimal digits and named nothing."""
    return find_code(reading.text, symbology=reading.symbology, identifier=reading.identifier)


def describe_code(session: Session, actor: Actor, code: Code) -> dict[str, Any]:
    """What a code is, with the product it belongs to if the file knows it."""
    return _as_dict(code, find_product(session, actor=actor, code=code))


def _as_dict(code: Code, product: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "kind": code.kind.value,
        "text": code.text,
        "uri": code.uri,
        "lot_uri": code.lot_uri,
        "gtin": code.gtin,
        "lot": code.lot,
        "serial": code.serial,
        "produced_on": code.produced_on.isoformat() if code.produced_on else None,
        "expires_on": code.expires_on.isoformat() if code.expires_on else None,
        "amount": str(code.amount) if code.amount is not None else None,
        "unit": code.unit,
        "plu": code.plu,
        "measure": code.measure,
        "product": product,
        "warnings": [warning.as_dict() for warning in code.warnings],
    }


# ---- what belongs together -----------------------------------------------------------------------------------------


def codes_of_boxes(readings: Sequence[Mapping[str, Any]]) -> list[tuple[list[Mapping[str, Any]], Code]]:
    """(its readings, what they say together) of each box, from readings as they are kept; binary ones are on none."""
    named = [reading for reading in readings if reading["code"]]
    return [([named[n] for n in box.sightings], box.code) for box in join([_sighting(reading) for reading in named])]


def printed(reading: Mapping[str, Any]) -> str:
    """The text of a kept reading as it is printed for people: GS1's element strings with their brackets."""
    text = str(reading["text"])
    try:
        code = parse_code(text, symbology=reading["symbology"], identifier=reading["identifier"])
    except Failure:
        return text
    return text if reading.get("code", code) is None else bracketed(code) or text


def _sighting(reading: Mapping[str, Any]) -> Sighting:
    product = reading["code"]["product"]
    return Sighting(
        parse_code(reading["text"], symbology=reading["symbology"], identifier=reading["identifier"]),
        reading["symbology"],
        tuple((int(x), int(y)) for x, y in reading["corners"]),
        product["id"] if product else None,
    )


def describe_boxes(readings: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The boxes as they are answered: the numbers of their readings, and what these say together."""
    return [
        {
            "numbers": [reading["number"] for reading in members],
            **_as_dict(code, next((r["code"]["product"] for r in members if r["code"]["product"]), None)),
        }
        for members, code in codes_of_boxes(readings)
    ]
