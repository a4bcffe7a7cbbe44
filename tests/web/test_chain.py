"""A chain on its pages and by the API: headquarters looks, moves, works in a shop's name; nobody else does."""

import re
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from storage.tables import (
    certificate,
    credential,
    event,
    ident,
    organisation,
    person,
    product,
    product_check,
    product_code,
    stock,
    supplier,
)
from tests.web.conftest import API, Browser, Demo
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.commands import Command
from trace.services.demonstration_cast import know
from trace.services.keys import issue_key
from trace.services.organisations import create_organisation
from trace.services.people import create_person_by_hash, find_actor

SHOPS = ("沙枣花大药房文昌店", "驼铃药店滨河店")


class Chain:
    """The demonstration's two pharmacies under one headquarters, whose administrator has a browser and a key."""

    def __init__(self, demo: Demo):
        self.demo = demo
        with demo.store.writing() as session:
            now = _now(demo)
            card = create_organisation(
                session, name="沙枣花连锁总部（演示）", kind=OrganisationKind.PHARMACY_HEADQUARTERS, region="640502",
                now=now,
            )  # fmt: skip
            head = session.scalar(select(organisation.c.id).where(organisation.c.public_id == card["id"])) or 0
            shops = organisation.c.name.in_(SHOPS)
            password_hash = session.scalar(select(credential.c.password_hash).limit(1))
            create_person_by_hash(
                session, sign_in="head", name="总部管理员", password_hash=str(password_hash),
                role=Role.ORGANISATION_ADMINISTRATOR, organisation_id=head, now=now,
            )  # fmt: skip
            self.key = issue_key(session, role=Role.ORGANISATION_ADMINISTRATOR, organisation_id=head, now=now)
            rows = session.execute(select(organisation.c.name, organisation.c.public_id).where(shops)).tuples()
            self.shops: dict[str, str] = dict(rows.all())
        with demo.owner.writing() as session:
            session.execute(update(organisation).where(shops).values(headquarters=head))
            self.pack, self.lot, self.at = session.execute(_one_pack()).one()

    @property
    def other(self) -> str:
        """The shop that does not have the pack."""
        return next(public_id for public_id in self.shops.values() if public_id != self.at)

    def get(self, path: str) -> Any:
        return self.demo.client.get(API + path, headers={"Authorization": f"Bearer {self.key}"})

    def post(self, path: str, body: Any) -> Any:
        return self.demo.client.post(API + path, json=body, headers={"Authorization": f"Bearer {self.key}"})

    def browser(self) -> Browser:
        return self.demo.browser("head")


def _now(demo: Demo) -> Any:
    with demo.store.reading() as session:
        return session.scalar(select(organisation.c.created_at).limit(1))


def _one_pack() -> Any:
    """A pack on hand at one of the two pharmacies: (its URI, its lot's, the shop's public id)."""
    of_lot = ident.alias("of_lot")
    return (
        select(ident.c.uri, of_lot.c.uri, organisation.c.public_id)
        .join(stock, stock.c.item == ident.c.id)
        .join(of_lot, of_lot.c.id == stock.c.lot)
        .join(organisation, organisation.c.id == stock.c.organisation)
        .where(organisation.c.name.in_(SHOPS), stock.c.on_hand > 0, stock.c.item != stock.c.lot)
        .order_by(stock.c.item)
        .limit(1)
    )


@pytest.fixture
def chain(demo: Demo) -> Chain:
    return Chain(demo)


def test_headquarters_sees_its_shops_and_moves_a_pack_by_the_api(chain: Chain) -> None:
    names = [place["name"] for place in chain.get("/chain").json["places"]]
    assert names == ["沙枣花连锁总部（演示）", *sorted(SHOPS)]
    body = {"client_key": "m-1", "sender": chain.at, "parts": [{"shop": chain.other, "goods": [{"code": chain.pack}]}]}
    answer = chain.post("/chain/moves", body)
    assert answer.status_code == 201, answer.json
    assert chain.post("/chain/moves", body).json == answer.json
    (row,) = chain.get(f"/chain/stock?lot={chain.lot}").json["stock"]
    assert chain.other in {place["id"] for place in row["places"]}
    at_shop = chain.get(f"/chain/shops/{chain.other}/stock?shelf=open&text={row['lot_number']}").json["stock"]
    assert [found["lot"] for found in at_shop] == [chain.lot]
    assert chain.get(f"/chain/shops/{'0' * 26}/stock").status_code == 404


def test_somebody_of_headquarters_works_in_a_shops_name_and_comes_back(chain: Chain) -> None:
    browser = chain.browser()
    assert all(name in browser.get("/chain").text for name in SHOPS)
    assert browser.get(f"/chain/shops/{chain.at}").status_code == 200
    entered = browser.post(f"/chain/shops/{chain.at}/work", {})
    assert (entered.status_code, entered.location) == (303, "/station")
    shop = next(name for name, public_id in chain.shops.items() if public_id == chain.at)
    english = {"Accept-Language": "en"}
    assert f"You work in the name of {shop}." in browser.get("/station/stock", headers=english).text
    refused = browser.get("/chain", headers=english)
    assert refused.status_code == 403  # a shop's clerk sees no chain
    assert f"You work in the name of {shop}, as its clerk does; this belongs to headquarters." in refused.text
    assert "chain:manage" not in refused.text
    assert 'action="/chain/leave"' in refused.text
    form = {"lot": chain.lot, "codes": chain.pack, "action": "hold", "reason": "总部抽查"}
    assert browser.post("/station/stock", form).status_code == 303
    with chain.demo.store.reading() as session:
        captured = session.execute(
            select(organisation.c.name, person.c.sign_in)
            .join(event, event.c.captured_by == organisation.c.id)
            .join(person, person.c.id == event.c.person)
            .order_by(event.c.id.desc())
            .limit(1)
        ).one()
    assert tuple(captured) == (shop, "head")  # the shop's deed, by whom it was done
    assert browser.post("/chain/leave", {}).location == f"/chain/shops/{chain.at}"
    assert browser.get("/chain").status_code == 200


def test_a_shop_that_left_the_chain_is_worked_for_no_more(chain: Chain) -> None:
    browser = chain.browser()
    browser.post(f"/chain/shops/{chain.at}/work", {})
    with chain.demo.owner.writing() as session:
        session.execute(update(organisation).values(headquarters=None))
    page = browser.get("/chain", headers={"Accept-Language": "en"})
    assert page.status_code == 200
    assert "No shop belongs to your organisation yet" in page.text


def test_a_lot_is_moved_on_the_page_and_what_is_wrong_is_told_there(chain: Chain) -> None:
    browser = chain.browser()
    assert chain.lot.rpartition("/")[2] in browser.get("/chain/stock").text
    page = browser.get(f"/chain/move?from={chain.at}&lot={chain.lot}")
    assert f"codes-{chain.other}" in page.text
    form = {"client_key": "p-1", "lot": chain.lot, "from": chain.at, "arrived": "no"}
    english = {"Accept-Language": "en"}
    nothing = browser.post("/chain/move", form, headers=english)
    assert (nothing.status_code, "Say which shops get something." in nothing.text) == (422, True)
    done = browser.post("/chain/move", {**form, f"codes-{chain.other}": chain.pack})
    assert done.status_code == 303
    told = browser.get(done.location, headers=english).text
    assert re.search(r"Moved. Delivery note:\s+\d{8}-", told)
    again = browser.post("/chain/move", {**form, "client_key": "p-2", f"codes-{chain.other}": chain.pack})
    assert again.status_code == 409  # it is gone


def test_a_suppliers_delivery_is_split_over_the_shops_on_one_page_or_not_at_all(chain: Chain) -> None:
    file, drug, today = known_supplier_and_drug(chain)
    browser = chain.browser()
    english = {"Accept-Language": "en"}
    page = browser.get("/chain/delivery", headers=english).text
    assert all(f'name="codes-0-{shop}"' in page for shop in chain.shops.values())
    codes = [f"8150231{n:013d}" for n in range(990_001, 990_004)]
    at, other = chain.at, chain.other
    form = {
        "client_key": "d-1", "supplier": file, "delivery_note": "PS-7", "action": "receive",
        "lines-0-product": drug, "lines-0-lot_number": "D-7", "lines-0-expires_on": f"{today + timedelta(days=700)}",
        "lines-0-report": "JY-7", f"codes-0-{at}": "\n".join(codes[:2]), f"codes-0-{other}": codes[2],
    }  # fmt: skip
    before = chain.demo.counts()
    for wrong, told in (
        ({"supplier": ""}, "Choose who delivered"),
        ({"lines-0-product": "x"}, "Choose one product of the file"),
        ({f"codes-0-{at}": "", f"codes-0-{other}": ""}, "Say which shops get something."),
        ({f"codes-0-{other}": f"{codes[1][:7]} {codes[1][7:]}"}, "is named for two places."),
    ):
        refused = browser.post("/chain/delivery", {**form, **wrong}, headers=english)
        assert (refused.status_code in (409, 422), told in refused.text) == (True, True), wrong
        assert codes[0] in refused.text or not wrong.get(f"codes-0-{other}", "x")  # what was typed is still there
    empty = {name: "" for name in form if name.startswith(("lines-0", "codes-0"))} | {"lines-0-decision": "accept"}
    refused = browser.post("/chain/delivery", {**form, **empty, "lines-1-product": "x"}, headers=english)
    assert 'name="lines-1-product"' not in refused.text  # a line that was left empty is none
    assert re.search(r'name="lines-0-product"[^>]*value="x"[^>]*aria-invalid', refused.text)
    assert chain.demo.counts() == before
    lacking = browser.post("/chain/delivery", {**form, "lines-0-report": ""}).text
    assert 'name="lines-0-decision"' in lacking  # accept all the same, or hold: asked where something is found
    assert 'name="lines-1-product"' in browser.post("/chain/delivery", {**form, "action": "add"}).text
    done = browser.post("/chain/delivery", form)
    assert (done.status_code, done.location) == (303, "/chain/delivery?received=2")
    assert browser.post("/chain/delivery", form).status_code == 303  # a second click is the first one
    for shop, count in ((at, 2), (other, 1)):
        (row,) = chain.get(f"/chain/shops/{shop}/stock?shelf=open&text=D-7").json["stock"]
        assert row["on_hand"] == count
    papers = [
        row.kind for row in rows_of(chain, select(certificate.c.kind).where(certificate.c.number.in_(("PS-7", "JY-7"))))
    ]
    assert sorted(papers) == ["delivery_note"] * 2 + ["drug_test_report"] * 2  # each shop has its own
    clerk = chain.demo.browser("pharmacist")
    assert (clerk.get("/chain/delivery").status_code, clerk.post("/chain/delivery", form).status_code) == (403, 403)


def known_supplier_and_drug(chain: Chain) -> tuple[str, str, date]:
    """A distributor whom headquarters looked at (its file), a drug that it looked at (its name), and today."""
    now = _now(chain.demo)
    with chain.demo.store.writing() as session:
        head = find_actor(session, session.scalars(select(person.c.public_id).where(person.c.sign_in == "head")).one())
        assert head is not None
        kind = organisation.c.kind.in_(("drug_distributor", "drug_maker"))
        known = session.scalars(select(organisation.c.public_id).where(kind).order_by(organisation.c.kind)).first()
        know(session, Command(head, now), str(known))
        card = session.execute(
            select(product).join(product_code, product_code.c.product == product.c.id)
            .where(product_code.c.code == "8150231").limit(1)
        ).one()  # fmt: skip
        session.execute(
            insert(product_check).values(organisation=head.organisation, product=card.id, checked=[], checked_at=now)
        )
        file = session.scalars(select(supplier.c.public_id).where(supplier.c.organisation == head.organisation)).one()
    return file, card.name, now.date()


def rows_of(chain: Chain, query: Any) -> Any:
    with chain.demo.store.reading() as session:
        return session.execute(query).all()


def test_nobody_works_for_a_shop_of_another_chain(chain: Chain) -> None:
    browser = chain.browser()
    clerk = chain.demo.browser("station")
    assert clerk.post(f"/chain/shops/{chain.at}/work", {}).status_code == 403
    with chain.demo.store.reading() as session:
        market = session.scalar(select(organisation.c.public_id).where(organisation.c.kind == "supermarket"))
    assert browser.post(f"/chain/shops/{market}/work", {}).status_code == 404
    assert browser.get(f"/chain/shops/{market}").status_code == 404
    assert browser.get(f"/chain/move?from={market}&lot={chain.lot}").status_code == 404
