"""Signing in and out, and one's own page."""

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from storage.tenancy import see_as
from trace.domain.failures import Failure
from trace.domain.parties import PHARMACIES, OrganisationKind
from trace.domain.permissions import Actor, Permission, Role, may
from trace.errors import sentence
from trace.services.commands import Command
from trace.services.duty import end_duty, may_take_duty
from trace.services.job_list import count_stopped
from trace.services.keys import list_keys
from trace.services.people import check_password, find_actor, list_people
from trace.web.access import check_csrf, public, sight_of_actor
from trace.web.access import may as needs
from trace.web.duty_strip import ON_DUTY_HERE
from trace.web.parts import limiter
from trace.web.site.addresses import inside
from trace.web.site.forms import text_of

blueprint = Blueprint("sign_in", __name__)


@blueprint.get("/sign-in")
@public
def page() -> ResponseReturnValue:
    """登录 / The form."""
    return render_template("sign_in.html", next=inside(request.args.get("next", "")), problem=None)


@blueprint.post("/sign-in")
@limiter.limit("20 per minute")
@public
def enter() -> ResponseReturnValue:
    """登录 / Check the password; one sentence for every reason why not."""
    check_csrf()
    onward = inside(text_of("next"))
    try:
        person = check_password(g.session, sign_in=text_of("sign_in", 64), password=text_of("password", 200))
    except Failure as failure:
        return render_template("sign_in.html", next=onward, problem=sentence(failure)), 401
    session.clear()
    session["person"] = person
    actor = find_actor(g.session, person)
    see_as(g.session, sight_of_actor(actor))
    if not onward and actor is not None and may_take_duty(g.session, actor=actor, at=g.now):
        return redirect(url_for("duty.page"))
    return redirect(onward or desk_of(actor))


@blueprint.post("/sign-out")
@public
def leave() -> ResponseReturnValue:
    """退出 / End the session, and the duty that was taken on this device."""
    check_csrf()
    if g.actor is not None and session.get(ON_DUTY_HERE):
        end_duty(g.session, Command(g.actor, g.now))
    session.clear()
    return redirect(url_for("home.page"))


@blueprint.get("/account")
@needs(Permission.SELF_READ)
def account() -> ResponseReturnValue:
    """我的账号 / Who one is, with whom, and may do what."""
    people = list_people(g.session, actor=g.actor) if may(g.actor, Permission.PERSON_MANAGE) else []
    keys = list_keys(g.session, actor=g.actor) if may(g.actor, Permission.KEY_MANAGE) else []
    stopped = count_stopped(g.session, actor=g.actor) if may(g.actor, Permission.JOB_MANAGE) else 0
    return render_template("account.html", people=people, keys=keys, stopped=stopped)


def desk_of(actor: Actor | None) -> str:
    """Where somebody works: the first page after signing in."""
    if actor is None:
        return url_for("home.page")
    if actor.role is Role.AUDITOR:
        return url_for("inspector.log")
    if actor.watches:
        return url_for("inspector.page")
    if not may(actor, Permission.GOODS_RECEIVE):
        return url_for("sign_in.account")
    if actor.organisation_kind == OrganisationKind.PHARMACY_HEADQUARTERS and may(actor, Permission.CHAIN_MANAGE):
        return url_for("chain.page")
    return url_for("pharmacy.page" if actor.organisation_kind in PHARMACIES else "station.page")
