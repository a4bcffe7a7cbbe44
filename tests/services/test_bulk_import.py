"""Tables brought in: told row by row, stored whole or not at all, once however often they come."""

import io
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sqlalchemy import select

from schemas.import_templates import template_of
from storage.objects import ObjectStore, open_objects
from storage.tables import (
    bulk_import,
    certificate,
    event,
    lot,
    product,
    receipt,
    receipt_line,
    stored_object,
    supplier,
)
from tests.services.test_concurrency import at_once
from tests.town import NOW, SHANGHAI, Town
from trace.domain.failures import Conflict, NotFound
from trace.domain.import_columns import TableKind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor
from trace.services.bulk_import import bring_in, get_import, list_imports, store_import

HEAD = (
    "供货者,供货者地址,供货者联系方式,进货日期,送货单号,品名,数量,单位,批号,生产日期,"
    "证明种类,证明编号,出具单位,开具日期"
)
SELLER = "张家菜园（演示）,沙坡头区,0955-7000199"
PAPER = "承诺达标合格证,H1,张家菜园（演示）,2026-11-23"


@pytest.fixture
def objects(tmp_path: Path) -> ObjectStore:
    return open_objects(str(tmp_path / "objects"))


@pytest.fixture
def shop(town: Town) -> Actor:
    made = town.organisation()
    town.product(made, name="番茄")
    return made


def line(note: str = "N1", name: str = "番茄", amount: str = "40.5", unit: str = "公斤", number: str = "A1") -> str:
    return f"{SELLER},2026/11/23,{note},{name},{amount},{unit},{number},2026年11月22日,{PAPER}"


def table(*lines: str) -> bytes:
    return "\r\n".join((HEAD, *lines)).encode()


def came(town: Town, shop: Actor, objects: ObjectStore, data: bytes, key: str | None = None) -> dict[str, Any]:
    """The report of an uploaded table."""
    done = town.do(bring_in, town.command(shop, key), objects=objects, name="进货.csv", data=data)
    return read(town, shop, done)


def read(town: Town, shop: Actor, done: dict[str, Any]) -> dict[str, Any]:
    return dict(town.do(get_import, actor=shop, public_id=done["id"]))


def stored(town: Town, shop: Actor, report: dict[str, Any]) -> dict[str, Any]:
    town.do(store_import, town.command(shop), public_id=report["id"])
    return read(town, shop, report)


def kept(town: Town) -> tuple[int, ...]:
    """How much there is of everything that a table could leave behind."""
    return tuple(town.count(one) for one in (receipt, receipt_line, event, lot, product, certificate, supplier))


def said(row: dict[str, Any]) -> list[tuple[str, str]]:
    return [(one["column"], one["came"]) for one in row["faults"]]


def at_once_rule(town: Town, shop: Actor) -> dict[str, Any]:
    """A house rule: more than one row is the worker's."""
    rule = {"name": "import.at_once", "organisation": shop.organisation, "effective_from": town.day(0), "value": 1}
    return rule | {"source": "test", "confidence": "H", "written_at": NOW}


# ---- good ones -----------------------------------------------------------------------------------------------------


def test_a_table_is_looked_at_and_nothing_but_the_file_and_its_report_is_stored(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    before = kept(town)
    report = came(town, shop, objects, table(line(), line(number="A2", amount="3")))
    assert (report["state"], report["ready"], report["rows"], report["faulty"]) == ("checked", True, 2, 0)
    assert "R2" in [finding["rule"] for finding in report["report"][0]["findings"]]
    assert kept(town) == before
    assert (town.count(bulk_import), town.count(stored_object)) == (1, 1)


def test_a_table_is_stored_by_delivery_with_its_papers_on_its_own_day(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    data = table(line(), line("N2", number="A3"), line(number="A2", amount="30", unit="斤")).decode().encode("gb18030")
    report = stored(town, shop, came(town, shop, objects, data))
    assert report["state"] == "stored"
    with town.store.reading() as session:
        r = receipt_line.c
        kept_lines = session.execute(select(r.receipt, r.amount).order_by(r.receipt, r.line))
        rows = [(row.receipt, row.amount) for row in kept_lines]
        assert [amount for _, amount in rows] == [40_500_000, 15_000_000, 40_500_000]
        assert rows[0][0] == rows[1][0] != rows[2][0]
        days = session.scalars(select(receipt.c.received_at)).all()
        assert {day.astimezone(SHANGHAI).date().isoformat() for day in days} == {"2026-11-23"}
    assert (town.count(certificate), town.count(supplier)) == (1, 1)
    first, second, third = (row["result"] for row in report["report"])
    assert first == third != second


def test_a_workbook_with_english_headings_in_any_order_is_the_same_table(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    seller = town.organisation(OrganisationKind.WHOLESALER)
    rows = [
        ["Goods received, November"],
        ["Quantity", "Name", "Supplier", "Remarks", "Receipt date", "Lot", "Our number"],
        [12.5, "番茄", seller.organisation_name, "certificate shown on the phone", 46349, "A1", "x"],
    ]
    held = io.BytesIO()
    with xlsxwriter.Workbook(held, {"in_memory": True}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(rows):
            sheet.write_row(number, 0, row)
    report = came(town, shop, objects, held.getvalue())
    assert (report["ready"], report["report"][0]["cells"]["received_on"]) == (True, "2026-11-23")
    assert len(report["notes"]) == 1  # "Our number" is not read
    assert stored(town, shop, report)["state"] == "stored"


def test_products_are_registered_once_by_code_or_by_name(town: Town, shop: Actor, objects: ObjectStore) -> None:
    data = "商品名称,类别,单位,条码\n黄瓜,蔬菜,公斤,\n牛奶,食品,盒,6901028075763\n".encode()
    report = stored(town, shop, came(town, shop, objects, data))
    assert [row["result"] for row in report["report"]] == ["new", "new"]
    again = stored(town, shop, came(town, shop, objects, data + "茄子,蔬菜,公斤,\n".encode()))
    assert [row["result"] for row in again["report"]] == ["known", "known", "new"]
    assert town.count(product) == 4


# ---- faults --------------------------------------------------------------------------------------------------------


def test_each_fault_names_the_row_the_column_and_what_came(town: Town, shop: Actor, objects: ObjectStore) -> None:
    before = kept(town)
    data = table(
        line(),
        line(amount="viel"),
        line(name="香蕉"),
        line(unit="里"),
        line(unit="个"),
        line().replace("2026/11/23", "23/11/2026"),
        line().replace("2026/11/23", ""),
        line().replace("2026/11/23", "2026/12/23"),
        line(amount="-3"),
        line(number="A" * 61),
        line().replace("承诺达标合格证", "保证书"),
    )
    report = came(town, shop, objects, data)
    assert {row["row"]: said(row) for row in report["report"]} == {
        2: [],
        3: [("数量", "viel")],
        4: [("商品名称", "香蕉")],
        5: [("单位", "里")],
        6: [("单位", "个")],
        7: [("进货日期", "23/11/2026")],
        8: [("进货日期", "")],
        9: [("进货日期", "2026-12-23")],
        10: [("数量", "-3")],
        11: [("批号", "A" * 61)],
        12: [("证明种类", "保证书")],
    }
    assert (report["ready"], kept(town)) == (False, before)
    town.refuses(Conflict, store_import, town.command(shop), public_id=report["id"])


@pytest.mark.parametrize(
    ("heading", "most"), [("供货者", 120), ("供货者地址", 200), ("供货者联系方式", 80), ("送货单号", 80)]
)
def test_what_is_too_long_for_the_record_is_a_fault_of_its_row(
    town: Town, shop: Actor, objects: ObjectStore, heading: str, most: int
) -> None:
    names = HEAD.split(",")
    rows = [line(f"N{n}").split(",") for n in range(2)]
    for row, length in zip(rows, (most, most + 1), strict=True):
        row[names.index(heading)] = "字" * length
    report = came(town, shop, objects, "\n".join(map(",".join, [names, *rows])).encode())
    assert [said(row) for row in report["report"]] == [[], [(heading, "字" * 80)]]


def test_what_the_rules_do_not_accept_is_a_fault_until_it_is_held_or_reasoned(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    head = f"{HEAD},验收结论,理由"
    bare = line().replace(PAPER, ",,,")
    rows = (f"{bare},,", f"{bare},,老供货者".replace("A1", "A2"), f"{bare},暂存,".replace("A1", "A3"))
    report = came(town, shop, objects, "\n".join((head, *rows)).encode())
    assert [len(row["faults"]) for row in report["report"]] == [1, 0, 0]
    assert "R3" in [finding["rule"] for finding in report["report"][2]["findings"]]


def test_two_rows_that_contradict_each_other_are_told(town: Town, shop: Actor, objects: ObjectStore) -> None:
    report = came(town, shop, objects, table(line(), line()))
    assert [len(row["faults"]) for row in report["report"]] == [0, 1]


def test_a_file_that_is_no_table_ends_in_a_report(town: Town, shop: Actor, objects: ObjectStore) -> None:
    before = kept(town)
    for data, told in (
        (b"PK\x03\x04" + bytes(50), "damaged"),
        (b"\x00" * 50, "no table"),
        ("品名,数量\n番茄,1\n".encode(), "missing"),
        (b"hello\nworld\n", "headings"),
        (f"{HEAD},品名\n".encode(), "twice"),
        (HEAD.encode() + b"\n" * 100_000, "no rows"),
        (b"", "headings"),
        *((template_of(kind), "no rows") for kind in TableKind),  # their example is not read
    ):
        report = came(town, shop, objects, data)
        assert (report["state"], told in report["file"][0]["message"]) == ("refused", True), told
    assert kept(town) == before


# ---- once ----------------------------------------------------------------------------------------------------------


def test_the_same_file_is_stored_once_and_says_so(town: Town, shop: Actor, objects: ObjectStore) -> None:
    data = table(line())
    stored(town, shop, came(town, shop, objects, data))
    again = came(town, shop, objects, data)
    assert (again["state"], "already" in again["file"][0]["message"]) == ("refused", True)
    assert town.count(receipt) == 1


def test_an_upload_with_the_same_key_is_one(town: Town, shop: Actor, objects: ObjectStore) -> None:
    one, two = (came(town, shop, objects, table(line()), "k1") for _ in range(2))
    assert (one["id"], town.count(bulk_import)) == (two["id"], 1)


def test_one_file_uploaded_twice_and_stored_at_once_is_stored_once(
    town: Town, shop: Actor, objects: ObjectStore
) -> None:
    """The client key made of the file's hash decides; of one upload the guarded update of its row."""
    one, two = (came(town, shop, objects, table(line())) for _ in range(2))
    answers = at_once(
        *[lambda r=r: town.do(store_import, town.command(shop), public_id=r["id"]) for r in (one, two, one, two)]
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 2
    assert sorted(read(town, shop, r)["state"] for r in (one, two)) == ["refused", "stored"]
    assert town.count(receipt) == 1


def test_what_has_changed_since_the_look_is_not_half_stored(town: Town, shop: Actor, objects: ObjectStore) -> None:
    first = came(town, shop, objects, table(line("N2", number="A9"), line("N1")))
    stored(town, shop, came(town, shop, objects, table(line("N1"))))
    before = kept(town)
    report = stored(town, shop, first)
    assert (report["state"], len(report["file"])) == ("refused", 2)
    assert kept(town) == before


# ---- who reads -----------------------------------------------------------------------------------------------------


def test_anothers_import_looks_like_none(town: Town, shop: Actor, objects: ObjectStore) -> None:
    report = came(town, shop, objects, table(line()))
    other = town.organisation()
    hidden = town.refuses(NotFound, get_import, actor=other, public_id=report["id"])
    assert hidden.message == town.refuses(NotFound, get_import, actor=other, public_id="0" * 26).message
    town.refuses(NotFound, store_import, town.command(other), public_id=report["id"])
    assert (town.do(list_imports, actor=other), len(town.do(list_imports, actor=shop))) == ([], 1)
