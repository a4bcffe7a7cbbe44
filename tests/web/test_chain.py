"""A chain on its pages and by the API: headquarters looks, moves, works in a shop's name; nobody else does."""

import re
from typing import Any

import pytest
from sqlalchemy import select, update

from storage.tables import event, ident, organisation, person, stock
from tests.web.conftest import API, Browser, Demo
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Role
from trace.services.keys import issue_key
from trace.services.organisations import create_organisation
from trace.services.people import create_person_by_hash

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
            session.execute(update(organisation).where(shops).values(headquarters=head))
            password_hash = session.scalar(select(person.c.password_hash).limit(1))
            create_person_by_hash(
                session, sign_in="head", name="总部管理员", password_hash=str(password_hash),
                role=Role.ORGANISATION_ADMINISTRATOR, organisation_id=head, now=now,
            )  # fmt: skip
            self.key = issue_key(session, role=Role.ORGANISATION_ADMINISTRATOR, organisation_id=head, now=now)
            rows = session.execute(select(organisation.c.name, organisation.c.public_id).where(shops)).tuples()
            self.shops: dict[str, str] = dict(rows.all())
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
    with chain.demo.store.writing() as session:
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


def test_nobody_works_for_a_shop_of_another_chain(chain: Chain) -> None:
    browser = chain.browser()
    clerk = chain.demo.browser("station")
    assert clerk.post(f"/chain/shops/{chain.at}/work", {}).status_code == 403
    with chain.demo.store.reading() as session:
        market = session.scalar(select(organisation.c.public_id).where(organisation.c.kind == "supermarket"))
    assert browser.post(f"/chain/shops/{market}/work", {}).status_code == 404
    assert browser.get(f"/chain/shops/{market}").status_code == 404
    assert browser.get(f"/chain/move?from={market}&lot={chain.lot}").status_code == 404
