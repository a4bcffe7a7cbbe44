"""A checked delivery body as the values `receive` takes; used by the API and by the pages."""

from typing import Any

from flask import request

from trace.services.overrides import Agreement
from trace.services.receiving import Decision, Line, Supplier


def supplier_of(payload: dict[str, Any]) -> Supplier:
    """The supplier of a delivery."""
    return Supplier(payload["id"], payload["name"], payload["address"], payload["contact"])


def line_of(payload: dict[str, Any]) -> Line:
    """One line of a delivery."""
    values = {**payload, "decision": Decision(payload["decision"])}
    for name in ("codes", "new_identifiers", "certificates"):
        values[name] = tuple(values[name])
    for name in ("product", "code", "container"):
        values[name] = values[name] or None
    return Line(**values)


def agreement_of(payload: dict[str, Any]) -> Agreement | None:
    """What a second person says, taken out of the body: the password must be in no digest, no record and no log.

    Who agreed and why stays in the body: the same key with another reason is another request.
    """
    said = payload.pop("override", None)
    if not said:
        return None
    payload["overridden"] = {"sign_in": said["sign_in"], "reason": said["reason"]}
    return Agreement(said["sign_in"], said["password"], said["reason"])


def names_no_second() -> bool:
    """Whether this request tries no second person's password: only those that do are counted (`PASSWORD_RATE`)."""
    if request.is_json:
        body = request.get_json(silent=True)
        return not (isinstance(body, dict) and body.get("override"))
    return not request.form.get("override-password")
