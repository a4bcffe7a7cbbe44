"""The JSON API under /api/v1: OpenAPI 3.1 from the same schemas that check the bodies."""

from importlib import import_module

from flask import Flask, jsonify, render_template
from flask.typing import ResponseReturnValue
from flask_smorest import Api

from schemas.epcis.validation import json_schema
from trace.web.access import public
from trace.web.api.description import describe, problem_responses

# The blueprints, one file each, in the order the description tells them.
PARTS = (
    "people",
    "goods",
    "acceptance",
    "stock",
    "corrections",
    "papers",
    "commitment",
    "suppliers",
    "imports",
    "photos",
    "drugs",
    "pharmacy",
    "duty",
    "window",
    "chain",
    "care",
    "climate",
    "exports",
    "jobs",
    "look",
    "sales",
    "records",
    "checks",
    "safety",
    "rules",
)


class ProblemApi(Api):  # type: ignore[misc]
    """flask-smorest without its error pages: ours answer people with pages and keep the Allow header."""

    def _register_error_handlers(self) -> None:
        """Leave the application's own error handlers alone (`trace.errors`)."""

    def _register_responses(self) -> None:
        """Describe our refusals, not flask-smorest's."""
        for name, response in problem_responses().items():
            self.spec.components.response(name, response)


def register(app: Flask) -> None:
    """Add the API and its description to the application."""
    app.config.update(
        API_TITLE="Sunshine Trace 阳光追溯",
        API_VERSION="v1",
        OPENAPI_VERSION="3.1.0",
        API_SPEC_OPTIONS={
            "components": {
                "securitySchemes": {"key": {"type": "http", "scheme": "bearer", "description": "An API key, st_..."}}
            },
            "security": [{"key": []}],
        },
    )
    api = ProblemApi(app)
    for name in PARTS:
        blueprint = import_module(f"trace.web.api.{name}").blueprint
        api.register_blueprint(blueprint, url_prefix=f"/api/v1{blueprint.url_prefix or ''}")
    document = describe(app, api.spec.to_dict())

    @app.get("/api/v1/openapi.json")
    @public
    def openapi() -> ResponseReturnValue:
        """The API's description, for machines."""
        return jsonify(document)

    @app.get("/api/v1/epcis-event.schema.json")
    @public
    def epcis_event_schema() -> ResponseReturnValue:
        """What an event is that is captured here, as JSON Schema: from the same definition that judges it."""
        return jsonify(json_schema())

    @app.get("/api/v1/docs")
    @public
    def docs() -> ResponseReturnValue:
        """The API's description, for people."""
        return render_template("api_docs.html", spec=document)
