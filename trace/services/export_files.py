"""Making the files of a target: what was recorded since the last time, each record in one file, once.

Records are looked for a little further back than where the last making ended (`SLACK`: a transaction may commit after
one that began later), and what is in a file already is left out by the key of `export_entry`. A drug without an
insurance code is told of when somebody has entered it: the mark waits at the earliest record that waits.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, exists, func, insert, select, update
from sqlalchemy.orm import Session

from schemas import medical_insurance, trace_platform
from schemas.epcis.json_form import write_document
from schemas.epcis.xml_writing import write_xml_document
from storage import jobs
from storage.event_feed import Mark, newest, place_before, walk
from storage.events import chunks
from storage.tables import export_entry, export_file, export_target
from trace.domain.epcis.document import load_document
from trace.domain.exports import FORMS, Form, Kind, Record, State, apart, next_at, parts
from trace.domain.rules.book import Rules
from trace.services.export_goods import Window
from trace.services.export_records import read_records
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on

BUILD, SEND, ASK = "export_build", "export_send", "export_ask"  # kinds of jobs; their subject is the target
SLACK = timedelta(minutes=10)  # no transaction that records takes longer (storage.event_feed)
_MEDIA = {Kind.EPCIS_2_0: "application/json", Kind.EPCIS_1_2: "application/xml"}


@dataclass(slots=True)
class Made:
    """What a making came to: files and records in them, and what waits for an insurance code."""

    files: int = 0
    records: int = 0
    waiting: int = 0
    reached: dict[str, Any] = field(default_factory=dict)


def lock_target(session: Session, number: int) -> Row[*tuple[Any, ...]] | None:
    """The row of a target, locked until the transaction ends: of two who make or change, the second waits."""
    query = select(export_target).where(export_target.c.id == number).with_for_update()
    return session.execute(query).one_or_none()


def make_files(session: Session, number: int, *, now: datetime) -> Made:
    """Make the files of a target up to now, and ask for their sending; `now` carries the pharmacy's time zone.

    Two at once: the locked row of the target lines them up, and the key of `export_entry` stands behind it.
    """
    target = lock_target(session, number)
    if target is None or not target.enabled:
        return Made()
    rules = rules_on(session, now.date(), target.organisation)
    made = Made(reached=dict(target.reached))
    _end_empty(session, target, now)
    for form in FORMS[Kind(target.kind)]:
        if form is Form.EPCIS:
            _make_documents(session, target, rules, made, now)
        else:
            _make_of_records(session, target, form, rules, made, now)
    session.execute(update(export_target).where(export_target.c.id == number).values(reached=made.reached))
    if made.files and target.address:
        jobs.put(session, kind=SEND, subject=number, due_at=now, now=now, organisation=target.organisation)
    return made


def remake_file(session: Session, row: Row[*tuple[Any, ...]], *, now: datetime) -> Made:
    """Make the records of a refused file anew, as they stand today, in a new file with a new number.

    Where nothing of it is to be told any more the refused file is `dropped`. The caller holds the target's lock and
    has seen that the file is refused and was not made anew before.
    """
    target = lock_target(session, row.target)
    if target is None:
        return Made()
    form, made = Form(row.form), Made(reached=dict(target.reached))
    rules = rules_on(session, now.date(), target.organisation)
    if form is Form.EPCIS:
        _store(session, target, form, _next_bill(session, target, now), row.content, row.records, made, now, row.id)
        return made
    told = export_entry.c.export_file == row.id
    records = [record for record in _records_left(session, target, form, row.id, now) if _is_told(target, record)]
    for content, some, bill in _contents(session, target, form, records, rules, now):
        number = _store(session, target, form, bill, content, len(some), made, now, row.id)
        for part in chunks([record.subject for record in some]):
            moved = told & export_entry.c.subject.in_(part)
            session.execute(update(export_entry).where(moved).values(export_file=number))
    # What is no longer to be told was never told: a code that came back is told of when it is sold again.
    session.execute(delete(export_entry).where(told))
    if not made.files:
        _end(session, row.id, now)
    return made


def _records_left(
    session: Session, target: Row[*tuple[Any, ...]], form: Form, file: int, now: datetime
) -> list[Record]:
    """What is still so of the records in a file, as they stand today."""
    subjects = session.scalars(select(export_entry.c.subject).where(export_entry.c.export_file == file))
    window = Window(target.organisation, target.id, now.tzinfo, target.begins_at, now, frozenset(subjects))
    return read_records(session, form, window)


def _end_empty(session: Session, target: Row[*tuple[Any, ...]], now: datetime) -> None:
    """End the refused files whose records were all taken back since: nobody has to look at them any more."""
    later = export_file.alias("later")
    query = select(export_file.c.id, export_file.c.form).where(
        export_file.c.target == target.id,
        export_file.c.state == State.REFUSED,
        export_file.c.form != Form.EPCIS,  # an event stays one
        ~exists().where(later.c.replaces == export_file.c.id),
    )
    for row in session.execute(query.order_by(export_file.c.id)).all():
        if not _records_left(session, target, Form(row.form), row.id, now):
            session.execute(delete(export_entry).where(export_entry.c.export_file == row.id))
            _end(session, row.id, now)


def _end(session: Session, file: int, now: datetime) -> None:
    ended = {"state": State.DROPPED, "settled_at": now}
    session.execute(update(export_file).where(export_file.c.id == file).values(ended))


# ---- records -------------------------------------------------------------------------------------------------------


def _make_of_records(
    session: Session, target: Row[*tuple[Any, ...]], form: Form, rules: Rules, made: Made, now: datetime
) -> None:
    reached = target.reached.get(form)
    since = max(target.begins_at, datetime.fromisoformat(reached) - SLACK) if reached else target.begins_at
    window = Window(target.organisation, target.id, now.tzinfo, target.begins_at, since)
    found = read_records(session, form, window)
    told = _told(session, target.id, form, [record.subject for record in found])
    fresh = [record for record in found if record.subject not in told]
    waiting = [record for record in fresh if _waits(target, record)]
    ready = [record for record in fresh if _is_told(target, record)]
    for content, some, bill in _contents(session, target, form, ready, rules, now):
        number = _store(session, target, form, bill, content, len(some), made, now, None)
        values = [
            {"target": target.id, "form": form, "subject": record.subject, "export_file": number} for record in some
        ]
        session.execute(insert(export_entry), values)
    made.waiting += len(waiting)
    made.reached[form] = min([now, *(record.recorded_at for record in waiting)]).isoformat()


def _told(session: Session, target: int, form: Form, subjects: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for part in chunks(subjects):
        query = select(export_entry.c.subject).where(
            export_entry.c.target == target, export_entry.c.form == form, export_entry.c.subject.in_(part)
        )
        found.update(session.scalars(query))
    return found


def _waits(target: Row[*tuple[Any, ...]], record: Record) -> bool:
    """Whether the insurance has no code for the drug yet."""
    of_insurance = target.kind == Kind.MEDICAL_INSURANCE and record.form is not Form.WITHDRAWAL
    return of_insurance and record.listing is None


def _is_told(target: Row[*tuple[Any, ...]], record: Record) -> bool:
    """Whether the record goes out: of the insurance's, those of drugs that it lists."""
    return target.kind != Kind.MEDICAL_INSURANCE or record.form is Form.WITHDRAWAL or bool(record.listing)


def _contents(
    session: Session,
    target: Row[*tuple[Any, ...]],
    form: Form,
    records: Sequence[Record],
    rules: Rules,
    now: datetime,
) -> Iterator[tuple[bytes, list[Record], str]]:
    """The bytes of each file, the records in it, and the number by which the other side knows it."""
    sizes = rules.value("export.sizes")
    if form not in trace_platform.BILL_TYPES:
        for some in parts(records, lambda _: 1, sizes["records"]):
            bill = _next_bill(session, target, now)
            yield (
                medical_insurance.write_message(form, some, target.account, msgid=bill, now=now),
                some,
                bill,
            )
        return
    classes = rules.value("export.special")
    for special, of_class in apart(records, lambda record: record.drug_class in classes):
        bill = _next_bill(session, target, now)
        bills = list(parts(of_class, lambda record: len(record.codes), sizes["codes"]))
        for n, some in enumerate(bills, 1):
            name = bill if len(bills) == 1 else f"{bill}_{n}"
            content = trace_platform.write_bill(form, some, target.account, bill=name, special=special, now=now)
            yield content, some, name


def _next_bill(session: Session, target: Row[*tuple[Any, ...]], now: datetime) -> str:
    """The next number of a file; the target's lock keeps two from getting the same.

    The insurance's numbers are made as it says: code of the pharmacy, moment, four digits.
    """
    many = select(func.count()).select_from(export_file).where(export_file.c.target == target.id)
    number = session.execute(many).scalar_one() + 1
    if target.kind == Kind.MEDICAL_INSURANCE:
        return f"{target.account.get('code', '')[:12]:0>12}{now:%Y%m%d%H%M%S}{number % 10_000:04}"
    return f"S{target.id}-{now:%Y%m%d}-{number}"


# ---- events --------------------------------------------------------------------------------------------------------


def begun(session: Session, kind: Kind) -> dict[str, Any]:
    """How far a target is told that begins now: its events by their order, which a clock that is put back leaves."""
    mark = newest(session)
    return {Form.EPCIS: [mark.xact, mark.event]} if Form.EPCIS in FORMS[kind] else {}


def _make_documents(session: Session, target: Row[*tuple[Any, ...]], rules: Rules, made: Made, now: datetime) -> None:
    """Documents with the organisation's own events behind the mark, in the order in which they were recorded."""
    most = rules.value("export.sizes")["events"]
    reached = target.reached.get(Form.EPCIS)
    mark = Mark(*reached) if reached else place_before(session, target.begins_at)
    part: list[Mapping[str, Any]] = []
    since = None if reached else target.begins_at  # behind a mark everything is later, whatever a clock said
    events = walk(session, after=mark, since=since, captured_by=target.organisation)
    for place, found in events:
        mark = place
        if found is not None:
            part.append(load_document(found.document))
        if len(part) >= most:
            _store_document(session, target, part, made, now)
            part = []
    if part:
        _store_document(session, target, part, made, now)
    made.reached[Form.EPCIS] = [mark.xact, mark.event]


def _store_document(
    session: Session, target: Row[*tuple[Any, ...]], events: Sequence[Mapping[str, Any]], made: Made, now: datetime
) -> None:
    if target.kind == Kind.EPCIS_1_2:
        content = write_xml_document(events, created=now, version="1.2")
    else:
        content = write_document(events, created=now)
    _store(session, target, Form.EPCIS, _next_bill(session, target, now), content, len(events), made, now, None)


# ---- both ----------------------------------------------------------------------------------------------------------


def _store(
    session: Session,
    target: Row[*tuple[Any, ...]],
    form: Form,
    bill: str,
    content: bytes,
    records: int,
    made: Made,
    now: datetime,
    replaces: int | None,
) -> int:
    values = {
        "public_id": new_public_id(),
        "organisation": target.organisation,
        "target": target.id,
        "form": form,
        "bill": bill,
        "content": content,
        "media_type": _MEDIA.get(target.kind, medical_insurance.MEDIA_TYPE),
        "records": records,
        "state": State.QUEUED,
        "attempts": 0,
        "created_at": now,
        "replaces": replaces,
    }
    number: int = session.execute(insert(export_file).values(values).returning(export_file.c.id)).scalar_one()
    made.files += 1
    made.records += records
    return number


def plan_nightly(session: Session, number: int, organisation: int, *, now: datetime) -> None:
    """Ask for tonight's making and reconciling, where they are not asked for yet."""
    clock = rules_on(session, now.date(), organisation).value("export.nightly")
    for kind, hour in ((BUILD, clock["build"]), (ASK, clock["reconcile"])):
        due_at = next_at(now, hour)
        jobs.put(session, kind=kind, subject=number, due_at=due_at, now=now, organisation=organisation)


def put_step(session: Session, owned: Row[*tuple[Any, ...]], kind: str, *, due_at: datetime, now: datetime) -> None:
    """Ask for a step of the work on a target, named by one of its files."""
    jobs.put(session, kind=kind, subject=owned.target, due_at=due_at, now=now, organisation=owned.organisation)
