"""The public window of a pharmacy (阳光药店): what everybody may see at its door and on a phone, and its settings.

Nothing here names a patient, a price, a quantity or a supplier; of persons only the pharmacists on duty, whose
registration has to be displayed, and their names where the pharmacy decides so (R18).
"""

import re
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Row, exists, func, select
from sqlalchemy.orm import Session

from storage.events import insert_for
from storage.tables import (
    climate_reading,
    drug_sale,
    drug_sale_line,
    inspection,
    licence,
    organisation,
    public_window,
    recall,
    recall_notice,
    storage_zone,
)
from storage.tenancy import across
from trace.domain.dispensing import NoCodeReason
from trace.domain.failures import N_, Conflict, Invalid, NotFound
from trace.domain.parties import DRUG_LICENCES, PHARMACIES
from trace.domain.permissions import Actor
from trace.domain.rules.book import Rules
from trace.services.commands import Command, run_once
from trace.services.duty import NOBODY, on_duty, remote_on_duty
from trace.services.kept_changes import keep_changes
from trace.services.organisations import new_public_id
from trace.services.rulebook import rules_on

COMPLAINTS = "12315"
KIND = "public_window"  # of its corrections
_NUMBER = re.compile(r"[0-9][0-9 -]{2,18}[0-9]")
_SAID = ("shown", "names", "complaint_number", "notice", "zone")


# ---- its settings --------------------------------------------------------------------------------------------------


def window_settings(session: Session, *, actor: Actor) -> dict[str, Any]:
    """The own window's settings: {id, shown, names, complaint_number, notice, zone, zones: [{id, name}], registered}.

    `id` is None until the settings are first saved: there is no window then. `registered` {name, address, contact} is
    what it shows as the platform's administrator registered it.
    """
    row = session.execute(select(public_window).where(public_window.c.organisation == actor.organisation)).one_or_none()
    zones = {zone.id: {"id": zone.public_id, "name": zone.name} for zone in _zones(session, actor.organisation)}
    of = organisation.c
    card = session.execute(select(of.name, of.address, of.contact).where(of.id == actor.organisation)).one()
    common = {"zones": list(zones.values()), "registered": dict(card._mapping)}
    if row is None:
        said: dict[str, Any] = {"shown": False, "names": False, "complaint_number": COMPLAINTS, "notice": ""}
        return {"id": None, **said, "zone": None, **common}
    said = {name: getattr(row, name) for name in _SAID[:-1]}
    chosen = zones.get(row.zone or 0)
    return {"id": row.public_id, **said, "zone": chosen["id"] if chosen else None, **common}


def _zones(session: Session, number: int) -> list[Row[Any]]:
    query = select(storage_zone).where(storage_zone.c.organisation == number, storage_zone.c.closed_at.is_(None))
    return list(session.execute(query.order_by(storage_zone.c.name)))


def set_window(
    session: Session,
    command: Command,
    *,
    shown: bool,
    names: bool,
    complaint_number: str = COMPLAINTS,
    notice: str = "",
    zone: str | None = None,
    device: str = "",
) -> dict[str, Any]:
    """Open or close the own window, and say what it shows: {id}. Every change is kept (R16).

    `zone` is the public id of the cold cabinet whose last reading is shown. Raises `Conflict` for what is no pharmacy,
    `NotFound` for another's zone, `Invalid` for a complaint number that is none. Two at once: the primary key
    (organisation) of `public_window` makes them one window, and the later one counts.
    """

    def act() -> dict[str, Any]:
        if command.actor.organisation_kind not in PHARMACIES:
            raise Conflict(N_("A public window is that of a pharmacy."))
        number = complaint_number.strip() or COMPLAINTS
        if not _NUMBER.fullmatch(number):
            raise Invalid(N_("{number} is no telephone number."), field="complaint_number", number=number)
        mine = {one.public_id: one.id for one in _zones(session, command.actor.organisation)}
        if zone and zone not in mine:
            raise NotFound(N_("There is no zone {id}."), field="zone", id=zone)
        said = {"shown": shown, "names": names, "complaint_number": number, "notice": notice.strip()}
        said["zone"] = mine[zone] if zone else None
        here = public_window.c.organisation == command.actor.organisation
        before = session.execute(select(public_window).where(here)).one_or_none()
        values = {**said, "changed_at": command.now}
        written = insert_for(session, public_window).values(
            organisation=command.actor.organisation, public_id=new_public_id(), **values
        )
        row = session.execute(
            written.on_conflict_do_update(index_elements=["organisation"], set_=values).returning(
                public_window.c.public_id
            )
        ).one()
        keep_changes(session, command, kind=KIND, subject=row.public_id, before=before, now=said, device=device)
        return {"id": row.public_id}

    return run_once(session, command, "set_window", act)


# ---- what everybody sees -------------------------------------------------------------------------------------------


def find_window(session: Session, public_id: str) -> Row[Any]:
    """The window's row with its pharmacy's (`name`, `address`, `contact`, `number`); raises `NotFound` where closed."""
    query = (
        select(
            public_window,
            organisation.c.id.label("number"),
            organisation.c.name,
            organisation.c.address,
            organisation.c.contact,
        )
        .join(organisation, organisation.c.id == public_window.c.organisation)
        .where(public_window.c.public_id == public_id, public_window.c.shown)
    )
    found = session.execute(query).one_or_none()
    if found is None:
        raise NotFound(N_("There is no public window {id}."), id=public_id[:26])
    return found


@across(because="the window is public (阳光药店)")
def see_window(session: Session, *, public_id: str, now: datetime) -> dict[str, Any]:
    """What a pharmacy's window shows, for everybody. Raises `NotFound` for one that is closed or never was.

    `licence` {number, expires_on, expired} or None; `pharmacists` [{registration_no, title, name or "", since}] on duty
    now, `remote` whether pharmacists at headquarters review for it, and `nobody` the text of the sign where none is;
    `inspection` {inspected_on, outcome, grade} the last one; `coded` the percentage of the receipts of the last days
    whose packs all have their codes, None without receipts; `reading` of the cold cabinet {zone, celsius, humidity,
    measured_at, minutes, inside, old} or None; `recalls` {handled, all}; `complaint_number`; `notice`.
    """
    row = find_window(session, public_id)
    rules = rules_on(session, now.date(), row.number)
    present = on_duty(session, organisation=row.number, at=now)
    remote = remote_on_duty(session, shop=row.number, at=now)
    return {
        "id": row.public_id,
        "name": row.name,
        "address": row.address,
        "contact": row.contact,
        "licence": _licence(session, row.number, now.date()),
        "pharmacists": [
            {
                "registration_no": one["registration_no"],
                "title": one["title"],
                "name": one["name"] if row.names else "",
                "since": one["since"],
            }
            for one in present
        ],
        "remote": bool(remote),
        "nobody": "" if present or remote else NOBODY,
        "inspection": _last_inspection(session, row.number),
        "coded": _coded(session, row.number, now, rules),
        "reading": _reading(session, row, now, rules),
        "recalls": _recalls(session, row.number, now, rules),
        "complaint_number": row.complaint_number,
        "notice": row.notice,
    }


def _licence(session: Session, number: int, day: date) -> dict[str, Any] | None:
    """The drug licence that holds longest."""
    query = select(licence.c.number, licence.c.expires_on).where(
        licence.c.organisation == number, licence.c.kind.in_(DRUG_LICENCES)
    )
    rows = sorted(session.execute(query), key=lambda row: (row.expires_on or date.max, row.number))
    if not rows:
        return None
    last = rows[-1]
    expired = last.expires_on is not None and last.expires_on < day
    return {"number": last.number, "expires_on": last.expires_on, "expired": expired}


def _last_inspection(session: Session, number: int) -> dict[str, Any] | None:
    query = (
        select(inspection.c.inspected_on, inspection.c.outcome, inspection.c.grade)
        .where(inspection.c.organisation == number)
        .order_by(inspection.c.inspected_on.desc(), inspection.c.id.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none()
    return None if found is None else dict(found._mapping)


def _coded(session: Session, number: int, now: datetime, rules: Rules) -> int | None:
    """Of the receipts of the last days, the whole percentage on which every pack stands with its code.

    Classes that have no codes by law (饮片, 配方颗粒) are as they should be. Rounded down: 100 is said of all only.
    """
    since = now - timedelta(days=int(rules.number("window.share_days")))
    lacking = exists().where(
        drug_sale_line.c.sale == drug_sale.c.id, drug_sale_line.c.no_code_reason.not_in(("", NoCodeReason.EXEMPT))
    )
    recent = (drug_sale.c.organisation == number) & (drug_sale.c.sold_at >= since) & (drug_sale.c.sold_at <= now)
    query = select(func.count(), func.count().filter(~lacking)).select_from(drug_sale).where(recent)
    every, coded = session.execute(query).one()
    return int(coded * 100 // every) if every else None


def _reading(session: Session, row: Row[Any], now: datetime, rules: Rules) -> dict[str, Any] | None:
    """The last reading of the cabinet that the pharmacy shows."""
    query = (
        select(climate_reading, storage_zone.c.name)
        .join(storage_zone, storage_zone.c.id == climate_reading.c.zone)
        .where(climate_reading.c.zone == row.zone, climate_reading.c.measured_at <= now)
        .order_by(climate_reading.c.measured_at.desc())
        .limit(1)
    )
    found = session.execute(query).one_or_none() if row.zone is not None else None
    if found is None:
        return None
    age = now - found.measured_at
    return {
        "zone": found.name,
        "celsius": None if found.celsius is None else found.celsius / 100,
        "humidity": None if found.humidity is None else round(found.humidity / 100),
        "measured_at": found.measured_at.isoformat(),
        "minutes": int(age.total_seconds() // 60),
        "inside": found.inside,
        "old": age > timedelta(hours=int(rules.number("window.reading_hours"))),
    }


def _recalls(session: Session, number: int, now: datetime, rules: Rules) -> dict[str, int]:
    """How many recalls of the last days reached the pharmacy, and how many of them it answered."""
    since = now - timedelta(days=int(rules.number("window.recall_days")))
    query = (
        select(func.count(), func.count(recall_notice.c.acknowledged_at))
        .join(recall, recall.c.id == recall_notice.c.recall)
        .where(recall_notice.c.organisation == number, recall.c.kind == "recall", recall.c.opened_at >= since)
    )
    every, handled = session.execute(query).one()
    return {"all": every, "handled": handled}
