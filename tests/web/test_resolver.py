"""GS1 Digital Links: people get the public page, machines JSON or a linkset, everybody a sentence where nothing is."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from storage.tables import ident, lot
from tests.web.conftest import API, Demo
from tests.web.hostile import bad_page, complaint
from trace.domain.digital_links import QUALIFIERS
from trace.domain.uris import GS1, lot_uri
from trace.web.parts import limiter

VOCABULARY = "https://ref.gs1.org/voc/"
LINKSET, LD, PROBLEM = "application/linkset+json", "application/ld+json", "application/problem+json"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
UNKNOWN = "/01/06901234567892/10/NOTHING-LIKE-IT"


def ask(demo: Demo, path: str, accept: str | None = None, method: str = "GET", **more: Any) -> TestResponse:
    """Ask the resolver as nobody; the limit on questions is not what is tested."""
    headers = {"Accept": accept} if accept else {}
    with unlimited():
        return demo.app.test_client().open(path, method=method, headers=headers | more.pop("headers", {}), **more)


@contextmanager
def unlimited() -> Iterator[None]:
    """Without the limit on questions from one address."""
    limiter.enabled, before = False, limiter.enabled
    try:
        yield
    finally:
        limiter.enabled = before


def a_lot(demo: Demo) -> str:
    """The address of a lot that the demonstration has under a GTIN."""
    query = select(ident.c.uri).join(lot, lot.c.item == ident.c.id).where(ident.c.uri.startswith(f"{GS1}/01/"))
    with demo.store.reading() as session:
        return session.scalars(query.order_by(ident.c.id).limit(1)).one().removeprefix(GS1)


def a_new_lot(demo: Demo, number: str, codes: tuple[str, ...] = ()) -> str:
    """The address of a new lot of a product with a GTIN, with this number."""
    unit = "EA" if codes else "KGM"
    product = {"name": "番茄", "category": "vegetable", "unit": unit, "code": "06901234567892"}
    made = demo.post("/products", product)
    assert made.status_code == 201, made.json
    batch = {
        "product": made.json["id"],
        "number": number,
        "produced_on": "2026-01-01",
        "origin_region": "640502",
        "amount": len(codes) or 5,
        "codes": list(codes),
    }
    done = demo.post("/hops/commission", {"batch": batch})
    assert done.status_code == 201, done.json
    return lot_uri(f"{GS1}/01/06901234567892", number).removeprefix(GS1)


# ---- people --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [BROWSER, "text/html", "*/*", None, "image/png"])
def test_a_browser_is_sent_to_the_public_page_with_all_that_the_label_says(standing: Demo, accept: str | None) -> None:
    address = a_lot(standing)
    answer = ask(standing, f"{address}?17=261231&3103=000195&17=270101", accept)
    assert (answer.status_code, answer.location) == (307, f"/t{address}?17=261231&3103=000195&17=270101")
    page = ask(standing, answer.location, BROWSER)
    assert page.status_code == 200
    assert unquote(address.rpartition("/")[2]) in page.text


def test_a_slash_at_the_end_changes_nothing(standing: Demo) -> None:
    address = a_lot(standing)
    assert ask(standing, f"{address}/").location == ask(standing, address).location


def test_head_answers_as_get_without_a_body(standing: Demo) -> None:
    answer = ask(standing, a_lot(standing), method="HEAD")
    assert (answer.status_code, answer.location, answer.data) == (307, f"/t{a_lot(standing)}", b"")


@pytest.mark.parametrize("number", ["2026/11/A-1", "番茄 3", "50%25", "a?b#c", "A%2FB"])
def test_every_lot_number_leads_to_its_page(demo: Demo, number: str) -> None:
    address = a_new_lot(demo, number)
    answer = ask(demo, address, BROWSER)
    assert answer.status_code == 307
    assert ask(demo, answer.location).status_code == 200
    found = ask(demo, address, "application/json").json
    assert found["thing"]["lot_number"] == number
    # The inspector's page leads to the same public page.
    page = demo.browser("inspector").get("/inspector/trace", query_string={"code": f"{GS1}{address}"})
    assert f'href="{answer.location}"' in page.text


def test_an_unknown_pack_of_a_known_lot_leads_to_the_lot(standing: Demo) -> None:
    address = a_lot(standing)
    assert ask(standing, f"{address}/21/NEVER-SEEN").location == f"/t{address}"


def test_a_pack_leads_to_its_own_page_and_its_linkset_has_the_lot_too(demo: Demo) -> None:
    gtin = f"{GS1}/01/06901234567892"
    address = a_new_lot(demo, "L-7", (f"{gtin}/21/S1", f"{gtin}/21/S2"))
    assert ask(demo, f"{address}/21/S1").location == "/t/01/06901234567892/21/S1"
    levels = ask(demo, f"{address}/21/S1", LINKSET).json["linkset"]
    assert [level["anchor"] for level in levels] == [f"http://localhost{address}/21/S1", f"http://localhost{address}"]


# ---- machines ------------------------------------------------------------------------------------------------------


def test_a_machine_gets_what_the_public_may_know(standing: Demo) -> None:
    address = a_lot(standing)
    answer = ask(standing, address, "application/json")
    public = standing.get(f"/public/trace?code={quote(GS1 + address, safe='')}&limit=300", None)
    assert answer.json == public.json
    assert answer.json["view"] == "public"


def test_whoever_is_signed_in_gets_what_everybody_gets(standing: Demo) -> None:
    address, before = a_lot(standing), standing.counts()
    for form in ("application/json", LINKSET):
        known = ask(standing, address, form, headers=standing.headers("inspector"))
        assert known.json == ask(standing, address, form).json
    assert standing.counts() == before


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ("", LINKSET, LINKSET),
        ("?linkType=linkset", None, LINKSET),
        ("?linkType=all", "*/*", LINKSET),
        ("?linkType=linkset", BROWSER, LINKSET),
        ("?linkType=linkset", "application/json", "application/json"),
        ("", LD, LD),
    ],
)
def test_a_linkset_says_where_a_thing_leads(standing: Demo, query: str, accept: str, media_type: str) -> None:
    address = a_lot(standing)
    answer = ask(standing, f"{address}{query}", accept)
    assert (answer.status_code, answer.mimetype) == (200, media_type)
    assert ("@context" in answer.json) == (media_type == LD)
    (level,) = answer.json["linkset"]
    assert level.pop("anchor") == f"http://localhost{address}"
    assert unquote(address.rpartition("/")[2]) in level.pop("description")
    assert set(level) == {f"{VOCABULARY}{name}" for name in ("defaultLink", "pip", "traceability", "epcis")}
    for links in level.values():
        for link in links:
            assert link["href"].startswith("http://localhost/")
            assert {"title", "type"} <= link.keys()
    encoded = quote(GS1 + address, safe="")
    assert level[f"{VOCABULARY}epcis"][0]["href"] == f"http://localhost/epcis/v2/epcs/{encoded}/events"


def test_every_public_link_of_a_linkset_answers(standing: Demo) -> None:
    (level,) = ask(standing, a_lot(standing), LINKSET).json["linkset"]
    for name in ("defaultLink", "pip", "traceability"):
        for link in level[VOCABULARY + name]:
            answer = ask(standing, urlsplit(link["href"])._replace(scheme="", netloc="").geturl(), link["type"])
            assert (answer.status_code, answer.mimetype) == (200, link["type"])


@pytest.mark.parametrize("name", ["gs1:%s", "https://gs1.org/voc/%s", "https://ref.gs1.org/voc/%s"])
def test_a_link_type_that_is_asked_for_is_led_to(standing: Demo, name: str) -> None:
    address = a_lot(standing)
    code = quote(GS1 + address, safe="")
    for asked, accept, location in (
        ("pip", None, f"/t{address}"),
        ("defaultLink", "application/json", f"/t{address}"),
        ("traceability", BROWSER, f"/t{address}"),
        ("traceability", "application/json", f"{API}/public/trace?code="),
        ("epcis", BROWSER, f"/epcis/v2/epcs/{code}/events"),
    ):
        answer = ask(standing, f"{address}?linkType={quote(name % asked)}", accept)
        assert answer.status_code == 307
        assert answer.location.startswith(location)


def test_a_link_type_that_is_not_there_is_not_found_and_the_answer_names_those_that_are(standing: Demo) -> None:
    for asked in ("gs1:recallStatus", "gs1:linkset", "https://evil.example/pip", "\x00", "x" * 500):
        answer = ask(standing, a_lot(standing), "application/json", query_string={"linkType": asked})
        assert complaint(answer, 404) is None
        assert "gs1:traceability" in answer.json["detail"]


def test_caches_and_other_sites_are_told_what_the_answer_depends_on(standing: Demo) -> None:
    address = a_lot(standing)
    for path, accept in ((address, BROWSER), (address, LINKSET), (address, "application/json"), (UNKNOWN, BROWSER)):
        answer = ask(standing, path, accept, headers={"Origin": "https://partner.example"})
        assert {"accept", "accept-language"} <= {name.lower() for name in answer.vary}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in answer.headers
        if answer.status_code < 400:
            wanted = f'<http://localhost{address}?linkType=linkset>; rel="linkset"; type="{LINKSET}"'
            assert wanted in answer.headers.getlist("Link")
    assert ask(standing, address, BROWSER).headers["Cache-Control"] == "public, max-age=300"
    assert ask(standing, UNKNOWN, BROWSER).headers["Cache-Control"] == "no-store"
    context = [value for value in ask(standing, address, LINKSET).headers.getlist("Link") if "json-ld#context" in value]
    assert len(context) == 1


def test_another_sites_page_may_ask_first(standing: Demo) -> None:
    answer = ask(standing, a_lot(standing), method="OPTIONS", headers={"Access-Control-Request-Method": "GET"})
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert set(answer.headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_only_public_answers_may_be_read_by_other_sites(standing: Demo) -> None:
    for path in ("/", "/sign-in", f"{API}/me", "/health"):
        answer = ask(standing, path, headers={"Origin": "https://partner.example"})
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_the_resolver_describes_itself(standing: Demo) -> None:
    answer = ask(standing, "/.well-known/gs1resolver")
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.json["resolverRoot"] == "http://localhost"
    assert answer.json["supportedPrimaryKeys"] == sorted(QUALIFIERS)
    assert answer.json["supportedLinkType"] == [{"namespace": VOCABULARY, "prefix": "gs1:"}]


# ---- nothing there -------------------------------------------------------------------------------------------------


def test_what_is_not_recorded_is_not_found_in_every_form(standing: Demo) -> None:
    for path in (UNKNOWN, f"{UNKNOWN}/21/7", "/00/106141412345678908", "/8003/09506000134352ABC", "/401/9506000ABC"):
        assert bad_page(ask(standing, path, BROWSER), 404) is None
        for form in ("application/json", LINKSET, LD):
            answer = ask(standing, path, form, headers={"Accept-Language": "en"})
            assert complaint(answer, 404) is None
            assert path in answer.json["detail"]


@pytest.mark.parametrize(
    "path", ["/01/06901234567892", "/414/9506000134376", "/253/9506000134376ABC", "/8013/1987654Ad"]
)
def test_what_names_no_single_thing_is_not_found_and_says_so(standing: Demo, path: str) -> None:
    answer = ask(standing, path, "application/json", headers={"Accept-Language": "en"})
    assert complaint(answer, 404) is None
    assert "names no single lot or pack" in answer.json["detail"]


HOSTILE = (
    "/01/06901234567893/10/A1",
    "/01/06901234567892/foo",
    "/01/06901234567892/10/A1/foo",
    "/01/06901234567892/8011/5",
    "/01/%00",
    "/01/%ff%fe",
    "/01/%ed%a0%80/10/x",
    "/01/..%2f..%2fsecret_key",
    "/01/06901234567892/10/a%0dSet-Cookie:%20a=b",
    "/01/06901234567892/10/<script>alert(1)</script>",
    "/01/06901234567892/10/{{7*7}}",
    "/01/06901234567892/10/" + "x" * 3_000,
    "/01/06901234567892" + "/10/x" * 500,
    "/01/" + "9" * 3_000,
    "/01/-1",
    "/00/x",
    "/8004/%e2%80%ae",
    "/01/06901234567892/10/%f0%9f%92%8a",
    "/8010/http:%2f%2fevil.example%2f",
)


@pytest.mark.parametrize("path", HOSTILE)
def test_a_link_that_gs1_does_not_allow_is_refused_with_a_sentence(standing: Demo, path: str) -> None:
    before = standing.counts()
    for query in ("", "?linkType=linkset", "?linkType=gs1:epcis&linkType=%00"):
        page = ask(standing, path + query, BROWSER)
        assert bad_page(page, 400) is None
        assert "<script>alert" not in page.text
        assert complaint(ask(standing, path + query, LINKSET), 400) is None
    assert standing.counts() == before


def test_a_line_end_in_the_address_leads_nowhere(standing: Demo) -> None:
    answer = ask(standing, "/01/06901234567892/10/%0d%0aSet-Cookie:%20a=b", BROWSER)
    assert bad_page(answer, 404) is None


def test_questions_of_the_public_are_limited(standing: Demo) -> None:
    client, path = standing.app.test_client(), UNKNOWN
    here = {"X-Forwarded-For": "203.0.113.77"}
    statuses = [client.get(path, headers=here).status_code for _ in range(121)]
    assert set(statuses[:120]) == {404}
    assert statuses[120] == 429


def test_nobody_is_asked_to_wait_before_following_a_redirect(standing: Demo) -> None:
    answer = standing.app.test_client().get(a_lot(standing), headers={"Accept": BROWSER})
    assert answer.status_code == 307
    assert "X-RateLimit-Limit" in answer.headers
    assert "Retry-After" not in answer.headers  # with a redirect it says how long to wait (RFC 9110 section 10.2.3)
