"""API: the work in the background that failed or is dead, and what administrators say of it."""

from typing import Any

from flask import g

from schemas.jobs import GiveJobUpRequest, JobsQuery, TryJobAgainRequest
from trace.domain.jobs import Decision
from trace.domain.permissions import Permission
from trace.services import job_list
from trace.web.access import may
from trace.web.api.arguments import Blueprint
from trace.web.api.commands import command_of

blueprint = Blueprint("api_jobs", __name__, url_prefix="/jobs", description="Work in the background")


@blueprint.get("")
@blueprint.arguments(JobsQuery, location="query")
@blueprint.response(200)
@may(Permission.JOB_MANAGE)
def get_jobs(query: dict[str, Any]) -> Any:
    """后台任务 / What is in trouble, or in one state; how much is in each; the last decisions."""
    return job_list.list_jobs(g.session, actor=g.actor, now=g.now, state=query["state"], before=query["before"])


@blueprint.get("/<int:number>")
@blueprint.response(200)
@may(Permission.JOB_MANAGE)
def get_job(number: int) -> Any:
    """后台任务状态 / One of them."""
    return job_list.get_job(g.session, actor=g.actor, number=number, now=g.now)


@blueprint.post("/<int:number>/retry")
@blueprint.arguments(TryJobAgainRequest)
@blueprint.response(200)
@may(Permission.JOB_MANAGE)
def post_retry(payload: dict[str, Any], number: int) -> Any:
    """重试后台任务 / Have it tried again now, as if it had not failed."""
    command = command_of({**payload, "job": number})
    return job_list.decide_on_job(g.session, command, number=number, decision=Decision.TRY_AGAIN)


@blueprint.post("/<int:number>/end")
@blueprint.arguments(GiveJobUpRequest)
@blueprint.response(200)
@may(Permission.JOB_MANAGE)
def post_end(payload: dict[str, Any], number: int) -> Any:
    """放弃后台任务 / Give it up for a reason; its kind says what becomes of it."""
    reason = payload["reason"]
    command = command_of({**payload, "job": number})
    return job_list.decide_on_job(g.session, command, number=number, decision=Decision.GIVE_UP, reason=reason)
