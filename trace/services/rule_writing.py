"""What administrators write into the rule book, and what everybody may read of it: in force, and its history."""

from contextlib import nullcontext
from datetime import date
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.orm import Session

from storage.tables import person, rule_entry
from storage.tenancy import across_organisations
from trace.domain.failures import N_, Forbidden, Invalid, NotFound
from trace.domain.permissions import Actor, Role
from trace.domain.rules.book import EVERYWHERE, Confidence, Entry, shipped
from trace.domain.rules.shapes import check_entry, find_family
from trace.services.commands import Command, run_once
from trace.services.rulebook import forget_book, rule_book, rules_on


def write_rule(
    session: Session,
    command: Command,
    *,
    name: str,
    effective_from: date,
    value: Any,
    source: str,
    confidence: Confidence,
    reason: str,
    everywhere: bool,
) -> dict[str, Any]:
    """Add an entry to the rule book: for everybody (platform administrator), or a house rule of one's own.

    Nothing is changed in place: of two entries of one name and day, what is written later counts, so two who write at
    once need no lock, and both stand in the history with who, when and why. Raises `Forbidden` for an entry that is not
    the actor's to write, `Invalid` for a name no rule reads and a value no rule could (`trace.domain.rules.shapes`).

    A day before today may be given (a law is often known late). Findings of receipts that are stored stay as they were
    made; what is received later as of such a day (a delivery typed in the evening) is judged by the new entry.
    """

    def act() -> dict[str, Any]:
        _check_writer(command.actor, name, everywhere=everywhere)
        check_entry(name, value, rule_book(session))
        if not reason.strip():
            raise Invalid(N_("Say why the rule is written or changed."), field="reason")
        if not source.strip():
            raise Invalid(N_("Name the source of the rule: the law and its article, or a house rule."), field="source")
        values = {
            "name": name,
            "organisation": EVERYWHERE if everywhere else command.actor.organisation,
            "effective_from": effective_from,
            "value": value,
            "source": source.strip(),
            # What a business writes for itself is its house rule, whatever it was taken from.
            "confidence": (confidence if everywhere else Confidence.HOUSE).value,
            "reason": reason.strip(),
            "person": command.actor.person,
            "api_key": command.actor.api_key,
            "written_at": command.now,
        }
        wide = across_organisations(session, because="the platform writes the rules that all keep")
        with wide if everywhere else nullcontext():
            session.execute(insert(rule_entry).values(values))
        forget_book(session)
        return {
            "name": name,
            "effective_from": effective_from.isoformat(),
            "everywhere": everywhere,
            "in_the_past": effective_from < command.day,
        }

    return run_once(session, command, "write_rule", act)


def may_write(actor: Actor, name: str) -> bool:
    """Whether the actor may write an entry of this name: all of them for everybody, or house rules of the own house."""
    if actor.role is Role.PLATFORM_ADMINISTRATOR:
        return True
    return actor.role is Role.ORGANISATION_ADMINISTRATOR and is_house_rule(name)


def is_house_rule(name: str) -> bool:
    """Whether each business decides this for itself: what is shipped of it is a house rule, or marked as one."""
    family = find_family(name)
    if family is None or family.house is not None:
        return bool(family and family.house)
    entries = [entry for entry in shipped().written if entry.name == name]
    entries = entries or [entry for entry in shipped().written if find_family(entry.name) is family]
    return bool(entries) and all(entry.confidence is Confidence.HOUSE for entry in entries)


def list_rules(session: Session, *, actor: Actor, on: date) -> list[dict[str, Any]]:
    """What is in force on a day for the actor's organisation, by name; `coming` is the day it changes next, or None."""
    book = rule_book(session)
    mine = (EVERYWHERE, actor.organisation)
    coming: dict[str, date] = {}
    for entry in book.written:
        if entry.effective_from > on and entry.organisation in mine:
            coming[entry.name] = min(entry.effective_from, coming.get(entry.name, date.max))
    rules = rules_on(session, on, actor.organisation)
    return [
        _as_card(entry) | {"coming": coming.get(entry.name), "may_write": may_write(actor, entry.name)}
        for entry in rules.under("")
    ]


def rule_history(session: Session, *, actor: Actor, name: str) -> dict[str, Any]:
    """Every entry of a name that the actor may see, the latest day first: shipped, written, of the own house.

    Who wrote it is told to the own organisation and to the platform administrator. Raises `NotFound` for a name that
    has no entry.
    """
    query = (
        select(rule_entry, person.c.name.label("by"))
        .outerjoin(person, person.c.id == rule_entry.c.person)
        .where(rule_entry.c.name == name, rule_entry.c.organisation.in_((EVERYWHERE, actor.organisation)))
        .order_by(rule_entry.c.id)
    )
    entries = [_as_card(entry) | _UNWRITTEN for entry in shipped().written if entry.name == name]
    entries += [_as_written(row, actor) for row in session.execute(query)]
    if not entries:
        raise NotFound(N_("There is no rule {name}."), name=name)
    entries.reverse()  # of one day, what was written later stands first: sorting keeps that order
    entries.sort(key=lambda card: card["effective_from"], reverse=True)
    return {"name": name, "entries": entries, "may_write": may_write(actor, name), "house_rule": is_house_rule(name)}


_UNWRITTEN = {"shipped": True, "reason": "", "by": "", "written_at": None}


def _as_card(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.name,
        "effective_from": entry.effective_from,
        "value": entry.value,
        "source": entry.source,
        "confidence": entry.confidence.value,
        "everywhere": entry.organisation == EVERYWHERE,
    }


def _as_written(row: Row[Any], actor: Actor) -> dict[str, Any]:
    own = row.organisation == actor.organisation or actor.role is Role.PLATFORM_ADMINISTRATOR
    entry = Entry(row.name, row.effective_from, row.value, row.source, Confidence(row.confidence), row.organisation)
    told = {"shipped": False, "reason": row.reason, "by": (row.by or "") if own else "", "written_at": row.written_at}
    return _as_card(entry) | told


def _check_writer(actor: Actor, name: str, *, everywhere: bool) -> None:
    if everywhere and actor.role is not Role.PLATFORM_ADMINISTRATOR:
        raise Forbidden(N_("Rules for everybody are written by the platform administrator; write a house rule."))
    if not everywhere and actor.role is not Role.ORGANISATION_ADMINISTRATOR:
        raise Forbidden(N_("A house rule is written by the administrator of that organisation."))
    if not everywhere and not is_house_rule(name):
        raise Forbidden(N_("{name} is the law's, or the platform's for everybody: it is no house rule."), name=name)
