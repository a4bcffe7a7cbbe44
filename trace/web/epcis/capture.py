"""EPCIS: capturing documents, and the jobs that tell what became of them."""

from collections.abc import Mapping
from typing import Any

from flask import Response, g, request

from schemas.epcis.xml_answers import capture_job_xml, capture_jobs_xml
from trace.domain.epcis.document import as_time
from trace.domain.failures import N_, Invalid
from trace.domain.permissions import Permission
from trace.services.epcis_capture import Behaviour, CaptureJob, capture_document, get_job, list_jobs
from trace.web.access import may
from trace.web.epcis.answers import at, json_answer, xml_answer
from trace.web.epcis.blueprints import Resources
from trace.web.epcis.bodies import read_document
from trace.web.epcis.headers import add_capture_limits, discovery
from trace.web.epcis.negotiation import read_wishes
from trace.web.epcis.paging import PARAMETERS, add_next, number_of, read_paging
from trace.web.epcis.parameters import check_parameters
from trace.web.epcis.problems import as_problems

blueprint = Resources("capture", __name__)
BEHAVIOUR = "GS1-Capture-Error-Behaviour"


@blueprint.post("/capture")
@may(Permission.EVENT_CAPTURE)
def post_document() -> Response:
    """Capture a document of events and master data; the job is done when it is answered."""
    check_parameters()
    read_wishes()
    behaviour = _behaviour()
    document = read_document()
    job = capture_document(g.session, actor=g.actor, document=document, behaviour=behaviour, now=g.now)
    response = Response(status=202)
    response.headers["Location"] = at("epcis.capture.get_jobs", job.capture_id)
    return response


@blueprint.get("/capture")
@may(Permission.EVENT_CAPTURE)
def get_jobs() -> Response:
    """The organisation's capture jobs, newest first."""
    check_parameters(*PARAMETERS)
    wishes, paging = read_wishes(), read_paging()
    jobs, mark = list_jobs(g.session, actor=g.actor, after=number_of(paging.after), limit=paging.size)
    told = [_told(job) for job in jobs]
    response = xml_answer(capture_jobs_xml(told), wishes) if wishes.xml else json_answer(told, wishes)
    return add_next(response, None if mark is None else str(mark))


@blueprint.get("/capture/<string:capture_id>")
@may(Permission.EVENT_CAPTURE)
def get_one_job(capture_id: str) -> Response:
    """What became of one document."""
    check_parameters()
    wishes = read_wishes()
    told = _told(get_job(g.session, actor=g.actor, capture_id=capture_id))
    return xml_answer(capture_job_xml(told), wishes) if wishes.xml else json_answer(told, wishes)


@blueprint.route("/capture", methods=["OPTIONS"])
@may(Permission.EVENT_CAPTURE)
def discover_capture() -> Response:
    """What capturing takes, how much at once, and that both error behaviours are there."""
    read_wishes()
    response = discovery("GET", "POST")
    add_capture_limits(response)
    response.headers[BEHAVIOUR] = "all"
    return response


@blueprint.route("/capture/<string:capture_id>", methods=["OPTIONS"])
@may(Permission.EVENT_CAPTURE)
def discover_job(capture_id: str) -> Response:
    """What a job takes, if there is one."""
    read_wishes()
    get_job(g.session, actor=g.actor, capture_id=capture_id)
    return discovery("GET")


def _behaviour() -> Behaviour:
    text = request.headers.get(BEHAVIOUR, Behaviour.ROLLBACK.value)
    try:
        return Behaviour(text.strip())
    except ValueError:
        raise Invalid(
            N_("The header {name} takes rollback or proceed; {text} came."), name=BEHAVIOUR, text=text[:40]
        ) from None


def _told(job: CaptureJob) -> Mapping[str, Any]:
    """As GS1's OpenAPI file has a capture job; ours have always run already."""
    return {
        "captureID": job.capture_id,
        "createdAt": as_time(job.created_at.astimezone(g.now.tzinfo)),
        "finishedAt": as_time(job.finished_at.astimezone(g.now.tzinfo)),
        "running": False,
        "success": job.success,
        "captureErrorBehaviour": job.behaviour.value,
        "errors": as_problems(job.errors),
    }
