"""Pages."""

from flask import Blueprint

blueprint = Blueprint("sign_in", __name__)


from trace.web.access import public


@blueprint.get("/sign-in")
@public
def page() -> str:
    return "x"
