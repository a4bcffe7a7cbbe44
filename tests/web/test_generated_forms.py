"""Pages under generated forms and addresses: whatever is posted, a page answers, never a fault."""

import string
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from sqlalchemy import select

from storage.tables import certificate, ident, lot, organisation, product, receipt
from tests.web.conftest import Browser, Demo

# Whose page it is, and the fields that its forms have.
PAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "/station/scan": ("manager", ("codes", "photo")),
    "/station/receive": (
        "manager",
        (
            "action",
            "supplier-id",
            "supplier-name",
            "supplier-address",
            "supplier-contact",
            "delivery_note",
            "scans",
            "client_key",
            *(
                f"lines-{number}-{name}"
                for number in (0, 1)
                for name in (
                    "product",
                    "code",
                    "codes",
                    "lot_number",
                    "amount",
                    "produced_on",
                    "expires_on",
                    "origin",
                    "container",
                    "celsius",
                    "price",
                    "decision",
                    "reason",
                    "certificates",
                    "no_code_reason",
                    "new_name",
                    "new_category",
                    "new_unit",
                    "new_code",
                    "unit",
                    "product_name",
                    "category",
                    "label",
                    "inside",
                    "last",
                    "was",
                    "sheets",
                )
            ),
            *(f"sheet-0-{name}" for name in ("sha256", "kind", "was", "number", "issued_on", "valid_until", "qr")),
            "more",
            "override-sign_in",
            *(f"paper-0-{name}" for name in ("kind", "number", "issuer", "issued_on", "valid_until")),
        ),
    ),
    "/station/stock": ("manager", ("action", "lot", "amount", "reason", "client_key")),
    "/certificates/issue": (
        "manager",
        ("lots", "amount", "unit", "region", "origin", "contact", "form", "basis", "drawn", "statement_accepted"),
    ),
    "/canteen": ("canteen", ("name", "meal", "lot", "amount", "retained", "again", "photo")),
    "/pharmacy": (
        "pharmacist",
        ("action", "codes", "prescription", "client_key", "units_of", "units", "lot", "amount", "no_code_reason"),
    ),
    "/inspector/scan": ("inspector", ("photo", "reason")),
    "/scan": ("inspector", ("photo", "x")),
}
QUERIES = {
    "/": ("code",),
    "/sign-in": ("next",),
    "/station": ("x",),
    "/station/receive": ("scan", "code", "sender", "repeat"),
    "/station/stock": ("x",),
    "/certificates/issue": ("lot",),
    f"/board/{'0' * 26}": ("x",),
    "/pharmacy": ("x",),
    "/inspector": ("x",),
    "/inspector/trace": ("code", "reason", "after"),
    "/inspector/log": ("x",),
    "/scan": ("x",),
    f"/scan/{'0' * 26}": ("all",),
    f"/scan/{'0' * 26}/picture": ("x",),
    "/account": ("x",),
    "/language/en": ("back",),
    "/language/xx": ("back",),
}
WORDS = (
    "sell",
    "hold",
    "release",
    "destroy",
    "take_back",
    "dispense",
    "receive",
    "add",
    "look",
    "remove-0",
    "remove-1",
    "paper-0",
    "paper-1",
    "accept",
    "refuse",
    "1",
    "0.5",
    "-1",
    "1e999",
    "NaN",
    "2026-01-01",
    "2027-01-01",
    "9999-99-99",
    "other",
    "KGM",
    "EA",
    "vegetable",
    "drug",
    "egg",
    "lunch",
    "yes",
    "control",
    "producer",
    "quarantine_certificate",
    "x",
    "",
    "\u202e",
    "=1+1",
    "<b>",
    "一",
    "81502310064000000020",
)
RUN = settings(
    max_examples=60,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def browsers(standing: Demo) -> dict[str, Browser]:
    """Everybody's browser, signed in once."""
    return {who: standing.browser(who) for who in ("manager", "pharmacist", "inspector", "canteen")}


@pytest.fixture(scope="module")
def real(standing: Demo) -> list[str]:
    """Identifiers of records that exist."""
    columns = (product.c.public_id, organisation.c.public_id, certificate.c.public_id, receipt.c.public_id)
    with standing.store.reading() as session:
        found = [str(value) for column in columns for value in session.scalars(select(column).limit(8))]
        found += list(session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id).order_by(ident.c.id)))
        found += list(session.scalars(select(ident.c.uri).order_by(ident.c.id.desc()).limit(8)))
    return found


def values(real: list[str]) -> st.SearchStrategy[str]:
    """What may stand in a field: a word of the forms, a record that exists, or anything that a browser can send."""
    anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    return st.sampled_from(WORDS) | st.sampled_from(real) | anything | st.text(string.digits, max_size=30)


@pytest.mark.parametrize("path", PAGES)
def test_no_generated_form_breaks_a_page(
    standing: Demo, browsers: dict[str, Browser], real: list[str], path: str
) -> None:
    who, names = PAGES[path]
    reached = set()

    @seed(20261124)
    @RUN
    @given(st.dictionaries(st.sampled_from(names), values(real), max_size=len(names)))
    def send(form: dict[str, Any]) -> None:
        answer = browsers[who].post(path, form)
        assert answer.status_code < 500, form
        assert answer.status_code in (302, 303) or answer.mimetype == "text/html", form
        assert answer.status_code in (302, 303) or "</html>" in answer.text, form
        reached.add(answer.status_code)

    send()
    assert reached - {403, 429} != set(), "the forms must get past the gate"


def test_no_generated_sign_in_breaks_the_page(demo: Demo) -> None:
    visitor = demo.browser()
    visitor.token = visitor.token_at("/sign-in")
    reached = set()

    @seed(20261124)
    @settings(RUN, max_examples=30)
    @given(
        st.dictionaries(
            st.sampled_from(["sign_in", "password", "next", "x"]), st.text(st.characters(exclude_categories=["Cs"]))
        )
    )
    def send(form: dict[str, Any]) -> None:
        answer = visitor.post("/sign-in", form)
        assert answer.status_code in (401, 422, 429), form
        assert "</html>" in answer.text
        reached.add(answer.status_code)

    send()
    assert {401, 429} <= reached


@pytest.mark.parametrize("path", QUERIES)
def test_no_generated_query_breaks_a_page(
    standing: Demo, browsers: dict[str, Browser], real: list[str], path: str
) -> None:
    @seed(20261124)
    @settings(RUN, max_examples=20)
    @given(
        st.lists(st.tuples(st.sampled_from((*QUERIES[path], "next", "lang")), values(real)), max_size=4),
        st.sampled_from(["manager", "pharmacist", "inspector"]),
    )
    def ask(query: list[tuple[str, str]], who: str) -> None:
        answer = browsers[who].get(path, query_string=query)
        assert answer.status_code < 500, query
        if answer.status_code in (301, 302):
            assert answer.location.startswith("/"), query
            assert not answer.location.startswith(("//", "/\\")), query
        else:
            assert "</html>" in answer.text, query

    ask()
