"""Exports as people see them: the targets of a pharmacy, what waits, each file with its state and answers.

Settings of a target are the administrator's (`EXPORT_MANAGE`). Its secret is sealed under the service's key and never
shown again. Nothing that was answered is ever deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy import Row, func, insert, select, update
from sqlalchemy.orm import Session

from storage import jobs
from storage.events import insert_for
from storage.tables import (
    export_answer,
    export_file,
    export_target,
    person,
)
from trace.domain.exports import Kind, State, advice_for
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.parties import DRUG_TRADE
from trace.domain.permissions import Actor, Permission, authorize
from trace.services.commands import Command, run_once
from trace.services.export_files import SEND, begun, lock_target, make_files, plan_nightly, remake_file
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on
from trace.services.sealing import Seal, seal_for
from trace.services.webhooks import parse_destination

# What the other side knows the pharmacy by: {kind: (field, most characters, whether it must be there)}.
ACCOUNTS: Mapping[Kind, tuple[tuple[str, int, bool], ...]] = {
    Kind.MEDICAL_INSURANCE: (
        ("code", 12, True),
        ("region", 6, False),
        ("system", 30, False),
        ("operator", 50, False),
        ("gateway", 60, False),
    ),
    Kind.TRACE_PLATFORM: (("app_key", 40, True), ("ref_user_id", 60, True), ("session", 100, False)),
    Kind.EPCIS_2_0: (),
    Kind.EPCIS_1_2: (),
}
PAGE = 50
NOT_HELD = N_("The other side does not hold this file; it is sent again.")
LOST = N_("The other side took this file again and again and does not hold it.")
OPEN = (State.QUEUED, State.SENT)


@dataclass(frozen=True, slots=True)
class Setting:
    """What an administrator sets of a target; `secret` None leaves the one that is kept."""

    kind: Kind
    address: str
    account: Mapping[str, str]
    secret: str | None
    enabled: bool
    begins_on: datetime | None = None


def export_seal(secret_key: str) -> Seal:
    """The seal over the secrets of targets."""
    return seal_for(secret_key, "export_target")


def about_target(public_id: str) -> str:
    """What a target's secret is sealed to (`Seal.close`)."""
    return f"export_target {public_id}"


def set_target(session: Session, command: Command, *, setting: Setting, seal: Seal, private: bool) -> dict[str, Any]:
    """Set up a target, or change it: one of each kind a pharmacy. Answers its public id.

    `private` allows addresses on this network and plain http (SUNSHINE_WEBHOOK_PRIVATE). Raises `Invalid` naming the
    field, `Conflict` outside the drug trade, `Forbidden` for who may not. Two at once: the key (organisation, kind)
    makes them one target, whose later setting stays.
    """

    def act() -> dict[str, Any]:
        _check(command.actor)
        address = setting.address.strip()
        if address:
            parse_destination(address, private=private, field="address")
        account = _account(setting, command.actor)
        begins = _begins(session, command, setting)
        insertion = insert_for(session, export_target).values(
            public_id=new_public_id(), organisation=command.actor.organisation, kind=setting.kind, address=address,
            account=account, enabled=setting.enabled, begins_at=begins, created_at=command.now,
            reached=begun(session, setting.kind) if setting.begins_on is None else {},
        )  # fmt: skip
        session.execute(insertion.on_conflict_do_nothing(index_elements=["organisation", "kind"]))
        row = session.execute(_own(command.actor).where(export_target.c.kind == setting.kind)).one()
        _check_secret(setting, row)
        values: dict[str, Any] = {"address": address, "account": account, "enabled": setting.enabled}
        if setting.secret:
            values["secret"] = seal.close(setting.secret.encode(), about=about_target(row.public_id))
        session.execute(update(export_target).where(export_target.c.id == row.id).values(values))
        plan_nightly(session, row.id, row.organisation, now=command.now)
        _send_now(session, row.id, command)
        return {"id": row.public_id}

    return run_once(session, command, "set_export_target", act)


def _check_secret(setting: Setting, row: Row[*tuple[Any, ...]]) -> None:
    """What is signed needs something to sign with; and a secret goes to the host that it was entered for only."""
    signs = setting.kind is Kind.TRACE_PLATFORM or setting.account.get("gateway", "").strip()
    if setting.address.strip() and signs and not setting.secret and row.secret is None:
        raise Invalid(N_("Enter the secret that the other side gave out; calls are signed with it."), field="secret")
    address = setting.address.strip()
    if address and row.secret is not None and not setting.secret and _door(address) != _door(row.address):
        raise Invalid(N_("Enter the secret again: the kept one is not sent to another address."), field="secret")


def _door(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc.lower()


def _check(actor: Actor) -> None:
    authorize(actor, Permission.EXPORT_MANAGE)
    if actor.organisation_kind not in DRUG_TRADE:
        raise Conflict(N_("{name} is not in the drug trade; only its records are told."), name=actor.organisation_name)


def _account(setting: Setting, actor: Actor) -> dict[str, str]:
    account = {"name": actor.organisation_name, "region": actor.region}
    for name, most, needed in ACCOUNTS[setting.kind]:
        value = setting.account.get(name, "").strip()
        if (needed and not value) or len(value) > most or not value.isprintable():
            raise Invalid(
                N_("{name} takes 1 to {most} characters, as the other side gave it out."),
                field=name,
                name=name,
                most=most,
            )
        if value:
            account[name] = value
    return account


def _begins(session: Session, command: Command, setting: Setting) -> datetime:
    """From when on records are told; a little before today at most, so that one making is never a year's."""
    if setting.begins_on is None:
        return command.now
    rules = rules_on(session, command.day, command.actor.organisation)
    most = rules.value("export.reach")["days_back"]
    earliest = datetime.combine(command.day - timedelta(days=most), time(), tzinfo=command.now.tzinfo)
    if not earliest <= setting.begins_on <= command.now:
        raise Invalid(N_("Records are told from at most {days} days ago on."), field="begins_on", days=most)
    return setting.begins_on


def _own(actor: Actor) -> Any:
    return select(export_target).where(export_target.c.organisation == actor.organisation)


def make_now(session: Session, command: Command, *, target_id: str) -> dict[str, Any]:
    """Make the files of a target now and send them, without waiting for the night. Answers {files, records, waiting}.

    Raises `NotFound`. Two at once: `trace.services.export_files.make_files` says what lines them up.
    """

    def act() -> dict[str, Any]:
        row = _target(session, command.actor, target_id)
        made = make_files(session, row.id, now=command.now)
        _send_now(session, row.id, command)
        return {"files": made.files, "records": made.records, "waiting": made.waiting}

    return run_once(session, command, "make_export", act)


def send_again(session: Session, command: Command, *, file_id: str) -> dict[str, Any]:
    """Send a file once more: a queued one at once, a refused one made anew from the records as they stand today.

    Raises `NotFound`, and `Conflict` for a file that the other side has, or that was made anew before. Two at once: the
    target's locked row; the second sees the new file.
    """

    def act() -> dict[str, Any]:
        row = _file(session, command.actor, file_id)
        lock_target(session, row.target)
        row = _file(session, command.actor, file_id)
        if row.state not in (State.QUEUED, State.REFUSED) or row.replaced_by is not None:
            raise Conflict(N_("This file is not sent again: the other side has it, or it was made anew already."))
        made = 0
        if row.state == State.REFUSED:
            made = remake_file(session, row, now=command.now).files
        _send_now(session, row.target, command)
        return {"files": made}

    return run_once(session, command, "send_export_again", act)


def _send_now(session: Session, target: int, command: Command) -> None:
    """Whatever waits is sent now, and not when the night or the pause after a failure would have let it."""
    jobs.drop(session, kind=SEND, subject=target)
    now, organisation = command.now, command.actor.organisation
    jobs.put(session, kind=SEND, subject=target, due_at=now, now=now, organisation=organisation)


def settle_by_hand(session: Session, command: Command, *, file_id: str, taken: bool, note: str) -> dict[str, Any]:
    """Write down what came of a file that a person handed in elsewhere: taken or refused, and how one knows.

    Raises `NotFound`, `Conflict` for a file that is settled. Two at once: the update is guarded by the state.
    """

    def act() -> dict[str, Any]:
        row = _file(session, command.actor, file_id)
        state = State.CONFIRMED if taken else State.REFUSED
        open_ = (export_file.c.id == row.id) & export_file.c.state.in_(OPEN)
        values = {"state": state, "settled_at": command.now, "last_error": None if taken else note}
        if session.execute(update(export_file).where(open_).values(values)).rowcount == 0:  # type: ignore[attr-defined]
            raise Conflict(N_("This file is settled already."))
        session.execute(
            insert(export_answer).values(
                export_file=row.id, answered_at=command.now, body=note, person=command.actor.person
            )
        )
        return {"state": state}

    return run_once(session, command, "settle_export", act)


# ---- what people see -----------------------------------------------------------------------------------------------


def list_targets(session: Session, *, actor: Actor) -> list[dict[str, Any]]:
    """The targets, each with its settings (never the secret), how many files are in which state, and what is wrong."""
    _check(actor)
    targets = session.execute(_own(actor).order_by(export_target.c.id)).all()
    counts: dict[int, dict[str, int]] = {}
    grouped = (
        select(export_file.c.target, export_file.c.state, func.count())
        .where(export_file.c.organisation == actor.organisation, export_file.c.id.not_in(_replaced()))
        .group_by(export_file.c.target, export_file.c.state)
    )
    for number, state, many in session.execute(grouped):
        counts.setdefault(number, {})[state] = many
    return [_target_card(session, row, counts.get(row.id, {})) for row in targets]


def _replaced() -> Any:
    return select(export_file.c.replaces).where(export_file.c.replaces.is_not(None))


def _target_card(session: Session, row: Row[*tuple[Any, ...]], counts: Mapping[str, int]) -> dict[str, Any]:
    oldest = select(func.min(export_file.c.created_at)).where(
        export_file.c.target == row.id, export_file.c.state == State.QUEUED
    )
    error = (
        select(export_file.c.last_error)
        .where(
            export_file.c.target == row.id, export_file.c.state == State.QUEUED, export_file.c.last_error.is_not(None)
        )
        .order_by(export_file.c.id)
        .limit(1)
    )
    return {
        "id": row.public_id,
        "kind": row.kind,
        "address": row.address,
        "account": {name: value for name, value in row.account.items() if name in _names(row.kind)},
        "has_secret": row.secret is not None,
        "enabled": row.enabled,
        "begins_at": row.begins_at,
        "counts": {state.value: counts.get(state, 0) for state in State},
        "waiting_since": session.execute(oldest).scalar_one(),
        "last_error": session.execute(error).scalar_one_or_none(),
    }


def _names(kind: str) -> set[str]:
    return {name for name, _, _ in ACCOUNTS[Kind(kind)]}


def list_files(
    session: Session, *, actor: Actor, target_id: str = "", state: State | None = None, before: str = ""
) -> dict[str, Any]:
    """Files, the latest first, at most `PAGE`: {files, next}; `next` is what to give as `before` for those behind."""
    _check(actor)
    query = _files(actor).order_by(export_file.c.id.desc()).limit(PAGE + 1)
    if target_id:
        query = query.where(export_target.c.public_id == target_id)
    if state is not None:
        query = query.where(export_file.c.state == state)
    if before:
        query = query.where(export_file.c.id < _file(session, actor, before).id)
    rows = session.execute(query).all()
    return {
        "files": [_file_card(row) for row in rows[:PAGE]],
        "next": rows[PAGE - 1].public_id if len(rows) > PAGE else None,
    }


def get_file(session: Session, *, actor: Actor, file_id: str, now: datetime) -> dict[str, Any]:
    """One file: its state, every answer, and of a refusal what it is about (`advice`)."""
    _check(actor)
    row = _file(session, actor, file_id)
    answers = session.execute(
        select(export_answer.c.answered_at, export_answer.c.status, export_answer.c.body, person.c.name.label("person"))
        .outerjoin(person, person.c.id == export_answer.c.person)
        .where(export_answer.c.export_file == row.id)
        .order_by(export_answer.c.id)
    )
    words = rules_on(session, now.date(), actor.organisation).value("export.answers")
    card = _file_card(row)
    told = card["trouble"] == "answered" or (row.state == State.REFUSED and not card["trouble"])
    return card | {
        "answers": [dict(answer._mapping) for answer in answers],
        "advice": advice_for(row.last_error or "", words).value if told else None,
    }


def file_content(session: Session, *, actor: Actor, file_id: str) -> tuple[bytes, str, str]:
    """(bytes, media type, name) of a file to fetch."""
    _check(actor)
    row = _file(session, actor, file_id)
    content = session.execute(select(export_file.c.content).where(export_file.c.id == row.id)).scalar_one()
    return bytes(content), row.media_type, f"{row.bill}.{'xml' if row.media_type.endswith('xml') else 'json'}"


def _files(actor: Actor) -> Any:
    later = export_file.alias("later")
    replaced_by = select(later.c.public_id).where(later.c.replaces == export_file.c.id).limit(1).scalar_subquery()
    last = (
        select(export_answer.c.status)
        .where(export_answer.c.export_file == export_file.c.id)
        .order_by(export_answer.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return (
        select(
            *(column for column in export_file.c if column.name != "content"),
            export_target.c.public_id.label("target_id"), export_target.c.kind, export_target.c.address,
            replaced_by.label("replaced_by"), last.label("last_status"),
        )
        .join(export_target, export_target.c.id == export_file.c.target)
        .where(export_file.c.organisation == actor.organisation)
    )  # fmt: skip


def _trouble(row: Row[*tuple[Any, ...]]) -> str:
    """Why a file still waits: nobody answered, they answered and took nothing, they lost it, its secret is no use.

    Of a refused one: they lost it again and again (`gone`).
    """
    if row.state == State.REFUSED and row.last_error == LOST:
        return "gone"
    if row.state != State.QUEUED or not row.last_error:
        return ""
    if row.last_error == NOT_HELD:
        return "lost"
    if not row.attempts:
        return "sealed"
    return "no_answer" if row.last_status is None else "answered"


def _file_card(row: Row[*tuple[Any, ...]]) -> dict[str, Any]:
    return {
        "id": row.public_id,
        "target": row.target_id,
        "kind": row.kind,
        "form": row.form,
        "bill": row.bill,
        "records": row.records,
        "state": row.state,
        "attempts": row.attempts,
        "last_error": row.last_error,
        "trouble": _trouble(row),
        "created_at": row.created_at,
        "sent_at": row.sent_at,
        "settled_at": row.settled_at,
        "replaced_by": row.replaced_by,
        "by_hand": not row.address,
    }


def _target(session: Session, actor: Actor, public_id: str) -> Row[*tuple[Any, ...]]:
    _check(actor)
    row = session.execute(_own(actor).where(export_target.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such target of exports."), field="target")
    return row


def _file(session: Session, actor: Actor, public_id: str) -> Row[*tuple[Any, ...]]:
    _check(actor)
    row = session.execute(_files(actor).where(export_file.c.public_id == public_id)).one_or_none()
    if row is None:
        raise NotFound(N_("There is no such file of exports."), field="file")
    return row
