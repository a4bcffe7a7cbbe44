"""Bodies for work in the background that is not there."""

from typing import Any

ADMINISTRATOR = "organisation_administrator"
JOB_BODIES: dict[str, tuple[str, dict[str, Any]]] = {
    "/jobs/<int:number>/retry": (ADMINISTRATOR, {"client_key": "x"}),
    "/jobs/<int:number>/end": (ADMINISTRATOR, {"client_key": "x", "reason": "x"}),
}
