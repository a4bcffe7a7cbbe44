"""Bad bodies get a sentence, a status and their field named, whichever command they are for, and leave nothing."""

import json
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from tests.web.conftest import API, Demo
from tests.web.hostile import BODIES, DELIVERY, UPLOADS, complaint, filled, send

# What no text, number, date or word may be.
VALUES = (
    "\ud800",
    "a\x00b",
    "\x1b[2J",
    float("nan"),
    float("inf"),
    2**64,
    10**400,
    1e300,
    [],
    {},
    [[]],
    {"a": {"b": []}},
)
RAW = {
    "deep lists": b"[" * 200_000,
    "deep objects": b'{"a":' * 100_000,
    "deep and closed": b"[" * 5_000 + b"]" * 5_000,
    "a key twice": b'{"client_key": "a", "client_key": "b"}',
    "a key that is no text": b'{"a\\udc00": 1}',
    "NaN": b'{"goods": NaN}',
    "1e999": b'{"goods": 1e999}',
    "a huge exponent": b'{"goods": 1e-99999999999999999999}',
    "a huge integer": b'{"goods": ' + b"9" * 5_000 + b"}",
    "no UTF-8": b'{"client_key": "\xff\xfe"}',
    "UTF-16": '{"goods": []}'.encode("utf-16"),
    "half an object": b'{"goods": [',
    "nothing": b"",
    "blanks": b"  \n ",
    "two values": b"{} {}",
    "a byte order mark": b"\xef\xbb\xbf{}",
    "single quotes": b"{'goods': []}",
}
NOT_AN_OBJECT = (b"[]", b"null", b"1", b'"x"', b"true", b'[{"goods": []}]')


def leaves(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The paths of every text, number and truth in a body."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, (*path, key))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from leaves(part, (*path, number))
    else:
        yield path


def replaced(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """The body with another value at a path."""
    if not path:
        return new
    copy: Any = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(copy[path[0]], path[1:], new)
    return copy


def test_the_table_has_every_command(standing: Demo) -> None:
    posts = {
        rule.rule.removeprefix(API)
        for rule in standing.app.url_map.iter_rules()
        if "POST" in (rule.methods or ()) and rule.rule.startswith(API)
    }
    assert posts == BODIES.keys() | set(UPLOADS)


@pytest.mark.parametrize("what", RAW)
def test_what_is_no_strict_json_is_refused_by_every_command(standing: Demo, what: str) -> None:
    before = standing.counts()
    faults = {path: complaint(send(standing, path, role, RAW[what]), 400) for path, (role, _) in BODIES.items()}
    assert {path: fault for path, fault in faults.items() if fault} == {}
    assert standing.counts() == before


@pytest.mark.parametrize("body", NOT_AN_OBJECT)
def test_a_body_that_is_no_object_is_refused_by_every_command(standing: Demo, body: bytes) -> None:
    before = standing.counts()
    faults = {path: complaint(send(standing, path, role, body), 422) for path, (role, _) in BODIES.items()}
    assert {path: fault for path, fault in faults.items() if fault} == {}
    assert standing.counts() == before


@pytest.mark.parametrize(
    "media_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/xml",
        "image/png",
        "application/jsonx",
        "nonsense",
    ],
)
def test_another_media_type_than_json_is_refused(standing: Demo, media_type: str) -> None:
    before = standing.counts()
    for path, (role, body) in BODIES.items():
        answer = send(standing, path, role, json.dumps(body).encode(), media_type)
        assert complaint(answer, 415) is None, path
        assert "application/json" in answer.json["detail"]
    assert standing.counts() == before


@pytest.mark.parametrize("path", BODIES)
def test_no_field_takes_what_it_cannot_keep(standing: Demo, path: str) -> None:
    role, body = BODIES[path]
    before, faults = standing.counts(), []
    for place in leaves(body):
        for value in VALUES:
            if body is DELIVERY and value in ([], {}) and place[-1] == "codes":
                continue
            answer = send(standing, path, role, json.dumps(replaced(body, place, value)).encode())
            fault = complaint(answer, 400, 422)
            dotted = ".".join(map(str, place))
            if fault is None and answer.status_code == 422 and dotted not in answer.json.get("errors", {}):
                fault = f"names {answer.json.get('field')}"
            if fault:
                faults.append(f"{dotted} = {str(value)[:20]!a}: {fault}")
    assert faults == []
    assert standing.counts() == before


@pytest.mark.parametrize("path", BODIES)
def test_a_name_that_no_field_has_is_told(standing: Demo, path: str) -> None:
    role, body = BODIES[path]
    before = standing.counts()
    answer = standing.post(filled(path), body | {"__proto__": 1}, role)
    assert complaint(answer, 422) is None
    assert "__proto__" in answer.json["errors"]
    assert standing.counts() == before


@pytest.mark.parametrize("password", ["\ud800" * 12, "long-enough\x00", "\x1b" * 12, "x" * 201, "short", " " * 9])
def test_a_password_that_nobody_could_type_is_refused(standing: Demo, password: str) -> None:
    before = standing.counts()
    account = {"sign_in": "new-one", "name": "x", "password": password, "role": "clerk"}
    answer = send(standing, "/people", "organisation_administrator", json.dumps(account).encode())
    assert complaint(answer, 422) is None
    assert answer.json["field"] == "password"
    assert standing.counts() == before


AMOUNTS = (
    -1,
    -0.000001,
    1_000_000_000,
    1e10,
    "1E+1000000",
    "1e-1000000",
    "NaN",
    "sNaN",
    "Infinity",
    "-0x1",
    "1_0",
    "٣٣" * 20,
    True,
    0.0000001,
)


@pytest.mark.parametrize("amount", AMOUNTS)
def test_an_amount_that_is_none_is_refused(standing: Demo, amount: Any) -> None:
    before = standing.counts()
    lot = standing.get("/stock").json["stock"][0]["lot"]
    answer = standing.post("/hops/sell", {"goods": [{"code": lot, "amount": amount}]})
    assert complaint(answer, 422) is None
    assert answer.json["field"].startswith("goods.0"), answer.json
    assert standing.counts() == before


@pytest.mark.parametrize(
    "moment",
    [
        "2099-01-01T00:00:00+08:00",
        "9999-12-31T23:59:59-23:59",
        "0001-01-01T00:00:00+14:00",
        "2026-01-01",
        "2026-01-01T00:00:00",
        "2026-02-30T00:00:00Z",
        "now",
        "",
        "2026-01-01T00:00:00+99:99",
        "1700000000",
    ],
)
def test_a_time_that_is_none_or_still_to_come_is_refused(standing: Demo, moment: str) -> None:
    before = standing.counts()
    lot = standing.get("/stock").json["stock"][0]["lot"]
    answer = standing.post("/hops/sell", {"goods": [{"code": lot, "amount": 1}], "happened_at": moment})
    assert complaint(answer, 422) is None
    assert answer.json["field"] == "happened_at"
    assert standing.counts() == before


def test_more_out_than_in_is_refused(standing: Demo) -> None:
    row = standing.get("/stock").json["stock"][0]
    photo = standing.call("POST", "/objects", data={"file": (BytesIO(b"%PDF-1.4"), "a.pdf")}).json["sha256"]
    before = standing.counts()
    record = {"reason": "x", "method": "denatured", "witness": "x", "sha256": photo}
    for path, more in (("/hops/sell", {}), ("/hops/destroy", record), ("/hops/hold", {"reason": "x"})):
        answer = standing.post(path, {"goods": [{"code": row["lot"], "amount": row["on_hand"] + 1}], **more})
        assert complaint(answer, 409) is None
        assert answer.json["field"], answer.json
        twice = [{"code": row["lot"], "amount": row["on_hand"]}] * 2
        assert complaint(standing.post(path, {"goods": twice, **more}), 409, 422) is None
    assert standing.counts() == before


@pytest.mark.parametrize(
    "code", ["", " ", "\u200b", "x" * 2_001, "https://", "01", "(01)1234567890123", "9" * 48, "]C1", "\x1d" * 5, "💊"]
)
def test_a_code_that_is_none_is_refused(standing: Demo, code: str) -> None:
    before = standing.counts()
    for path, role, body in (
        ("/hops/sell", "clerk", {"goods": [{"code": code, "amount": 1}]}),
        ("/dispensings", "pharmacist", {"codes": [code]}),
        ("/hops/unpack", "clerk", {"container": code}),
    ):
        answer = standing.post(path, body, role)
        assert complaint(answer, 404, 409, 422) is None, (path, answer.text)
        assert answer.json.get("field"), (path, answer.text)
    assert standing.counts() == before
