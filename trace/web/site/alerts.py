"""What is alarming, what was done about it, and a sentence for what is done now."""

from flask import Blueprint, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from schemas.alerts import AlertsQuery
from trace.domain.failures import Failure, NotFound
from trace.domain.permissions import Permission
from trace.errors import sentence, status_of
from trace.services.alert_settling import settle_alert
from trace.services.alerts import open_and_settled, page_of_alerts
from trace.services.commands import Command
from trace.web.access import may, watched
from trace.web.site.forms import load, text_of

blueprint = Blueprint("alerts", __name__, url_prefix="/alerts")


@blueprint.get("")
@may(Permission.ALERT_READ)
@watched
def page() -> ResponseReturnValue:
    """预警 / What is open, and what was settled: by whom, when, how; older ones a page at a time."""
    asked = {name: request.args[name] for name in ("before", "settled") if request.args.get(name)}
    if not asked:
        return _show()
    query = load(AlertsQuery(), asked)
    page = page_of_alerts(g.session, actor=g.actor, now=g.now, **query)
    shown = {"settled": page} if query["settled"] else {"alerts": page}
    return render_template("alerts.html", **shown, is_first=False)


@blueprint.post("/<int:number>/settlement")
@may(Permission.ALERT_SETTLE)
def settle(number: int) -> ResponseReturnValue:
    """预警处理 / Say what was done."""
    action = text_of("action", 200)
    key = text_of("client_key", 120) or None
    command = Command(g.actor, g.now, client_key=key, request={"alert": number, "action": action})
    try:
        settle_alert(g.session, command, number=number, action=action)
    except NotFound:
        raise
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("alerts.page"), 303)


def _show(problem: Failure | None = None) -> str:
    alerts, settled = open_and_settled(g.session, actor=g.actor, now=g.now)
    told = sentence(problem) if problem else None
    return render_template("alerts.html", alerts=alerts, settled=settled, problem=told, is_first=True)
