"""What stands on a paper, checked and told in the words of the law in force, and the keys it is known by."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import paper_head
from trace.domain.certificate_fields import OLDER_FORM, checked_fields, missing_fields
from trace.domain.failures import N_, Invalid
from trace.domain.papers import STATEMENTS, CertificateKind, CommitmentForm, alone_key, number_key, paper_key
from trace.domain.quantities import parse_quantity
from trace.services.commands import Command
from trace.services.rulebook import rules_on
from trace.services.stock_keeping import micro


@dataclass(frozen=True, slots=True)
class Said:
    """What stands on a paper, as somebody typed it; `issued_on` None: not read yet."""

    kind: CertificateKind
    form: str
    number: str
    issuer: str
    issued_on: date | None
    valid_until: date | None
    fields: Mapping[str, Any]
    amount: Decimal | None = None
    unit: str | None = None


def paper_values(session: Session, command: Command, said: Said, *, public_id: str) -> dict[str, Any]:
    """The columns of a certificate that follow from what stands on it, checked; its keys have their rows."""
    issued_on = said.issued_on or command.day
    if issued_on > command.day:
        raise Invalid(
            N_("The paper is dated {day}, in the future; read the date again."),
            field="issued_on",
            day=issued_on.isoformat(),
        )
    if said.valid_until and said.valid_until < issued_on:
        raise Invalid(N_("The paper would end before it begins; read the dates again."), field="valid_until")
    form, fields = _in_new_words(session, command, said)
    kept = checked_fields(said.kind, form, fields)
    if said.kind is CertificateKind.COMMITMENT and form in tuple(CommitmentForm) and kept.get("statement_accepted"):
        kept["statement"] = STATEMENTS[CommitmentForm(form)]
    if said.issued_on is None:
        kept["undated"] = True
    keys = paper_keys(said.kind, said.number, said.issuer, str(kept.get("qr_payload") or ""))
    amount, unit = certified_amount(said.amount, said.unit, kept) or (None, None)
    return {
        "kind": said.kind.value,
        "form": form,
        "number": said.number,
        "issuer": said.issuer,
        "issued_on": issued_on,
        "valid_until": said.valid_until,
        "fields": kept,
        "amount": None if amount is None else micro(amount),
        "unit": unit,
        "paper_key": note_paper(session, keys) or alone_key(public_id),
        "number_key": keys[1],
        "incomplete": bool(missing_of(said.kind, said.issuer, kept)),
    }


def missing_of(kind: CertificateKind, issuer: str, kept: Mapping[str, Any]) -> list[str]:
    """What of a paper nobody has transcribed yet."""
    heads = ([] if issuer.strip() else ["issuer"]) + (["issued_on"] if kept.get("undated") else [])
    return heads + missing_fields(kind, kept)


def _in_new_words(session: Session, command: Command, said: Said) -> tuple[str, dict[str, Any]]:
    """(form, fields) with the bases of the older commitment form in the words of the law in force (domain.md 1.1).

    The form's own day decides whether it was still good: R4 (`ended_form` in the rule book).
    """
    fields = dict(said.fields)
    entry = rules_on(session, command.day, command.actor.organisation).entry("commitment_bases")
    old = entry.value if entry is not None and said.kind is CertificateKind.COMMITMENT else {}
    named = [str(basis) for basis in fields.get("basis") or ()]
    if not set(named) & set(old):
        return said.form, fields
    return OLDER_FORM, fields | {"basis": [old.get(basis, basis) for basis in named]}


def paper_keys(kind: CertificateKind, number: str, issuer: str, qr_payload: str) -> tuple[str | None, str | None]:
    """(key of the paper, key of its number) as they stand on a certificate."""
    return paper_key(kind, number, issuer, qr_payload), number_key(kind, number, issuer)


def note_paper(session: Session, keys: tuple[str | None, str | None]) -> str | None:
    """Give each key its row in `paper_head`, in their order so that nobody waits in a ring; the paper's own key."""
    for key in sorted({key for key in keys if key}):
        session.execute(insert_for(session, paper_head).values(paper_key=key).on_conflict_do_nothing())
    return keys[0]


def certified_amount(
    amount: Decimal | None, unit: str | None, contents: Mapping[str, Any]
) -> tuple[Decimal, str] | None:
    """What a paper certifies: as given, else as its text plainly says; raises `Invalid` for half of it, or nothing."""
    if amount is None and not unit:
        return parse_quantity(str(contents.get("quantity") or ""))
    if amount is None or not unit or amount <= 0:
        text = N_("Give the certified quantity as a number above zero and its unit, or neither.")
        raise Invalid(text, field="amount" if amount is None or amount <= 0 else "unit")
    return amount, unit
