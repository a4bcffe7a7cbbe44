"""The same command sent twice acts once."""

from typing import Any

import pytest

from storage.tables import client_request, event
from tests.town import NOW, Town
from trace.domain.failures import Conflict, Invalid
from trace.domain.permissions import Actor
from trace.services.once import once


def ask(town: Town, actor: Actor, key: str | None, request: Any, answer: Any = None, action: str = "sell") -> Any:
    """One command; `answer` is what acting gives, or the exception it raises."""

    def act() -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return {"answer": answer}

    return town.do(once, actor=actor, client_key=key, action=action, request=request, act=act, now=NOW)


def test_the_same_key_and_body_get_the_first_answer(town: Town) -> None:
    shop = town.organisation()
    assert ask(town, shop, "k1", {"a": 1, "b": [2]}, "first") == {"answer": "first"}
    assert ask(town, shop, "k1", {"b": [2], "a": 1}, "second") == {"answer": "first"}
    assert town.count(client_request) == 1


@pytest.mark.parametrize(("request_", "action"), [({"a": 2}, "sell"), ({"a": 1}, "hold")])
def test_the_same_key_with_something_else_is_refused(town: Town, request_: Any, action: str) -> None:
    shop = town.organisation()
    ask(town, shop, "k1", {"a": 1}, "first")
    with pytest.raises(Invalid) as found:
        ask(town, shop, "k1", request_, "second", action)
    assert found.value.field == "client_key"
    assert "sell" in str(found.value)


def test_nothing_is_kept_when_acting_failed(town: Town) -> None:
    shop = town.organisation()
    with pytest.raises(Conflict):
        ask(town, shop, "k1", {"a": 1}, Conflict("no"))
    assert (town.count(client_request), town.count(event)) == (0, 0)
    assert ask(town, shop, "k1", {"a": 2}, "then") == {"answer": "then"}


def test_a_key_belongs_to_its_organisation(town: Town) -> None:
    assert [ask(town, town.organisation(), "k1", {"a": n}, n) for n in range(2)] == [{"answer": 0}, {"answer": 1}]


def test_without_a_key_every_command_acts(town: Town) -> None:
    shop = town.organisation()
    assert [ask(town, shop, None, {"a": 1}, n) for n in range(2)] == [{"answer": 0}, {"answer": 1}]
    assert town.count(client_request) == 0
