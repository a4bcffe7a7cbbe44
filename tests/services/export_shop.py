"""A pharmacy that exports, its clock and its worker, and the other side: for the tests of exports."""

import json
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select

from storage.events import find_by_event_ids
from storage.tables import job
from tests.other_side import SECRET, OtherSide
from tests.town import NOW, SHANGHAI, Town
from trace.domain.exports import Kind
from trace.domain.parties import OrganisationKind
from trace.domain.permissions import Actor, Role
from trace.services import exports
from trace.services.dispensing import dispense
from trace.services.exports import Setting, export_seal
from trace.services.insurance_codes import enter_codes, list_codes
from trace.services.undoing import declare_wrong
from trace.worker import Worker

KEY = "the secret key of the service, long enough"
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class Shop:
    """A pharmacy with drugs, its clock and its worker, and the other side."""

    town: Town
    side: OtherSide
    now: datetime = NOW
    actor: Actor = field(init=False)

    def __post_init__(self) -> None:
        self.actor = self.town.organisation(OrganisationKind.PHARMACY, role=Role.ORGANISATION_ADMINISTRATOR)

    @property
    def clerk(self) -> Actor:
        """Who sells."""
        return self.town.as_role(self.actor, Role.CLERK)

    def command(self, actor: Actor | None = None) -> Any:
        """A command now."""
        return replace(self.town.command(actor or self.actor), now=self.now)

    def do(self, service: Any, **more: Any) -> Any:
        """A service of the administrator's."""
        return self.town.do(service, self.command(), **more)

    def target(self, kind: Kind, path: str = "", **more: Any) -> str:
        """A target at the other side; files to fetch where there is no path."""
        account = {
            Kind.MEDICAL_INSURANCE: {"code": "P64050200001"},
            Kind.TRACE_PLATFORM: {"app_key": "23000000", "ref_user_id": "3f2e"},
        }.get(kind, {})
        setting = Setting(
            kind=kind,
            address=self.side.url(path) if path else "",
            account=account,
            secret=SECRET,
            enabled=True,
            begins_on=self.now - 2 * DAY,
            **more,
        )
        done = self.do(exports.set_target, setting=setting, seal=export_seal(KEY), private=True)
        return str(done["id"])

    def sell(self, *codes: str) -> Any:
        """Sell packs."""
        return self.town.do(dispense, self.command(self.clerk), codes=codes)

    def declare_wrong(self, event_ids: list[str]) -> None:
        """Declare own events wrong, as a partner's EPCIS document may."""
        with self.town.store.writing() as session:
            stored = find_by_event_ids(session, [(event_id, 0) for event_id in event_ids])
            declare_wrong(session, self.command(self.clerk), [one.id for one in stored.values()])

    def name_drugs(self) -> None:
        """Enter the insurance's codes of all drugs."""
        with self.town.store.reading() as session:
            cards = list_codes(session, actor=self.actor)
        self.do(enter_codes, codes={card["id"]: f"XN02BEB{n:013d}" for n, card in enumerate(cards)})

    def make(self, target: str) -> Any:
        """Make the files now."""
        return self.do(exports.make_now, target_id=target)

    def work(self, *, until: timedelta = timedelta(0)) -> None:
        """Let the worker do all that is due, second by second, for so long."""
        end = self.now + until
        while True:
            worker = Worker(
                self.town.store, SHANGHAI, private=True, secret_key=KEY, now=lambda: self.now, jitter=lambda: 0.0
            )
            if worker.work_once():
                self.now += timedelta(seconds=1)
            elif self.now < end:
                self.now = min(end, self.next_due(end))
            else:
                return

    def next_due(self, end: datetime) -> datetime:
        """When the next job is due."""
        with self.town.store.reading() as session:
            due = session.scalars(select(job.c.due_at).where(job.c.due_at > self.now).order_by(job.c.due_at)).first()
        return due or end

    def files(self, **filters: Any) -> list[dict[str, Any]]:
        """The files, the oldest first."""
        with self.town.store.reading() as session:
            found = exports.list_files(session, actor=self.actor, **filters)["files"]
            return [exports.get_file(session, actor=self.actor, file_id=one["id"], now=self.now) for one in found][::-1]

    def states(self) -> list[str]:
        """The states of the files, the oldest first."""
        return [one["state"] for one in self.files()]

    def content(self, file: dict[str, Any]) -> bytes:
        """The bytes of a file."""
        with self.town.store.reading() as session:
            return exports.file_content(session, actor=self.actor, file_id=file["id"])[0]

    def records(self, form: str) -> list[dict[str, Any]]:
        """All records of a form in the files."""
        messages = [json.loads(self.content(one)) for one in self.files() if one["form"] == form]
        return [record for message in messages for inner in message["input"].values() for record in inner]
