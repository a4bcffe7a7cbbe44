"""Type what stands on a paper that was photographed, and correct it: the old value stays beside the new one (R16)."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select, update
from sqlalchemy.orm import Session

from storage.tables import certificate, correction
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.papers import CertificateKind
from trace.domain.permissions import Actor
from trace.domain.rules.corrections import Correction, check_correction
from trace.services.certificates import as_card
from trace.services.commands import Command, run_once
from trace.services.paper_contents import Said, paper_values
from trace.services.paper_late import look_again
from trace.services.rulebook import rules_on

KEPT_ASIDE = ("statement", "undated", "origin_region")  # in `fields`, said by the service and not by the paper
HEADS = ("form", "number", "issuer", "issued_on", "valid_until", "amount", "unit")
TRANSCRIBED = "transcribed"  # the reason of a field that was empty before


def correct_paper(
    session: Session,
    command: Command,
    *,
    public_id: str,
    changes: Mapping[str, Any],
    contents: Mapping[str, Any] | None = None,
    reason: str = "",
    device: str = "",
) -> dict[str, Any]:
    """Type what stands on an own paper, or correct it: {id, changed}; each change is kept, old beside new (R16).

    `changes` may name `HEADS`, `contents` the fields of its kind; None takes a value away. What was empty is
    transcribed; what was there is corrected and asks for the reason. Raises `NotFound` for another's paper, `Conflict`
    for a certificate that was issued here (revoke it instead), `Invalid` as `file_certificate` does.

    Goods that came under it are summed anew with what came under the same paper elsewhere: too much is an alert (R5).

    Two who correct one paper at once: its locked row; the later one's old values are the earlier one's new. The lock
    leaves its key alone (FOR NO KEY UPDATE): who receives under the paper holds `paper_head` and refers to this row.
    """

    def act() -> dict[str, Any]:
        row = _own_row(session, command.actor, public_id)
        before = _as_said(row)
        after = before | dict(changes) | {f"fields.{name}": value for name, value in (contents or {}).items()}
        quantity = "fields.quantity"
        if after.get(quantity) != before.get(quantity) and "amount" not in changes:
            after["amount"] = after["unit"] = None  # as the new text says it
        values = paper_values(session, command, _said(row, after), public_id=public_id)
        session.execute(update(certificate).where(certificate.c.id == row.id).values(values))
        fresh = session.execute(select(certificate).where(certificate.c.id == row.id)).one()
        changed = _keep_changes(session, command, row, before, _as_said(fresh), reason.strip(), device)
        look_again(session, command, row.id)
        return {"id": public_id, "changed": changed}

    return run_once(session, command, "correct_paper", act)


def _own_row(session: Session, actor: Actor, public_id: str) -> Row[Any]:
    query = select(certificate).where(
        certificate.c.public_id == public_id, certificate.c.organisation == actor.organisation
    )
    row = session.execute(query.with_for_update(key_share=True)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no certificate {id}."), id=public_id)
    if row.issued_here:
        raise Conflict(
            N_("The certificate {number} was issued here and stays as it is. Revoke it and issue a new one."),
            number=row.number,
        )
    return row


def _as_said(row: Row[Any]) -> dict[str, Any]:
    """{name: value} of what stands on a paper; fields of its kind as `fields.<name>`, what is empty left out."""
    amount = as_card(row)["amount"]
    heads = {
        "form": row.form,
        "number": row.number,
        "issuer": row.issuer,
        "issued_on": None if row.fields.get("undated") else row.issued_on,
        "valid_until": row.valid_until,
        "amount": amount,
        "unit": row.unit,
    }
    fields = {f"fields.{name}": value for name, value in row.fields.items() if name not in KEPT_ASIDE}
    return {name: value for name, value in (heads | fields).items() if value not in (None, "", [])}


def _said(row: Row[Any], after: Mapping[str, Any]) -> Said:
    fields = {name.removeprefix("fields."): value for name, value in after.items() if name.startswith("fields.")}
    heads = {name: after.get(name) for name in HEADS}
    return Said(
        CertificateKind(row.kind),
        heads["form"] or "",
        heads["number"] or "",
        heads["issuer"] or "",
        heads["issued_on"],
        heads["valid_until"],
        fields,
        heads["amount"],
        heads["unit"],
    )


def _keep_changes(
    session: Session,
    command: Command,
    row: Row[Any],
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    reason: str,
    device: str,
) -> list[str]:
    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    # What follows from the text of the quantity is told with it.
    follows = ("amount", "unit") if "fields.quantity" in names else ()
    rules = rules_on(session, command.day, command.actor.organisation)
    kept = []
    for name in names:
        old, new = _text(before.get(name)), _text(after.get(name))
        why = reason or (TRANSCRIBED if old is None or name in follows else "")
        said = Correction(
            name, old, new, command.actor.name or command.actor.organisation_name, why, command.now, device or "-"
        )
        for fault in check_correction(said, command.now, rules) if rules.entry("correction") else ():
            told: dict[str, Any] = {key: value for key, value in fault.values.items() if key != "field"}
            raise Invalid(fault.message, field="reason", **told)
        if not why:
            text = N_("Say why it is changed: it was {old}.")
            raise Invalid(text, field="reason", old=old)
        kept.append(
            {
                "organisation": command.actor.organisation,
                "kind": "certificate",
                "subject": row.public_id,
                "field": name.removeprefix("fields."),
                "old": old,
                "new": new,
                "reason": why,
                "person": command.actor.person,
                "api_key": command.actor.api_key,
                "device": device[:120],
                "corrected_at": command.now,
            }
        )
    if kept:
        session.execute(insert(correction), kept)
    return [change["field"] for change in kept]


def _text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return value.isoformat() if isinstance(value, date) else str(value)
