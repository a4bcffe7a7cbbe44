"""No input may break the service: generated requests over the whole OpenAPI document, on both databases.

Bodies are generated from the document, right and wrong ones; half of them are seasoned with codes and numbers of
records that exist, because a request that names nothing real never gets past the first look.
"""

import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from sqlalchemy import select

from storage.tables import certificate, ident, lot, organisation, product, receipt
from tests.web.conftest import API, Demo

EXAMPLES = 24
ROLES = ("clerk", "pharmacist", "organisation_administrator", "inspector", "auditor", "platform_administrator", None)
# Which of the records that exist may stand in a field or parameter of this name.
KINDS = {
    "code": "code",
    "codes": "code",
    "lots": "code",
    "container": "code",
    "containers": "code",
    "text": "code",
    "product": "product",
    "receiver": "organisation",
    "id": "organisation",
    "organisation": "organisation",
    "certificates": "certificate",
    "replaces": "certificate",
    "public_id": "any",
}


@pytest.fixture
def known(demo: Demo) -> dict[str, list[str]]:
    """Identifiers of records that exist, by what they are."""
    columns = {
        "product": product.c.public_id,
        "organisation": organisation.c.public_id,
        "certificate": certificate.c.public_id,
        "receipt": receipt.c.public_id,
    }
    with demo.store.reading() as session:
        found = {name: list(session.scalars(select(column))) for name, column in columns.items()}
        found["code"] = list(session.scalars(select(ident.c.uri).join(lot, lot.c.item == ident.c.id)))
        found["code"] += list(session.scalars(select(ident.c.uri).limit(40)))
    return found | {"any": [value for values in found.values() for value in values]}


def season(value: Any, known: dict[str, list[str]], draw: Any, name: str = "") -> Any:
    """The same value with texts replaced by identifiers that exist, where the name of the field says which."""
    if isinstance(value, dict):
        return {key: season(part, known, draw, key) for key, part in value.items()}
    if isinstance(value, list):
        return [season(part, known, draw, name) for part in value]
    if isinstance(value, str) and name in KINDS:
        return draw(st.sampled_from(known[KINDS[name]]))
    return value


def test_no_generated_request_breaks_the_service(demo: Demo, known: dict[str, list[str]]) -> None:
    schema = schemathesis.openapi.from_wsgi(f"{API}/openapi.json", demo.app)
    faults: list[str] = []
    reached: set[int] = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            try:
                strategy = operation.as_strategy(generation_mode=mode)
                attack(demo, strategy, known, faults, reached)
            except schemathesis.errors.InvalidSchema as fault:
                faults.append(f"{operation.label}: {fault}")
    if faults:
        pytest.fail("\n".join(faults[:20]))
    assert {200, 201, 401, 403, 404, 422} <= reached, "the requests must get somewhere, or they prove nothing"


def attack(demo: Demo, strategy: Any, known: dict[str, list[str]], faults: list[str], reached: set[int]) -> None:
    """Send generated requests of one operation; put what is wrong with an answer into `faults`."""

    @seed(20261124)
    @settings(
        max_examples=EXAMPLES // 2,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy, st.sampled_from(ROLES), st.data())
    def send(case: Case, role: str | None, data: Any) -> None:
        if data.draw(st.booleans()):
            for part in ("body", "query", "path_parameters"):
                setattr(case, part, season(getattr(case, part), known, data.draw))
        case.headers = {**(case.headers or {}), **(demo.headers(role) if role else {})}
        response = case.call()
        reached.add(response.status_code)
        problem = wrong_with(response)
        if problem:
            faults.append(f"{problem}: {case.as_curl_command()}")

    send()


def wrong_with(response: Any) -> str | None:
    """What is wrong with an answer, or None: a crash, or a refusal that is no problem document."""
    if response.status_code >= 500:
        return f"{response.status_code} {response.text[:300]}"
    media_type = response.headers["content-type"][0].partition(";")[0]
    if response.status_code < 400:
        return None
    if media_type != "application/problem+json":
        return f"{response.status_code} as {media_type}"
    missing = {"type", "title", "status", "detail", "instance"} - json.loads(response.text).keys()
    return f"{response.status_code} without {sorted(missing)}" if missing else None
