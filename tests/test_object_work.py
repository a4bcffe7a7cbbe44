"""The worker keeps photos and papers as long as the law asks, removes what nobody needs, and loses nothing."""

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, text, update

import storage
from storage.events import insert_for
from storage.objects import FolderObjects, NoLock, SpooledObjects
from storage.tables import ident, job, object_owner, recall, recall_lot, scan, stored_object
from tests.conftest import Databases
from tests.services.test_rings import wait_for_one
from tests.town import NOW, Town
from trace.domain.papers import CertificateKind
from trace.domain.parties import OrganisationKind as K
from trace.domain.permissions import Actor
from trace.domain.recalls import RecallKind
from trace.object_work import move_spooled
from trace.services.certificates import file_certificate
from trace.services.hops import Some
from trace.services.object_keeping import KEEP, SWEEP, count_missing, forget, named
from trace.services.object_terms import days_of
from trace.services.organisations import new_public_id
from trace.services.receiving import Line
from trace.services.scans import keep_object
from trace.worker import Worker

DAY = timedelta(days=1)
MANY_DAYS = 31 * DAY


class Keeper:
    """A town whose photos lie in a folder, with a worker at the clock of the test."""

    def __init__(self, town: Town, folder: Path):
        self.town = town
        self.folder = folder
        self.objects: Any = FolderObjects(folder)
        self.now = NOW.astimezone(UTC)

    def keep(self, actor: Actor, data: bytes) -> str:
        """A photo or paper that the actor's organisation sends: its SHA-256."""
        return str(
            self.town.do(
                keep_object, actor=actor, objects=self.objects, data=data, media_type="image/jpeg", now=self.town.now
            )
        )

    def work(self, later: timedelta) -> None:
        """Do all the work that is due so much later than the town's time, at which everything was stored."""
        for path in self.folder.rglob("*"):
            os.utime(path, (NOW.timestamp(), NOW.timestamp()))
        self.now = NOW.astimezone(UTC) + later
        worker = Worker(self.town.store, NOW.tzinfo, private=False, objects=self.objects, now=lambda: self.now)
        worker.tend()
        while worker.work_once():
            pass

    def row(self, sha256: str) -> Any:
        """What the database knows of an object; None for one it knows no more."""
        with self.town.store.reading() as session:
            return session.execute(select(stored_object).where(stored_object.c.sha256 == sha256)).one_or_none()


@pytest.fixture
def keeper(town: Town, tmp_path: Path) -> Keeper:
    """A town with a folder of photos."""
    return Keeper(town, tmp_path / "objects")


def days(town: Town, *names: str) -> dict[str, date]:
    with town.store.reading() as session:
        return days_of(session, names, now=NOW)


def received_with_paper(keeper: Keeper) -> tuple[Actor, str, str]:
    """A shop that received vegetables under a photographed commitment certificate: shop, photo, lot."""
    town, farm = keeper.town, keeper.town.organisation(K.FARM)
    shop = town.organisation()
    made = town.lot(farm, town.product(farm), expires_on=town.day(-5))
    paper = keeper.keep(farm, b"a commitment certificate")
    said = {"kind": CertificateKind.COMMITMENT, "issuer": farm.organisation_name, "issued_on": town.day(1)}
    town.do(file_certificate, town.command(farm, hours=15), lots=(made,), sha256=paper, **said)
    town.send(farm, shop, Some(made, Decimal(10)))
    town.arrive(farm, shop, Line(code=made, amount=Decimal(10)))
    return shop, paper, made


def test_what_no_record_names_is_removed_after_the_grace(keeper: Keeper) -> None:
    name = keeper.keep(keeper.town.organisation(), b"a paper that was photographed twice")
    keeper.work(2 * DAY)
    assert keeper.objects.has(name)
    assert keeper.row(name).kept_until is None
    keeper.work(MANY_DAYS)
    assert (keeper.objects.has(name), keeper.row(name)) == (False, None)


def test_what_no_record_names_any_more_stays_as_long_as_it_is_locked(keeper: Keeper) -> None:
    name = keeper.keep(keeper.town.organisation(), b"a paper that was exchanged")
    keeper.objects.lock(name, date(2027, 11, 24))
    with keeper.town.store.writing() as session:
        session.execute(update(stored_object).values(kept_until=date(2027, 11, 24)))
    keeper.work(MANY_DAYS)
    assert keeper.objects.has(name)
    keeper.work(367 * DAY)
    assert (keeper.objects.has(name), keeper.row(name)) == (False, None)


def test_a_paper_is_locked_as_long_as_the_record_is_kept_by_steps_of_two_years(keeper: Keeper) -> None:
    _, paper, _ = received_with_paper(keeper)
    assert days(keeper.town, paper) == {paper: date(2028, 11, 24)}
    keeper.work(2 * DAY)
    assert keeper.objects.locked_until(paper) == keeper.row(paper).kept_until == date(2028, 11, 24)
    keeper.work(800 * DAY)
    assert keeper.objects.has(paper), "its time is over, but the record still names it"


def test_a_lock_that_cannot_be_read_keeps_nothing_else_from_being_swept(keeper: Keeper) -> None:
    held, others = keeper.objects.put(b"held"), [keeper.objects.put(b"orphan %d" % number) for number in range(8)]
    assert min(others) < held < max(others)
    keeper.objects.lock(held, date(2030, 1, 1))
    for damaged in keeper.folder.rglob("*.until"):
        damaged.write_bytes(bytes(10))
    keeper.work(MANY_DAYS)
    assert [name for name in (held, *others) if keeper.objects.has(name)] == [held]


def test_a_lock_follows_a_mistyped_date_for_two_years_at_most(keeper: Keeper) -> None:
    town = keeper.town
    pharmacy = town.organisation(K.PHARMACY)
    made = town.drugs_at(pharmacy, town.packs(), expires_on=date(2999, 1, 1))
    paper = keeper.keep(pharmacy, b"a report")
    said = {"kind": CertificateKind.DRUG_TEST_REPORT, "issuer": "所（演示）", "issued_on": town.day(1)}
    town.do(file_certificate, town.command(pharmacy), lots=(made,), sha256=paper, **said)
    keeper.work(2 * DAY)
    assert keeper.objects.locked_until(paper) == date(2028, 11, 26)
    keeper.work(700 * DAY)
    assert keeper.objects.locked_until(paper) == date(2030, 10, 24), "the step before was not over yet"


def test_a_recall_keeps_the_papers_of_what_it_reaches(keeper: Keeper) -> None:
    shop, paper, made = received_with_paper(keeper)
    before = days(keeper.town, paper)[paper]
    with keeper.town.store.writing() as session:
        item = session.scalars(select(ident.c.id).where(ident.c.uri == made)).one()
        row = {"public_id": new_public_id(), "organisation": shop.organisation, "item": item, "kind": RecallKind.HOLD}
        row |= {"reason": "r", "region": shop.region, "opened_at": NOW}
        number = session.execute(insert(recall).values(row).returning(recall.c.id)).scalar_one()
        session.execute(insert_for(session, recall_lot).values(recall=number, item=item))
    with keeper.town.store.reading() as session:
        after = days_of(session, [paper], now=NOW + 100 * DAY)[paper]
    assert after == date(2029, 3, 4)
    assert after > before


def scan_of(shop: Actor, name: str) -> dict[str, Any]:
    """The values of a scan of a photo in which nothing was read."""
    return {
        "public_id": new_public_id(), "organisation": shop.organisation, "object": name, "upload_sha256": "0" * 64,
        "page": 1, "pages": 1, "readings": [], "doubtful": [], "width": 1, "height": 1, "created_at": NOW,
    }  # fmt: skip


def test_a_photo_is_named_by_its_scan(keeper: Keeper) -> None:
    shop = keeper.town.organisation()
    name = keeper.keep(shop, b"a photo")
    with keeper.town.store.writing() as session:
        session.execute(insert(scan).values(scan_of(shop, name)))
        assert named(session, [name]) == {name}
    keeper.work(MANY_DAYS)
    assert keeper.objects.has(name)
    assert days(keeper.town, name) == {}


def test_an_object_that_is_gone_is_told_and_so_when_it_is_back(keeper: Keeper) -> None:
    _, paper, _ = received_with_paper(keeper)
    (file,) = (path for path in keeper.objects.root.rglob("*") if path.is_file())
    data = file.read_bytes()
    file.unlink()
    keeper.work(2 * DAY)
    assert keeper.town.do(count_missing) == 1
    keeper.objects.put(data)
    keeper.work(4 * DAY)
    assert keeper.town.do(count_missing) == 0
    assert keeper.objects.locked_until(paper) is not None


def test_the_sweep_removes_bytes_without_a_row_and_tells_of_rows_without_bytes(keeper: Keeper) -> None:
    shop, paper, _ = received_with_paper(keeper)
    stray, locked = keeper.objects.put(b"the process was killed here"), keeper.objects.put(b"from another time")
    keeper.objects.lock(locked, date(2099, 1, 1))
    lost = keeper.keep(shop, b"a disk lost this")
    keeper.objects.discard(lost)
    half = keeper.folder / stray[:2] / "tmphalf"
    half.write_bytes(b"the proc")
    with keeper.town.store.writing() as session:  # nothing else looks at objects in this test
        session.execute(update(stored_object).values(look_again_at=None))
    keeper.work(MANY_DAYS)
    assert [keeper.objects.has(name) for name in (stray, locked, paper)] == [False, True, True]
    assert [keeper.row(name).missing_since is None for name in (paper, lost)] == [True, False]
    with keeper.town.store.writing() as session:
        session.execute(update(job).where(job.c.kind == SWEEP).values(due_at=NOW))
    keeper.work(365 * MANY_DAYS)  # when a file was written the system alone says, by its own clock
    assert not half.exists()


def test_the_service_looks_after_its_objects_by_itself(keeper: Keeper) -> None:
    keeper.work(0 * DAY)
    with keeper.town.store.reading() as session:
        jobs = dict(session.execute(text("SELECT kind, attempts FROM job")).tuples().all())
    assert {KEEP: 0, SWEEP: 0}.items() <= jobs.items()


def test_a_bucket_that_cannot_lock_loses_nothing_and_every_object_is_looked_at(keeper: Keeper, tmp_path: Path) -> None:
    class Unlockable(FolderObjects):
        def lock(self, sha256: str, until: date) -> None:
            raise NoLock("no lock")

    keeper.objects = Unlockable(tmp_path / "objects")
    _, paper, _ = received_with_paper(keeper)
    keeper.work(2 * DAY)
    assert keeper.row(paper).kept_until == date(2028, 11, 24), "our own rows keep it"


def test_what_waits_in_the_spool_is_locked_when_it_has_come_to_its_store(keeper: Keeper, tmp_path: Path) -> None:
    wall = tmp_path / "objects"
    wall.write_text("no folder: the store is gone")
    keeper.objects = SpooledObjects(FolderObjects(wall), FolderObjects(tmp_path / "spool"))
    _, paper, _ = received_with_paper(keeper)
    keeper.work(2 * DAY)
    assert (keeper.objects.waiting(), keeper.row(paper).kept_until) == (1, None)
    wall.unlink()
    assert move_spooled(keeper.objects) == 1
    keeper.work(3 * DAY)
    assert keeper.objects.locked_until(paper) == keeper.row(paper).kept_until == date(2028, 11, 24)


def test_two_shops_own_one_object_and_both_forget_it(keeper: Keeper) -> None:
    first, second = keeper.town.organisation(), keeper.town.organisation()
    assert keeper.keep(first, b"the same") == keeper.keep(second, b"the same")
    keeper.work(MANY_DAYS)
    assert (keeper.town.count(stored_object), keeper.town.count(object_owner)) == (0, 0)


def test_a_photo_that_comes_again_while_it_is_forgotten_is_kept_and_named(databases: Databases, tmp_path: Path) -> None:
    with databases.lend("postgresql") as url, ThreadPoolExecutor(1) as worker:  # the other has one writer at a time
        keeper = Keeper(Town(storage.open_store(url)), tmp_path)
        shop = keeper.town.organisation()
        name = keeper.keep(shop, b"sent long ago, and nobody needed it")
        with keeper.town.store.writing() as session:
            keep_object(
                session, actor=shop, objects=keeper.objects, data=b"sent long ago, and nobody needed it",
                media_type="image/jpeg", now=NOW + MANY_DAYS,
            )  # fmt: skip
            forgotten = worker.submit(keeper.town.store.write, forget, name, now=NOW + MANY_DAYS)
            wait_for_one(keeper.town, session, forgotten)
            session.execute(insert(scan).values(scan_of(shop, name)))
        assert not forgotten.result()
        assert keeper.row(name).look_again_at == NOW + MANY_DAYS + DAY
        keeper.town.store.close()
