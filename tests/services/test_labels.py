"""Labels for one's own lots: scanned at any desk, they name the lot again."""

from datetime import date
from decimal import Decimal

import pytest

from scanners import read_file
from scanners.symbols import Symbology
from tests.town import Town
from trace.domain.failures import Invalid, NotFound
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.services.hops import Some
from trace.services.labels import Label, label_of_lot
from trace.services.receiving import Line
from trace.services.recognition import propose_lines

K = OrganisationKind
SITE = "https://trace.example.cn/"


def label(town: Town, actor: Actor, text: str, **more: float) -> Label:
    with town.store.reading() as session:
        return label_of_lot(session, actor=actor, text=text, site=SITE, **more)


def recognised(town: Town, actor: Actor, printed: Label) -> str | None:
    """The lot that the receiving desk takes a photo of the label for."""
    (page,) = read_file(printed.symbol.png, seconds=5)
    with town.store.reading() as session:
        (line,) = propose_lines(session, actor=actor, texts=[each.text for each in page.readings]).lines
    return str(line["lot"])


@pytest.mark.parametrize(
    ("code", "number", "symbology", "begins"),
    [
        ("6901234567892", "A-1", Symbology.GS1_DATAMATRIX, "0106901234567892"),
        ("6901234567892", "甲(1)", Symbology.QR, f"{SITE}01/06901234567892/10/"),
        (
            "6901234567891",
            "A-1",
            Symbology.QR,
            f"{SITE}t/https%3A%2F%2Fid.gs1.org%2F01%2F06901234567891%2F10%2FA-1",
        ),  # a wrong check digit
        (None, "批 1.2/3", Symbology.QR, f"{SITE}t/https%3A%2F%2F"),
    ],
)
def test_a_printed_label_names_its_lot_again(
    town: Town, code: str | None, number: str, symbology: Symbology, begins: str
) -> None:
    farm, shop = town.organisation(K.FARM), town.organisation()
    dates = {"produced_on": town.day(1), "expires_on": date(2027, 1, 31)}
    lot = town.lot(farm, town.product(farm, code=code), 10, number=number, **dates)
    printed = label(town, farm, lot)
    assert (printed.lot, printed.lot_number, printed.expires_on) == (lot, number, dates["expires_on"])
    assert printed.symbol.symbology is symbology
    assert printed.symbol.text.startswith(begins)
    assert bool(printed.lines) == (symbology is Symbology.GS1_DATAMATRIX)
    town.send(farm, shop, Some(lot, Decimal(10)))
    assert recognised(town, shop, printed) == lot
    assert label(town, farm, printed.symbol.text).lot == lot  # a label scanned is enough to print another


def test_a_label_says_gtin_dates_and_lot_in_this_order(town: Town) -> None:
    farm = town.organisation(K.FARM)
    lot = town.lot(
        farm, town.product(farm, code="6901234567892"), 10,
        number="A1", produced_on=date(2026, 11, 22), expires_on=date(2027, 1, 31),
    )  # fmt: skip
    assert label(town, farm, lot).lines == ("(01)06901234567892", "(11)261122", "(17)270131", "(10)A1")


def test_a_label_is_for_whoever_has_or_recorded_the_lot_and_anothers_is_none(town: Town) -> None:
    farm, shop, other = town.organisation(K.FARM), town.organisation(), town.organisation()
    lot = town.grown(farm)
    town.refuses(NotFound, lambda session: label_of_lot(session, actor=shop, text=lot, site=SITE))
    town.refuses(NotFound, lambda session: label_of_lot(session, actor=shop, text=f"{lot}x", site=SITE))
    town.refuses(Invalid, lambda session: label_of_lot(session, actor=farm, text="6901234567892", site=SITE))
    town.send(farm, shop, Some(lot, Decimal(10)))
    town.arrive(farm, shop, Line(code=lot, amount=Decimal(10)))
    assert label(town, shop, lot).lot == lot
    town.refuses(NotFound, lambda session: label_of_lot(session, actor=other, text=lot, site=SITE))


def test_a_barcode_too_high_for_the_paper_is_made_finer_or_refused(town: Town) -> None:
    farm = town.organisation(K.FARM)
    product = town.product(farm)
    lot = town.lot(farm, product, 10, number="批次甲乙丙丁")
    wide, narrow = label(town, farm, lot), label(town, farm, lot, room=25)
    assert wide.symbol.height > 25 >= narrow.symbol.height
    assert narrow.symbol.text == wide.symbol.text
    long = town.lot(farm, product, 10, number="批" * 60)
    with pytest.raises(Invalid, match="room"):
        label(town, farm, long, room=29)
