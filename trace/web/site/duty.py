"""Pharmacists: on duty with one tap, prescriptions reviewed, registrations on file."""

from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from schemas.duty import RegistrationRequest, ReviewRequest
from trace.domain.failures import N_, Failure, Invalid
from trace.domain.permissions import Permission
from trace.domain.permissions import may as is_granted
from trace.errors import sentence, status_of
from trace.services.commands import Command
from trace.services.duty import end_duty, take_duty
from trace.services.overrides import Agreement
from trace.services.pharmacists import file_pharmacist, list_pharmacists, registration_warnings
from trace.services.prescription_images import image_seal, show_image, wants_image
from trace.services.prescriptions import list_reviews, review
from trace.services.remote_review import shops_reviewed_for
from trace.web.access import may
from trace.web.device import device
from trace.web.duty_strip import ON_DUTY_HERE, duty_strip
from trace.web.parts import PASSWORD_RATE, limiter, parts
from trace.web.site.forms import load, text_of
from trace.web.uploads import keep_prescription_photo, prescription_photo

blueprint = Blueprint("duty", __name__, url_prefix="/pharmacy/duty")


@blueprint.get("")
@may(Permission.CODE_DISPENSE)
def page() -> ResponseReturnValue:
    """药师在岗 / Who is on duty; the reviews of today; the registrations."""
    return _show()


def _show(problem: Failure | None = None, typed: dict[str, Any] | None = None) -> str:
    shops = shops_reviewed_for(g.session, actor=g.actor, on=g.now.date())
    midnight = datetime.combine(g.now.date(), datetime.min.time(), g.now.tzinfo)
    return render_template(
        "duty.html",
        duty=duty_strip(),
        reviews=list_reviews(g.session, actor=g.actor, since=midnight - timedelta(days=1)),
        pharmacists=list_pharmacists(g.session, actor=g.actor),
        warnings=registration_warnings(g.session, actor=g.actor, on=g.now.date()),
        shops=shops,
        shop_pictures=any(one["pictures"] for one in shops),
        reviewer=is_granted(g.actor, Permission.DUTY_TAKE),
        pictures=wants_image(g.session, Command(g.actor, g.now)),
        manager=is_granted(g.actor, Permission.PERSON_MANAGE),
        typed=typed or {},
        today=g.now.date(),
        problem=sentence(problem) if problem else None,
    )


@blueprint.post("/take")
@may(Permission.DUTY_TAKE)
def post_take() -> ResponseReturnValue:
    """上岗 / Go on duty; on to the counter."""
    try:
        take_duty(g.session, Command(g.actor, g.now), remote=text_of("remote", 3) == "yes")
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    session[ON_DUTY_HERE] = True
    return redirect(url_for("pharmacy.page"), 303)


@blueprint.post("/end")
@may(Permission.DUTY_TAKE)
def post_end() -> ResponseReturnValue:
    """离岗 / Go off duty."""
    end_duty(g.session, Command(g.actor, g.now))
    session.pop(ON_DUTY_HERE, None)
    return redirect(url_for("duty.page"), 303)


@blueprint.post("/reviews")
@limiter.limit(PASSWORD_RATE)
@may(Permission.CODE_DISPENSE)
def post_review() -> ResponseReturnValue:
    """处方审核 / A pharmacist on duty reviewed a prescription, on this device or on a colleague's."""
    typed = {name: text_of(name, most) for name, most in (("reference", 80), ("prescribed_on", 10), ("shop", 26))}
    sign_in = text_of("sign_in", 64)
    try:
        photo = prescription_photo("photo")  # before the store is asked
        if text_of("reviewed", 3) != "yes":
            raise Invalid(N_("Tick that the prescription was reviewed."), field="reviewed")
        asked = load(ReviewRequest(), {name: value for name, value in typed.items() if value})
        agreed = Agreement(sign_in, request.form.get("password", "")[:200]) if sign_in else None
        key = text_of("client_key", 120) or None
        command = Command(g.actor, g.now, client_key=key, request={**typed, "by": sign_in})
        named = {name: asked[name] for name in ("reference", "prescribed_on", "shop")}
        done = review(g.session, command, pharmacist=agreed, **named)
        if photo is not None:
            keep_prescription_photo(command, done["id"], photo)
        elif done["picture_wanted"]:
            raise Invalid(N_("A picture of each prescription is kept here: photograph it."), field="photo")
    except Failure as failure:
        g.session.rollback()
        return _show(failure, {**typed, "sign_in": sign_in}), status_of(failure)
    return redirect(url_for("duty.page"), 303)


@blueprint.get("/prescriptions/<string:public_id>/image")
@may(Permission.DUTY_TAKE)
def image(public_id: str) -> Response:
    """处方图像 / The picture of a prescription, for a pharmacist of the same pharmacy; the look is written down."""
    seal = image_seal(parts().settings.secret_key)
    found = show_image(g.session, actor=g.actor, public_id=public_id, objects=parts().objects, seal=seal, now=g.now)
    return Response(found, mimetype="image/jpeg", headers={"Cache-Control": "no-store"})


@blueprint.post("/registrations")
@may(Permission.PERSON_MANAGE)
def post_registration() -> ResponseReturnValue:
    """执业药师注册 / Put a pharmacist's registration on file, or say it anew."""
    names = ("person", "registration_no", "title", "expires_on")
    typed = {name: text_of(name, 40) for name in names}
    try:
        asked = load(RegistrationRequest(), {name: value for name, value in typed.items() if value})
        command = Command(g.actor, g.now, client_key=text_of("client_key", 120) or None, request=typed)
        file_pharmacist(
            g.session,
            command,
            person_id=asked["person"],
            registration_no=asked["registration_no"],
            title=asked["title"],
            expires_on=asked["expires_on"],
            device=device(),
        )
    except Failure as failure:
        g.session.rollback()
        return _show(failure), status_of(failure)
    return redirect(url_for("duty.page"), 303)
