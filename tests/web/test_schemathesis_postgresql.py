"""No input may break the service: generated requests over the whole OpenAPI document, on PostgreSQL."""

import pytest

from tests.web.conftest import Demo
from tests.web.generated import attack_everything


@pytest.mark.parametrize("demo", ["postgresql"], indirect=True)
def test_no_generated_request_breaks_the_service(demo: Demo) -> None:
    assert demo.backend == "postgresql"
    attack_everything(demo)
