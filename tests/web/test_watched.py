"""Every look of an inspector is written down, those in vain too; a shop's looks at its own records are not."""

import pytest

from tests.web.conftest import Demo

NO_ID = "0" * 26


def log(demo: Demo) -> list[tuple[str, str]]:
    """(what, subject) of the look-up log, the oldest first."""
    rows = demo.get("/look-ups", "auditor").json["look_ups"]
    return [(row["what"], row["subject"]) for row in reversed(rows)]


@pytest.mark.parametrize(
    "path", ["/trace?code=81502310069999999999", f"/receipts/{NO_ID}", f"/certificates/{NO_ID}", "/events/urn:uuid:x"]
)
def test_a_look_that_finds_nothing_is_written_down_and_still_refused(demo: Demo, path: str) -> None:
    before = demo.counts()
    assert demo.get(path, "inspector").status_code == 404
    after = demo.counts()
    assert {name for name in before if before[name] != after[name]} == {"lookup_log"}
    ((what, subject),) = log(demo)
    assert what == "nothing_found"
    assert path.partition("?")[0] in subject


def test_a_shops_look_in_vain_is_nobodys_business(demo: Demo) -> None:
    before = demo.counts()
    assert demo.get(f"/receipts/{NO_ID}", "clerk").status_code == 404
    assert demo.counts() == before
