"""The XML bodies of the EPCIS REST binding that are no event documents: problems, capture jobs, resource lists.

Shapes: types RFC7807ProblemResponseBodyType and EPCISCaptureJobType of GS1's EPCglobal-epcis-2_0.xsd, and the
`xml` notes of GS1's OpenAPI file. All are pure: the dict that the JSON answer is made of goes in, bytes come out.
Characters that XML cannot carry (a sentence may quote what came) become U+FFFD.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from schemas.epcis.xml_names import EPCIS, PROBLEM, is_name, legible

_EPCIS = EPCIS["2.0"]
_PROBLEM_KEYS = ("type", "title", "status", "detail", "instance")
_JOB_ATTRIBUTES = ("running", "success", "captureID")
_JOB_KEYS = ("captureErrorBehaviour", "createdAt", "finishedAt")


def problem_xml(problem: Mapping[str, Any]) -> bytes:
    """An RFC 7807 problem as `epcis:EPCISException`; send it as application/problem+xml.

    Members beyond the five of the RFC follow in its own namespace, lists as `i` elements (RFC 7807 appendix A):
    the XSD lets elements of other namespaces come last.
    """
    root = etree.Element(f"{{{_EPCIS}}}EPCISException", nsmap={"epcis": _EPCIS, "p": PROBLEM})
    _fill_problem(root, problem)
    return _as_bytes(root)


def capture_job_xml(job: Mapping[str, Any]) -> bytes:
    """A capture job (keys as in JSON: captureID, running, success, captureErrorBehaviour, ...) as `EPCISCaptureJob`."""
    root = etree.Element(f"{{{_EPCIS}}}EPCISCaptureJob", nsmap={"epcis": _EPCIS, "p": PROBLEM})
    _fill_job(root, job)
    return _as_bytes(root)


def capture_jobs_xml(jobs: Iterable[Mapping[str, Any]]) -> bytes:
    """A page of capture jobs.

    The standard names no element for the list; `EPCISCaptureJobList` holds elements that are each valid by the XSD.
    """
    root = etree.Element(f"{{{_EPCIS}}}EPCISCaptureJobList", nsmap={"epcis": _EPCIS, "p": PROBLEM})
    for job in jobs:
        _fill_job(etree.SubElement(root, f"{{{_EPCIS}}}EPCISCaptureJob"), job)
    return _as_bytes(root)


def collection_xml(members: Iterable[str], *, name: str = "ResourceCollection") -> bytes:
    """A list of resources: `<{name}><type>Collection</type><member>...`.

    The XSD has no such element, so this is what OpenAPI's rules make of the JSON form: the name of the schema
    (`TopLevelResourceCollection` for `/`), no namespace, one `member` per entry; `@context` is JSON-LD's alone.
    """
    root = etree.Element(name)
    _add(root, "type", "Collection")
    for member in members:
        _add(root, "member", member)
    return _as_bytes(root)


def record_xml(name: str, record: Mapping[str, Any]) -> bytes:
    """Any other answer (a named query, a subscription, a list of them) by the same rules: keys become elements,
    lists repeat them; a key that is no XML name becomes `<entry name="...">`.
    """
    root = etree.Element(name)
    for key, value in record.items():
        _fill_record(root, key, value)
    return _as_bytes(root)


def _fill_problem(element: Any, problem: Mapping[str, Any]) -> None:
    for key in _PROBLEM_KEYS:
        if (value := problem.get(key)) is not None:
            _add(element, key, value)
    for key, value in problem.items():
        if key not in _PROBLEM_KEYS and value is not None:
            _fill_member(_named(element, key, f"{{{PROBLEM}}}"), value)


def _fill_job(element: Any, job: Mapping[str, Any]) -> None:
    for key in _JOB_ATTRIBUTES:
        element.set(key, _text(job[key]))
    for key in _JOB_KEYS:
        if job.get(key) is not None:
            _add(element, key, job[key])
    if errors := job.get("errors"):  # an empty list is none: the XSD wants at least one error in it
        faults = etree.SubElement(element, "errors")
        for error in errors:
            _fill_problem(etree.SubElement(faults, "error"), error)
    elif job.get("errorFile"):
        _add(element, "errorFile", job["errorFile"])


def _fill_member(element: Any, value: Any) -> None:
    """RFC 7807 appendix A: an object's members are elements, an array's are elements `i`."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            _fill_member(_named(element, key, f"{{{PROBLEM}}}"), item)
    elif isinstance(value, list | tuple):
        for item in value:
            _fill_member(etree.SubElement(element, f"{{{PROBLEM}}}i"), item)
    elif value is not None:
        element.text = _text(value)


def _fill_record(parent: Any, key: str, value: Any) -> None:
    for item in value if isinstance(value, list | tuple) else [value]:
        element = _named(parent, key)
        if isinstance(item, Mapping):
            for inner, content in item.items():
                _fill_record(element, inner, content)
        elif item is not None:
            element.text = _text(item)


def _named(parent: Any, key: str, namespace: str = "") -> Any:
    if is_name(key):
        return etree.SubElement(parent, namespace + key)
    return etree.SubElement(parent, f"{namespace}entry", name=legible(key))


def _add(parent: Any, name: str, value: Any) -> None:
    etree.SubElement(parent, name).text = _text(value)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return legible(str(value))


def _as_bytes(root: Any) -> bytes:
    etree.cleanup_namespaces(root)
    made: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return made
