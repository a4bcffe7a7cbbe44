"""Stock care and stock-taking through the pages and the API, as a pharmacy's clerks use them."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from storage.tables import ident, organisation, person, product, receipt, stock
from tests.web.conftest import Demo
from trace.domain.permissions import Role
from trace.domain.uris import drug_code_uri
from trace.services.people import create_person

SECOND, PASSWORD = "second-at-the-pharmacy", "long enough to be one"


@pytest.fixture
def packs(demo: Demo) -> list[str]:
    """The trace codes of one lot on hand at the demonstration's pharmacy, where all came long ago and two work."""
    now = datetime.now(UTC)
    with demo.store.writing() as session:
        here = session.scalars(select(person.c.organisation).where(person.c.sign_in == "pharmacist")).one()
        create_person(
            session,
            sign_in=SECOND,
            name="李四（演示）",
            password=PASSWORD,
            role=Role.CLERK,
            organisation_id=here,
            now=now,
        )
        came = now - timedelta(days=100)
        session.execute(update(receipt).where(receipt.c.organisation == here).values(received_at=came))
        query = select(ident.c.uri).join(stock, stock.c.item == ident.c.id).order_by(ident.c.id)
        mine = query.where(stock.c.organisation == here, stock.c.on_hand > 0)
        lot = session.scalars(select(stock.c.lot).where(stock.c.organisation == here, stock.c.on_hand > 0)).first()
        codes = session.scalars(mine.where(stock.c.lot == lot, ident.c.uri.startswith(drug_code_uri("")))).all()
    return [uri.rpartition("/")[2] for uri in codes]


def test_an_inspector_reads_a_shops_quarantine_checks_and_stock_takings_and_each_look_is_written_down(
    demo: Demo, packs: list[str]
) -> None:
    shop, inspector = demo.browser("pharmacist"), demo.browser("inspector")
    taking = shop.post("/stocktaking", {"category": "drug", "note": "柜台盘点"}).location
    lot = next(row["lot"] for row in demo.get("/stock", "pharmacist").json["stock"] if row["category"] == "drug")
    assert shop.post("/care/apart", {"lot": lot, "reason": "包装破损"}).status_code == 303
    with demo.store.reading() as session:
        of = select(person.c.organisation).where(person.c.sign_in == "pharmacist").scalar_subquery()
        here, name = session.execute(
            select(organisation.c.public_id, organisation.c.name).where(organisation.c.id == of)
        ).one()
        market = session.scalars(select(organisation.c.public_id).where(organisation.c.kind == "supermarket")).first()
    late = {"lots": [{"lot": lot}], "happened_at": (datetime.now(UTC) - timedelta(days=9)).isoformat()}
    assert demo.post("/care/checks", late, "pharmacist").status_code == 201
    care = f"/inspector/organisations/{here}/care"
    assert care in inspector.get(f"/inspector/organisations/{here}").text
    page = inspector.get(f"{care}?reason=投诉").text
    assert "包装破损" in page
    assert "柜台盘点" in page
    assert "补录于" in page  # a check that is dated back says when it was typed
    one = f"{care}?stocktake={taking.rpartition('/')[2]}"
    assert one.partition("?")[2] in page
    for text in (page, inspector.get(one).text):
        assert re.findall(r'<form[^>]*action="([^"]+)"', text) == ["/sign-out"]  # nothing is done from here
    looks = [
        (look["what"], look["subject"], look["reason"]) for look in demo.get("/look-ups", "auditor").json["look_ups"]
    ]
    assert ("stock_care", name, "投诉") in looks
    assert next(subject for what, subject, _ in looks if what == "stock_care").startswith(f"{name} ")
    assert shop.get(care).status_code == 200  # its own
    assert demo.browser("station").get(care).status_code == 404
    assert shop.get(f"/inspector/organisations/{market}/care").status_code == 404


def test_stock_is_taken_scan_by_scan_and_closed_by_two(demo: Demo, packs: list[str]) -> None:
    shop = demo.browser("pharmacist")
    assert shop.post("/stocktaking", {}).status_code == 422  # of what?
    one = shop.post("/stocktaking", {"category": "drug", "note": "柜台"}).location
    assert one in shop.get("/stocktaking").text
    assert "✓" in shop.post(one, {"codes": packs[0], "client_key": "s1"}).text
    assert "已盘过" in shop.post(one, {"codes": packs[0], "client_key": "s2"}).text
    assert "账上从未到过本店" in shop.post(one, {"codes": "89999990000000000001"}).text
    assert "不是追溯码" in shop.post(one, {"codes": "1"}).text
    shop.post(one, {"codes": "\n".join(packs[1:-1])})
    shop.post(one, {"lot": drug_code_uri(packs[1]), "amount": "0", "anew": "yes"})
    compared = shop.get(f"{one}/result").text
    assert "盘亏" in compared
    assert packs[-1] in compared
    closing = {"reason": "货架倒了", "override-sign_in": SECOND}
    assert shop.post(f"{one}/result", {}).status_code == 422
    assert shop.post(f"{one}/result", closing | {"override-password": "wrong"}).status_code == 422
    assert shop.post(f"{one}/result", closing | {"override-password": PASSWORD}).status_code == 303
    closed = shop.get(one).text
    assert "李四（演示）" in closed
    assert 'name="codes"' not in closed
    assert PASSWORD not in closed
    assert shop.post(one, {"codes": packs[-1]}).status_code == 409
    told = demo.get(f"/stocktakes/{one.rpartition('/')[2]}", "pharmacist").json["result"]["things"]
    outcomes = {thing["code"]: thing["outcome"] for thing in told}
    assert outcomes[packs[1]] == outcomes[packs[-1]] == "missing"
    assert outcomes["89999990000000000001"] == "strange"
    assert packs[0] not in outcomes
    assert "盘点时未找到" in shop.get(f"/inspector/trace?code={packs[-1]}").text


def test_lots_are_looked_at_kept_apart_and_released(demo: Demo, packs: list[str]) -> None:
    shop = demo.browser("pharmacist")
    assert "/care/checks" in shop.get("/care").text
    page = shop.get("/care/checks").text
    lots = re.findall(r'name="lot-\d+" value="([^"]+)"', page)
    assert lots
    form = {f"lot-{n}": lot for n, lot in enumerate(lots)}
    assert shop.post("/care/checks", form).status_code == 422  # nobody looked at anything
    form |= {f"outcome-{n}": "held" for n in range(len(lots))}
    refused = shop.post("/care/checks", form)
    assert (refused.status_code, "aria-invalid" in refused.text) == (422, True)
    form |= {f"note-{n}": "包装破损" for n in range(len(lots))}
    assert shop.post("/care/checks", form).status_code == 303
    assert demo.post("/dispensings", {"codes": packs[:1]}, "pharmacist").status_code == 409
    apart = shop.get("/care/quarantine").text
    assert "包装破损" in apart
    assert packs[0] in apart
    assert shop.post("/care/quarantine", {"codes": packs[0]}).status_code == 422  # why?
    assert shop.post("/care/quarantine", {"codes": packs[0], "reason": "复查合格"}).status_code == 303
    held = demo.get("/quarantine", "pharmacist").json["lots"]
    assert drug_code_uri(packs[0]) not in [code for lot in held for why in lot["whys"] for code in why["codes"]]


def test_a_special_drug_is_released_by_two_people_on_every_way_back_to_the_shelf(demo: Demo, packs: list[str]) -> None:
    with demo.store.writing() as session:
        session.execute(update(product).where(product.c.category == "drug").values(drug_class="narcotic"))
    shop, three = demo.browser("pharmacist"), packs[:3]
    held = demo.post("/hops/hold", {"goods": [{"code": code} for code in three], "reason": "包装受潮"}, "pharmacist")
    assert (held.status_code, 'name="override-sign_in"' in shop.get("/care/quarantine").text) == (201, False)
    signed = {"override-sign_in": SECOND, "override-password": PASSWORD}
    for path, code, more in (
        ("/care/quarantine", three[0], {}),
        ("/station/stock", three[1], {"action": "release"}),
    ):
        part = re.findall(r'name="part" value="([^"]+)"', shop.get("/care/quarantine").text)[0]
        lot = re.findall(r'name="lot" value="([^"]+)"', shop.get("/care/quarantine").text)[0]
        form = {"lot": lot, "part": part, "codes": code, "reason": "复查合格", "client_key": f"release {path}", **more}
        alone = shop.post(path, form)
        assert (alone.status_code, alone.text.count('name="override-sign_in"')) == (409, 1)
        assert "复查合格" in alone.text
        wrong = shop.post(path, form | signed | {"override-password": "wrong"})
        assert (wrong.status_code, wrong.text.count('name="override-password"')) == (422, 1)
        assert shop.post(path, form | signed).status_code == 303
    body = {"goods": [{"code": three[2]}], "reason": "复查合格"}
    said = {"override": {"sign_in": SECOND, "password": PASSWORD}}
    for by_program in (body, body | said):  # whose key is nobody's signature
        alone = demo.post("/hops/release", by_program, "pharmacist")
        assert (alone.status_code, alone.json["field"], alone.json["rule"]) == (409, "override.sign_in", "TWO")
    apart = demo.get("/quarantine", "pharmacist").json["lots"]
    left = {code for lot in apart for why in lot["whys"] for code in why["codes"]}
    assert left & {drug_code_uri(code) for code in three} == {drug_code_uri(three[2])}


def test_a_program_releases_what_came_too_warm_with_a_second_person(demo: Demo) -> None:
    with demo.store.writing() as session:
        here = session.scalars(select(person.c.organisation).where(person.c.sign_in == "station")).one()
        asked: dict[str, Any] = {"sign_in": SECOND, "name": "李四（演示）", "password": PASSWORD, "role": Role.CLERK}
        create_person(session, **asked, organisation_id=here, now=datetime.now(UTC))
        cold = update(product).where(product.c.category == "vegetable").values(celsius_low=0, celsius_high=400)
        session.execute(cold)
        made_of = session.scalars(select(product.c.public_id).where(product.c.category == "vegetable")).first()
    line = {"product": made_of, "lot_number": "W1", "amount": 5, "celsius": 9, "decision": "hold", "reason": "偏热"}
    supplier = {"name": "张家菜园（演示）", "address": "沙坡头区", "contact": "0955-7000199"}
    lot = demo.post("/receipts", {"supplier": supplier, "lines": [line]}).json["lines"][0]["lot"]
    body = {"goods": [{"code": lot, "amount": 5}], "reason": "复测合格", "client_key": "release by a program"}
    alone = demo.post("/hops/release", body)
    assert (alone.status_code, alone.json["field"], alone.json["rule"]) == (409, "override.sign_in", "R11")
    said = {"override": {"sign_in": SECOND, "password": PASSWORD}}
    done = demo.post("/hops/release", body | said)
    assert done.status_code == 201
    assert demo.post("/hops/release", body | said).json == done.json


def test_a_recall_of_a_drug_shows_the_packs_in_the_shop(demo: Demo, packs: list[str]) -> None:
    inspector, shop = demo.browser("inspector"), demo.browser("pharmacist")
    form = {"lot": packs[0], "kind": "recall", "level": "1", "reason": "含量不合格", "client_key": "r1"}
    one = inspector.post("/recalls/new", form).location
    page = shop.get(one).text
    assert packs[-1] in page
    assert "在架" in page
    assert packs[-1] not in inspector.get(one).text  # a watcher sees no shop's packs one by one
    shop.post(one, {"action": "acknowledge", "answer": "已下架"})
    assert "在架" not in shop.get(one).text
    told = demo.get(f"{one}/codes", "pharmacist").json
    assert (len(told["here"]), all(pack["held"] for pack in told["here"])) == (len(packs), True)
