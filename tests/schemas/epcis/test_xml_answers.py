"""Problems, capture jobs and resource lists as XML."""

from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from schemas.epcis.xml_answers import capture_job_xml, capture_jobs_xml, collection_xml, problem_xml, record_xml
from tests.schemas.epcis.xml_samples import official

EPCIS = "{urn:epcglobal:epcis:xsd:2}"
RFC = "{urn:ietf:rfc:7807}"
PROBLEM = {
    "type": "epcisException:ValidationException",
    "title": "The document is not valid",
    "status": 400,
    "detail": "eventList.3: 'reciving' & <that> is no business step.",
    "instance": "https://trace.example/problems/1",
}
JOB = {
    "captureID": "01JOB",
    "running": False,
    "success": False,
    "captureErrorBehaviour": "proceed",
    "createdAt": "2026-11-26T01:02:03.004Z",
    "finishedAt": "2026-11-26T01:02:04Z",
    "errors": [PROBLEM, {"type": "epcisException:ValidationException", "title": "Another"}],
}


@pytest.fixture(scope="session")
def epcis_schema(shared: Path) -> Any:
    """GS1's schema of EPCIS 2.0, which has the problem and the capture job, too."""
    return official(shared, "epcis")


def texts(element: Any) -> list[tuple[str, str]]:
    return [(child.tag, child.text) for child in element]


def test_a_problem_is_an_epcis_exception_with_the_five_members_in_order() -> None:
    root = etree.fromstring(problem_xml({"detail": PROBLEM["detail"], "extra": None, **PROBLEM}))
    assert root.tag == f"{EPCIS}EPCISException"
    assert texts(root) == [(key, str(value)) for key, value in PROBLEM.items()]


def test_further_members_of_a_problem_follow_in_the_namespace_of_the_rfc() -> None:
    body = problem_xml({"type": "t", "title": "T", "errors": [{"path": "a.b", "wanted": ["x", "y"]}], "no name": 1})
    root = etree.fromstring(body)
    assert [e.text for e in root.findall(f"{RFC}errors/{RFC}i/{RFC}wanted/{RFC}i")] == ["x", "y"]
    assert root.find(f"{RFC}errors/{RFC}i/{RFC}path").text == "a.b"
    assert root.find(f"{RFC}entry").get("name") == "no name"


def test_what_xml_cannot_carry_is_replaced_in_a_problem() -> None:
    root = etree.fromstring(problem_xml({"type": "t", "title": "\x00 \ud800 \x1b \uffff \U0001f600"}))
    assert root.find("title").text == "\ufffd \ufffd \ufffd \ufffd \U0001f600"


def test_a_capture_job_has_its_states_as_attributes() -> None:
    root = etree.fromstring(capture_job_xml(JOB))
    assert dict(root.attrib) == {"running": "false", "success": "false", "captureID": "01JOB"}
    assert [child.tag for child in root] == ["captureErrorBehaviour", "createdAt", "finishedAt", "errors"]
    assert [error.find("title").text for error in root.iter("error")] == ["The document is not valid", "Another"]


def test_a_capture_job_without_errors_names_none() -> None:
    root = etree.fromstring(capture_job_xml({**JOB, "errors": [], "finishedAt": None, "success": True}))
    assert [child.tag for child in root] == ["captureErrorBehaviour", "createdAt"]


def test_a_capture_job_may_point_to_a_file_of_errors() -> None:
    root = etree.fromstring(capture_job_xml({**JOB, "errors": None, "errorFile": "https://trace.example/e"}))
    assert root.find("errorFile").text == "https://trace.example/e"


def test_a_page_of_jobs_and_lists_of_resources() -> None:
    assert [job.get("captureID") for job in etree.fromstring(capture_jobs_xml([JOB, JOB]))] == ["01JOB", "01JOB"]
    root = etree.fromstring(collection_xml(["events", "epcs"], name="TopLevelResourceCollection"))
    assert root.tag == "TopLevelResourceCollection"
    assert texts(root) == [("type", "Collection"), ("member", "events"), ("member", "epcs")]


def test_a_named_query_as_xml_repeats_the_elements_of_its_lists() -> None:
    body = record_xml("Query", {"name": "q", "query": {"EQ_bizStep": ["shipping", "receiving"], "EQ_a:b#c": 5}})
    query = etree.fromstring(body).find("query")
    assert [(e.tag, e.get("name"), e.text) for e in query] == [
        ("EQ_bizStep", None, "shipping"), ("EQ_bizStep", None, "receiving"), ("entry", "EQ_a:b#c", "5"),
    ]  # fmt: skip


@pytest.mark.parametrize("job", [JOB, {**JOB, "errors": []}, {**JOB, "errors": [], "errorFile": "https://t.example/e"}])
def test_capture_jobs_are_valid_by_the_official_schema(job: dict[str, Any], epcis_schema: Any) -> None:
    assert epcis_schema.validate(etree.fromstring(capture_job_xml(job))), epcis_schema.error_log


def test_problems_are_valid_by_the_official_schema(epcis_schema: Any) -> None:
    root = etree.fromstring(problem_xml({**PROBLEM, "errors": [{"path": "x"}], "conflicts": ["a"]}))
    assert epcis_schema.validate(root), epcis_schema.error_log
