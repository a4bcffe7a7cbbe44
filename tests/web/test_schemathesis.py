"""No input may break the service: generated requests over every second operation of the OpenAPI document."""

from tests.web.conftest import Demo
from tests.web.generated import attack_operations


def test_no_generated_request_breaks_the_service(demos: list[Demo]) -> None:
    assert len(demos) == 2
    attack_operations(demos, half=0)
