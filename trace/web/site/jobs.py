"""Work in the background: what failed, what is dead, and two buttons for it."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from trace.domain.failures import Failure, NotFound
from trace.domain.jobs import Decision, JobState
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.job_list import LONGEST_REASON, decide_on_job, list_jobs
from trace.web.access import may
from trace.web.site.forms import text_of

blueprint = Blueprint("jobs", __name__, url_prefix="/jobs")


@blueprint.get("")
@may(Permission.JOB_MANAGE)
def page() -> ResponseReturnValue:
    """后台任务 / What failed or is dead; or what is in one state."""
    return _show()


def _show(problem: Failure | None = None) -> str:
    state, before = request.args.get("state", ""), request.args.get("before", "")
    found = list_jobs(
        g.session,
        actor=g.actor,
        now=g.now,
        state=JobState(state) if state in set(JobState) else None,
        before=int(before) if before.isdecimal() and len(before) < 10 else None,
    )
    return render_template(
        "jobs.html",
        found=found,
        state=state if state in set(JobState) else "",
        states=tuple(JobState),
        most=LONGEST_REASON,
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/<int:number>/retry")
@may(Permission.JOB_MANAGE)
def retry(number: int) -> ResponseReturnValue:
    """重试 / Have it tried again now."""
    return _decide(number, Decision.TRY_AGAIN)


@blueprint.post("/<int:number>/end")
@may(Permission.JOB_MANAGE)
def end(number: int) -> ResponseReturnValue:
    """放弃 / Give it up, for a reason."""
    return _decide(number, Decision.GIVE_UP)


def _decide(number: int, decision: Decision) -> ResponseReturnValue:
    reason = text_of("reason", LONGEST_REASON)
    key = text_of("client_key", 120) or None
    command = Command(g.actor, g.now, client_key=key, request={"job": number, "reason": reason})
    try:
        decide_on_job(g.session, command, number=number, decision=decision, reason=reason)
    except NotFound:
        raise
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("jobs.page", done=decision), 303)
