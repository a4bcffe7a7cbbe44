"""Who a visitor is behind a reverse proxy: limits are each visitor's own, and nobody makes up an address."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.conftest import Databases, make_database, settings_for
from trace import create_app

LIMIT = 120  # public questions a minute


@pytest.fixture(params=[0, 1])
def proxies(request: pytest.FixtureRequest) -> int:
    """How many proxies are believed."""
    return int(request.param)


@pytest.fixture
def client(databases: Databases, tmp_path: Path, proxies: int) -> Iterator[FlaskClient]:
    """A visitor of an installation behind so many proxies."""
    url = make_database(databases, "sqlite")
    app = create_app(replace(settings_for(url, tmp_path), proxies=proxies))
    yield app.test_client()
    app.extensions["sunshine"].store.close()


def ask(client: FlaskClient, address: str) -> int:
    """Ask the public page, as a proxy that names the visitor's address would pass it on."""
    return client.get("/t/01/06901234567892/10/L-1", headers={"X-Forwarded-For": address}).status_code


def test_behind_a_proxy_each_visitor_has_a_limit_of_their_own_and_without_one_none_is_made_up(
    client: FlaskClient, proxies: int
) -> None:
    # The addresses are of this test and number of proxies only: counts are kept for a minute, whoever asks.
    eager, other = f"198.51.100.{10 + proxies}", f"198.51.100.{20 + proxies}"
    client.environ_base["REMOTE_ADDR"] = f"203.0.113.{10 + proxies}"
    statuses = [ask(client, eager) for _ in range(LIMIT + 1)]
    assert statuses == [404] * LIMIT + [429]
    assert ask(client, other) == (404 if proxies else 429)


def test_https_is_believed_from_a_proxy_only(client: FlaskClient, proxies: int) -> None:
    answer = client.get("/sign-in", headers={"X-Forwarded-Proto": "https"})
    cookie = next(value for value in answer.headers.getlist("Set-Cookie") if value.startswith("session="))
    assert ("Secure" in cookie) == bool(proxies)


def test_packs_looked_up_at_a_window_count_together_on_both_faces_and_for_a_whole_ipv6_network(
    client: FlaskClient, proxies: int
) -> None:
    client.environ_base["REMOTE_ADDR"] = f"2001:db8:0:{proxies}::1"
    window, code = "0" * 26, "8" * 20
    faces = (f"/w/{window}/check", f"/api/v1/public/windows/{'1' * 26}/check", f"/t/{code}", "/api/v1/public/trace")
    statuses = [client.get(faces[n % 4], query_string={"code": code}).status_code for n in range(20)]
    assert statuses == [404] * 20
    client.environ_base["REMOTE_ADDR"] = f"2001:db8:0:{proxies}:ffff::2"  # one subscriber has the whole network
    assert [client.get(face, query_string={"code": code}).status_code for face in faces] == [429] * 4
    assert client.get("/01/06901234567892/21/S1").status_code == 429  # a pack is a pack, in whatever form
    assert client.get("/t/01/06901234567892/10/L-1").status_code == 404  # a lot's history counts no sales
    client.environ_base["REMOTE_ADDR"] = f"2001:db8:0:{proxies + 8}::1"
    assert client.get(faces[0], query_string={"code": code}).status_code == 404
