"""How the API reads bodies and queries: JSON strictly, whatever the library would let through, and no unknown names."""

from typing import Any

import flask_smorest
from flask import Request
from webargs.flaskparser import FlaskParser

from trace.domain.failures import N_, Unsupported

# The body of a route that takes one file.
FILE_FORM = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "required": ["file"],
                "properties": {"file": {"type": "string", "format": "binary"}},
            }
        }
    },
}


class StrictParser(FlaskParser):
    """The application's own JSON (`trace.web.strict_json`), which webargs would pass by; schemas decide on names."""

    DEFAULT_UNKNOWN_BY_LOCATION = FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION | {"query": None}

    def load_json(self, req: Request, schema: Any) -> Any:
        """The body; raises `Unsupported` (415) for another media type, 400 for what is no strict JSON."""
        if not req.is_json:
            raise Unsupported(N_("Send the body as JSON, with the header Content-Type: application/json."))
        return req.get_json()


class Blueprint(flask_smorest.Blueprint):  # type: ignore[misc]
    """flask-smorest's, reading strictly."""

    ARGUMENTS_PARSER = StrictParser()

    def arguments(self, schema: Any, **more: Any) -> Any:
        """flask-smorest's, with one object of a schema for all requests: of a class, one is made for each request.

        To make one takes longer than to check a small body; a schema that is made says nothing of the body it checks.
        """
        return super().arguments(schema() if isinstance(schema, type) else schema, **more)
