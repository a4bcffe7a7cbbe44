"""What was read becomes goods: numbers, boxes, doubts. The readings are values here; pixels are the scanners' tests."""

from typing import Any

from scanners import Doubt, Doubtful, PhotoReading, Reading
from tests.town import Town
from trace.domain.permissions import Actor
from trace.domain.products import Category
from trace.services.readings import REASONS, codes_of_boxes, describe_boxes, describe_photo
from trace.services.recognition import propose_lines

EAN, DRUG = "6901234567892", "83857930000879766660"
LOT = "10A1\x1d17270131"


def seen(text: str, x: int, y: int, symbology: str = "EAN-13", identifier: str = "", width: int = 300) -> Reading:
    corners = ((x, y), (x + width, y), (x + width, y + 100), (x, y + 100))
    return Reading(text, symbology, identifier, corners, "zxing", text.encode())


def photo(*readings: Reading, doubtful: tuple[Doubtful, ...] = ()) -> PhotoReading:
    return PhotoReading(readings, doubtful, 1, 1, 1000, 800, "image/jpeg", b"", "image/jpeg", 1.0)


def described(town: Town, actor: Actor, taken: PhotoReading) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    with town.store.reading() as session:
        return describe_photo(session, actor=actor, photo=taken)


def lines(town: Town, actor: Actor, taken: PhotoReading) -> list[dict[str, Any]]:
    """The lines that a photo becomes."""
    readings, _ = described(town, actor, taken)
    with town.store.reading() as session:
        codes = [code for _, code in codes_of_boxes(readings)]
        return propose_lines(session, actor=actor, codes=codes).lines


# ---- boxes ---------------------------------------------------------------------------------------------------------


def test_a_case_with_its_number_on_one_symbol_and_lot_and_date_on_another_is_one_line(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, Category.PACKAGED_FOOD, "EA", code=EAN)
    taken = photo(seen(EAN, 0, 0), seen(LOT, 0, 130, "GS1-128", "]C1"))
    readings, _ = described(town, shop, taken)
    (box,) = describe_boxes(readings)
    assert (box["numbers"], box["gtin"], box["lot"], box["expires_on"]) == ([1, 2], f"0{EAN}", "A1", "2027-01-31")
    assert box["product"]["id"] == product
    (line,) = lines(town, shop, taken)
    assert (line["product"]["id"], line["lot_number"], str(line["expires_on"])) == (product, "A1", "2027-01-31")


def test_a_drug_box_with_its_trace_code_and_its_matrix_is_one_pack_with_lot_and_date(town: Town) -> None:
    shop = town.organisation()
    matrix = seen(f"010{EAN}{LOT}", 330, 0, "DataMatrix", "]d2", 90)
    drug = town.drug(shop, code=EAN)
    (line,) = lines(town, shop, photo(seen(DRUG, 0, 0, "Code128"), matrix))
    assert [code.rpartition("/")[2] for code in line["codes"]] == [DRUG]
    assert (line["lot_number"], str(line["expires_on"]), line["product"]["id"]) == ("A1", "2027-01-31", drug)


def test_packs_of_one_product_and_lot_are_one_line_and_another_lot_is_another(town: Town) -> None:
    shop = town.organisation()
    packs = [
        part
        for n, lot in enumerate(("A1", "A1", "B2"))
        for part in (
            seen(f"8385793{n:013d}", 0, 400 * n, "Code128"),
            seen(f"010{EAN}10{lot}", 330, 400 * n, "DataMatrix", "]d2", 90),
        )
    ]
    assert [(line["lot_number"], len(line["codes"])) for line in lines(town, shop, photo(*packs))] == [
        ("A1", 2),
        ("B2", 1),
    ]


def test_codes_of_two_known_products_are_not_joined(town: Town) -> None:
    shop = town.organisation()
    town.drug(shop, code=DRUG)
    town.product(shop, Category.PACKAGED_FOOD, "EA", code=EAN)
    readings, _ = described(town, shop, photo(seen(DRUG, 0, 0, "Code128"), seen(EAN, 0, 120)))
    assert [box["numbers"] for box in describe_boxes(readings)] == [[1], [2]]


def test_readings_are_numbered_as_people_read_and_doubtful_ones_after_them(town: Town) -> None:
    taken = photo(
        seen(DRUG, 600, 10, "Code128"), seen("6901028075763", 0, 300), seen(EAN, 0, 0),
        doubtful=(Doubtful(seen("6901028075770", 0, 600), Doubt.DISPUTED),),
    )  # fmt: skip
    readings, doubtful = described(town, town.organisation(), taken)
    assert [(r["number"], r["text"]) for r in readings] == [(1, EAN), (2, DRUG), (3, "6901028075763")]
    assert [(r["number"], r["text"], r["doubt"]) for r in doubtful] == [(4, "6901028075770", "disputed")]


def test_a_upc_e_on_a_line_is_named_by_what_it_stands_for(town: Town) -> None:
    (line,) = lines(town, town.organisation(), photo(seen("01234565", 0, 0, "UPC-E")))
    assert (line["label"], line["new_product_code"]) == ("00012345000065", "00012345000065")


def test_an_unknown_in_store_code_offers_a_number_that_can_be_registered(town: Town) -> None:
    shop = town.organisation()
    (line,) = lines(town, shop, photo(seen("2112345015002", 0, 0)))
    product = town.product(shop, code=line["new_product_code"])
    (again,) = lines(town, shop, photo(seen("2112345020006", 0, 0)))
    assert again["product"]["id"] == product


# ---- doubts --------------------------------------------------------------------------------------------------------


def test_what_is_doubtful_is_told_and_never_on_a_line(town: Town) -> None:
    shop = town.organisation()
    taken = photo(doubtful=tuple(Doubtful(seen(EAN, 0, n * 200), doubt) for n, doubt in enumerate(Doubt)))
    readings, doubtful = described(town, shop, taken)
    assert (readings, [one["doubt"] for one in doubtful]) == ([], [doubt.value for doubt in Doubt])
    assert lines(town, shop, taken) == []
    assert REASONS.keys() >= {doubt.value for doubt in Doubt}


def test_a_doubtful_number_of_a_known_product_is_read_and_says_on_what_evidence(town: Town) -> None:
    shop = town.organisation()
    product = town.product(shop, code=EAN)
    doubts = tuple(Doubtful(seen(EAN, 0, n * 200), doubt) for n, doubt in enumerate(Doubt))
    readings, doubtful = described(town, shop, photo(seen("6901028075763", 500, 0), doubtful=doubts))
    assert [(r["text"], r["evidence"]) for r in readings] == [(EAN, "known_product"), ("6901028075763", "pixels")]
    assert readings[0]["code"]["product"]["id"] == product
    assert [one["doubt"] for one in doubtful] == [doubt.value for doubt in Doubt if doubt is not Doubt.ALONE]


def test_a_known_beginning_is_no_evidence_for_a_drug_code_and_none_for_a_short_number(town: Town) -> None:
    shop = town.organisation()
    town.drug(shop, code=DRUG)
    town.product(shop, code="00012345000065")
    texts = ((DRUG, "Code128"), (DRUG, "ITF"), ("01234565", "UPC-E"), (f"010{EAN}10A1", "Code128"))
    doubts = tuple(Doubtful(seen(t, 0, n * 200, kind), Doubt.ALONE) for n, (t, kind) in enumerate(texts))
    readings, doubtful = described(town, shop, photo(doubtful=doubts))
    assert (readings, len(doubtful)) == ([], 4)
