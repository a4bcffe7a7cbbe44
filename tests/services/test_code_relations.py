"""Relation files: a case's code tells its boxes, and their batch, once such a file was brought in."""

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from xlsxwriter import Workbook

from storage.objects import FolderObjects
from storage.tables import event, product_code, relation_file
from tests.services.deliveries import refused
from tests.services.test_receiving import a_distributor, a_drug
from tests.town import Town
from trace.domain.failures import Conflict, Failure, Invalid, TooLarge
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor
from trace.domain.uris import drug_code_uri
from trace.services.acceptance import change, open_acceptance
from trace.services.acceptance_codes import scan
from trace.services.acceptance_rows import NewLine
from trace.services.accepting import accept
from trace.services.code_relations import bring_in_relations, get_relation_file
from trace.services.drug_file import read_codes
from trace.services.open_containers import goods_inside
from trace.services.receiving import Line, receive

CASE, BUNDLES = "80217610000000000001", ["80217620000000000001", "80217620000000000002"]
BOXES = [f"8206233{n:013d}" for n in range(10)]
ROWS = [
    (CASE, 3, ""),
    *((bundle, 2, CASE) for bundle in BUNDLES),
    *((box, 1, BUNDLES[n // 5]) for n, box in enumerate(BOXES)),
]


def as_xml(
    rows: list[tuple[str, int, str]] = ROWS, batch: str = "B1", before: str = "", encoding: str = "UTF-8"
) -> bytes:
    codes = "".join(f'<Code curCode="{c}" packLayer="{n}" parentCode="{p}" flag="0"/>' for c, n, p in rows)
    text = f"""<?xml version="1.0" encoding="{encoding}"?>{before}<Document><Events><Event Name="RelationCreate">
    <Relation productCode="阿莫西林" cascade="1:5:10"><Batch batchNo="{batch}" madeDate="2026-01-05"
    validateDate="2027-12-31">{codes}</Batch></Relation></Event></Events></Document>"""
    return text.encode(encoding)


def as_csv(rows: list[tuple[str, int, str]] = ROWS) -> bytes:
    lines = [
        "包装级别,追溯码,上级码,批号,生产日期,有效期至",
        *(f"{n},{c},{p},B1,2026-01-05,2027-12-31" for c, n, p in rows),
    ]
    return "\n".join(lines).encode("gb18030")


def as_workbook() -> bytes:
    file = io.BytesIO()
    with Workbook(file) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["追溯码", "上级码"])
        sheet.write_row(1, 0, [float(BOXES[0]), BUNDLES[0]])
    return file.getvalue()


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path)


def bring_in(town: Town, shop: Actor, objects: FolderObjects, data: bytes, **more: Any) -> dict[str, Any]:
    done = town.do(bring_in_relations, town.command(shop, hours=9), objects=objects, name="a.xml", data=data, **more)
    return dict(town.do(get_relation_file, actor=shop, public_id=done["id"]))


def refuses(
    town: Town, failure: type[Failure], shop: Actor, objects: FolderObjects, data: bytes, **more: Any
) -> Failure:
    before = (town.count(event), town.count(product_code), town.count(relation_file))
    command = town.command(shop)
    found = town.refuses(failure, bring_in_relations, command, objects=objects, name="a", data=data, **more)
    assert (town.count(event), town.count(product_code), town.count(relation_file)) == before
    return found


@pytest.mark.parametrize("data", [as_xml(), as_xml(encoding="GB18030"), as_csv()], ids=["xml", "gb18030", "csv"])
def test_a_case_tells_its_boxes_and_is_received_by_its_code(town: Town, objects: FolderObjects, data: bytes) -> None:
    shop = town.organisation(K.PHARMACY)
    supplier, line = a_distributor(town, shop), a_drug(town, shop)
    told = bring_in(town, shop, objects, data, product=line.product)
    assert (told["cases"], told["boxes"], told["fresh"]) == (3, 10, 12)
    assert [(lot["lot_number"], lot["expires_on"]) for lot in told["lots"]] == [("B1", "2027-12-31")]
    with town.store.reading() as session:
        inside = {good.item for good in goods_inside(session, drug_code_uri(CASE)).goods}
        levels = [code.pack_level for code in read_codes(session, [BOXES[3], BUNDLES[0], CASE], actor=shop)]
    assert inside == {drug_code_uri(box) for box in BOXES}
    assert levels == [1, 2, 3]
    whole = Line(container=CASE, certificates=line.certificates)
    town.do(receive, town.command(shop), supplier=supplier, lines=[whole])
    assert [town.stock(shop, drug_code_uri(code)) for code in (BOXES[0], BOXES[9], CASE)] == [(1, 0), (1, 0), (0, 0)]


def test_a_case_known_from_a_file_is_accepted_box_by_box_under_its_batch(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(K.PHARMACY)
    supplier, line = a_distributor(town, shop), a_drug(town, shop)
    bring_in(town, shop, objects, as_xml(), product=line.product)
    noted = [
        NewLine(str(line.product), Decimal(10), batch, expires_on=day, more={"certificates": list(line.certificates)})
        for batch, day in (("B1", date(2027, 12, 31)), ("B2", date(2028, 1, 31)))
    ]
    asked = {"supplier": supplier, "lines": noted, "delivery_note": "KD-1"}
    opened = town.do(open_acceptance, town.command(shop), **asked)["id"]
    read = town.do(scan, town.command(shop), public_id=opened, texts=[CASE])
    assert (read["fresh"], read["waiting"]) == (10, 0)  # the file tells their batch: nobody is asked which line
    town.do(change, town.command(shop), public_id=opened, lines={1: {"decision": "absent"}})
    done = town.do(accept, town.command(shop), public_id=opened)
    assert done["lines"] == 1
    assert town.stock(shop, drug_code_uri(BOXES[9])) == (1, 0)


def test_the_same_file_again_changes_nothing_and_another_shop_may_have_it_too(
    town: Town, objects: FolderObjects
) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    first = bring_in(town, shop, objects, as_xml(), product=town.drug(shop))
    events = town.count(event)
    assert bring_in(town, shop, objects, as_xml()) == first
    assert bring_in(town, other, objects, as_xml())["fresh"] == 0
    assert town.count(event) == events


def test_which_product_it_is_is_asked(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(K.PHARMACY)
    asked = refuses(town, Invalid, shop, objects, as_xml())
    assert (asked.field, sorted(asked.details["new_identifiers"])) == ("product", ["8021761", "8021762", "8206233"])
    bring_in(town, shop, objects, as_xml(), product=town.drug(shop))
    more = [("80217610000000000009", 2, ""), ("82062330000000000099", 1, "80217610000000000009")]
    assert "level 2" in str(refuses(town, Invalid, shop, objects, as_xml(more)))


def test_a_box_is_in_one_case_and_of_one_lot(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(K.PHARMACY)
    bring_in(town, shop, objects, as_xml(), product=town.drug(shop))
    elsewhere = [("80217620000000000003", 2, ""), (BOXES[0], 1, "80217620000000000003")]
    assert "is in the case" in str(refuses(town, Conflict, shop, objects, as_xml(elsewhere)))
    assert "in lot B1" in str(refuses(town, Conflict, shop, objects, as_xml(batch="B2")))


RING = [("80217610000000000001", 3, "80217610000000000002"), ("80217610000000000002", 3, "80217610000000000001")]
BOMB = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
HOSTILE = {
    "ring": as_xml(RING),
    "itself": as_csv([(CASE, 1, CASE)]),
    "two cases": as_csv([*ROWS, (BOXES[0], 1, BUNDLES[1])]),
    "case in its box": as_xml([(CASE, 1, BOXES[0]), (BOXES[0], 1, "")]),
    "no code": as_xml([("838579300008797666O0", 1, CASE), ("838579", 1, CASE)]),
    "entities": as_xml(before=BOMB),
    "outside DTD": as_xml(before='<!DOCTYPE d SYSTEM "file:///etc/passwd">'),
    "cut off": as_xml()[:-40],
    "deep": b"<a>" * 30 + b"</a>" * 30,
    "much else": b"<a>" + b"<b/>" * 3_000 + b"</a>",
    "empty": b"",
    "html": b"<html><body>Not found</body></html>",
    "long": as_xml([("8" * 100_000, 1, "")]),
    "deeper than packs are": as_csv([(f"8021761{n:013d}", 1, f"8021761{n + 1:013d}") for n in range(9)]),
    "numbers that lost their digits": as_workbook(),
    "picture": b"\x89PNG\r\n\x1a\n" + b"\x00" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_true_is_refused_whole(town: Town, objects: FolderObjects, name: str) -> None:
    shop = town.organisation(K.PHARMACY)
    assert refuses(town, Invalid, shop, objects, HOSTILE[name], product=town.drug(shop)).field == "file"


def test_more_than_a_file_may_have_is_refused_before_it_is_read(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(K.PHARMACY)
    refuses(town, TooLarge, shop, objects, b"<" * 20_000_001)


def test_another_shops_file_looks_like_none(town: Town, objects: FolderObjects) -> None:
    shop, other = town.organisation(K.PHARMACY), town.organisation(K.PHARMACY)
    told = bring_in(town, shop, objects, as_xml(), product=town.drug(shop))
    assert town.refuses(Failure, get_relation_file, actor=other, public_id=told["id"])


def test_a_case_whose_boxes_are_known_is_no_pack(town: Town, objects: FolderObjects) -> None:
    shop = town.organisation(K.PHARMACY)
    supplier, line = a_distributor(town, shop), a_drug(town, shop)
    bring_in(town, shop, objects, as_xml(), product=line.product)
    assert "level 3" in str(refused(town, Invalid, shop, supplier, replace(line, codes=(CASE,))))
