"""`./run backup` and `./run restore`: one state of a store that is written to, whole or refused, on both databases."""

import json
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from click.testing import CliRunner
from sqlalchemy import func, insert, select, update

import storage
from storage.backups import BackupFailed
from storage.objects import open_objects
from storage.tables import event, stored_object
from tests.conftest import Databases, settings_for
from tests.gate import Gate
from tests.programs import binaries_of_postgres
from tests.town import NOW, Town
from trace.cli import cli
from trace.cli_backup import (
    DATABASE,
    MANIFEST,
    NAMES,
    POOL,
    find_backup,
    make_backup,
    read_backup,
    read_names,
    restore_backup,
    with_its_key,
)
from trace.config import Settings
from trace.domain.failures import Busy

LOCKED = date(2028, 12, 31)
PHOTOS = tuple(bytes([number]) * 5_000 for number in range(5))


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL's own programs, of the version of the tests' server, where it is installed."""
    if (found := binaries_of_postgres()) is not None:
        monkeypatch.setenv("PATH", f"{found}:/usr/bin:/bin")


@pytest.fixture
def small(databases: Databases, tmp_path: Path) -> Settings:
    """The settings of a small SQLite store."""
    return settings_for(databases.make("sqlite"), tmp_path / "small")


@pytest.fixture
def small_town(small: Settings) -> Iterator[Town]:
    """A town over the small store."""
    store = storage.open_store(small.database_url)
    with closing(store):
        yield Town(store)


def photograph(settings: Settings, town: Town, *photos: bytes) -> list[str]:
    """Keep objects as the service does: their SHA-256."""
    kept = [open_objects(settings.objects_url).put(photo) for photo in photos]
    for sha256 in kept:
        row = {"sha256": sha256, "media_type": "image/jpeg", "size": 5_000, "stored_at": NOW, "kept_until": LOCKED}
        town.do(lambda session, row=row: session.execute(insert(stored_object).values(row)))
    return kept


def back_up(settings: Settings, folder: Path, *, minutes: int = 0, keep: int | None = None) -> Path:
    """A backup made so many minutes after noon: its folder."""
    moment = NOW + timedelta(minutes=minutes)
    return make_backup(settings, folder, now=moment, keep=keep, say=lambda _text: None)[0]


def bring_back(settings: Settings, backup: Path) -> list[str]:
    """Restore a backup: the names of the objects that it has not."""
    return restore_backup(settings, backup, read_backup(backup), keeps_key=True, say=lambda _text: None)


def elsewhere(settings: Settings, databases: Databases, folder: Path) -> Settings:
    """The settings of another, empty installation of the same kind."""
    sqlite = settings.database_url.startswith("sqlite")
    url = f"sqlite:///{folder / 'sunshine.db'}" if sqlite else databases.make_bare("postgresql")
    return settings_for(url, folder)


def events(url: str) -> int:
    """How many events a store holds."""
    store = storage.open_store(url)
    with closing(store), store.reading() as session:
        return int(session.execute(select(func.count()).select_from(event)).scalar_one())


@contextmanager
def somebody_writing(town: Town) -> Iterator[list[str]]:
    """A farm that harvests without a pause; the lots that were acknowledged so far."""
    farm, stop, begun = town.organisation(), threading.Event(), threading.Event()
    product, lots = town.product(farm), list[str]()

    def harvest() -> None:
        while not stop.is_set():
            lots.append(town.lot(farm, product))
            begun.set()

    writer = threading.Thread(target=harvest)
    writer.start()
    try:
        assert begun.wait(60)
        yield lots
    finally:
        stop.set()
        writer.join()


def test_backup_of_a_store_that_is_written_to_comes_back_whole(
    settings: Settings, town: Town, databases: Databases, tmp_path: Path
) -> None:
    photos = photograph(settings, town, *PHOTOS)
    with somebody_writing(town) as lots:
        before = len(lots)
        backup = back_up(settings, tmp_path / "backups")
        after = len(lots)
    other = elsewhere(settings, databases, tmp_path / "other")
    assert bring_back(other, backup) == []
    assert before <= events(other.owner_url) <= after + 1, "one state between the beginning and the end"
    assert read_backup(backup).rows["event"] == events(other.owner_url)
    objects = open_objects(other.objects_url)
    assert [(objects.get(name), objects.locked_until(name)) for name in photos] == [(p, LOCKED) for p in PHOTOS]
    store = storage.open_store(other.owner_url)
    with closing(store):
        again = Town(store)
        farm = again.organisation()
        assert again.lot(farm, again.product(farm))
    with pytest.raises(BackupFailed, match=r"already.*Nothing is ever written over"):
        bring_back(other, backup)


def test_commands_say_what_they_copied_and_brought_back(small: Settings, small_town: Town, tmp_path: Path) -> None:
    backups, other = tmp_path / "backups", tmp_path / "other"
    photograph(small, small_town, PHOTOS[0])
    there = {"SUNSHINE_DATA": str(small.data), "SUNSHINE_DATABASE_URL": small.database_url}
    said = CliRunner().invoke(cli, ["backup", str(backups)], env=there)
    assert (said.exit_code, "0 events, 1 objects, the signing key" in said.output) == (0, True), said.output
    said = CliRunner().invoke(cli, ["restore", str(backups)], env={"SUNSHINE_DATA": str(other)})
    assert (said.exit_code, "were brought back and checked" in said.output) == (0, True), said.output
    assert (other / "secret_key").read_text().strip() == small.secret_key
    assert (other / "secret_key").stat().st_mode & 0o777 == 0o600
    assert (other / "sunshine.db").stat().st_size > 0
    third = {"SUNSHINE_DATA": str(tmp_path / "third"), "SUNSHINE_SECRET_KEY": small.secret_key}
    assert CliRunner().invoke(cli, ["restore", str(backups)], env=third).exit_code == 0
    assert not (tmp_path / "third" / "secret_key").exists(), "a key that was given is not written down"
    said = CliRunner().invoke(cli, ["restore", str(small.data)], env={"SUNSHINE_DATA": str(tmp_path / "third")})
    assert (said.exit_code, said.output) == (1, f"Error: There is no backup in {small.data}.\n")


def test_next_backup_adds_only_new_objects_and_old_ones_go_with_the_last_that_names_them(
    small: Settings, small_town: Town, tmp_path: Path
) -> None:
    folder, pool = tmp_path / "backups", open_objects(str(tmp_path / "backups" / POOL))
    (old,) = photograph(small, small_town, PHOTOS[0])
    first = back_up(small, folder)
    (kept,) = (path for path in (folder / POOL).glob("??/*"))
    made = kept.stat().st_mtime_ns
    (new,) = photograph(small, small_town, PHOTOS[1])
    second = back_up(small, folder, minutes=1)
    assert (kept.stat().st_mtime_ns, pool.get(new)) == (made, PHOTOS[1])
    small_town.do(lambda session: session.execute(stored_object.delete().where(stored_object.c.sha256 == old)))
    third = back_up(small, folder, minutes=2, keep=1)
    assert (first.exists(), second.exists(), find_backup(folder)) == (False, False, third)
    assert sorted(path.parent.name + path.name for path in (folder / POOL).glob("??/*")) == [new]


def test_object_that_is_missing_or_damaged_is_told_and_all_else_is_kept(
    small: Settings, small_town: Town, databases: Databases, tmp_path: Path
) -> None:
    missing, damaged, sound = photograph(small, small_town, *PHOTOS[:3])
    for name, text in ((missing, None), (damaged, b"other")):
        path = Path(small.objects_url) / name[:2] / name[2:]
        path.unlink()
        if text:
            path.write_bytes(text)
    backup = back_up(small, tmp_path / "backups")
    assert sorted(read_backup(backup).missing) == sorted((missing, damaged))
    other = elsewhere(small, databases, tmp_path / "other")
    assert sorted(bring_back(other, backup)) == sorted((missing, damaged))
    assert open_objects(other.objects_url).get(sound) == PHOTOS[2]


def test_object_that_is_swept_while_the_backup_is_made_is_no_missing_one(
    small: Settings, small_town: Town, tmp_path: Path
) -> None:
    names = [f"{number:064x}" for number in range(1_001)]  # after a thousand it says how far it is
    rows = [{"sha256": name, "media_type": "image/jpeg", "size": 5_000, "stored_at": NOW} for name in names]
    small_town.do(lambda session: session.execute(insert(stored_object), rows))
    swept = stored_object.delete().where(stored_object.c.sha256 == names[-1])

    def meanwhile(_text: str) -> None:
        small_town.do(lambda session: session.execute(swept))

    backup, told = make_backup(small, tmp_path / "backups", now=NOW, keep=None, say=meanwhile)
    assert (told.missing, told.objects) == (names[:-1], 1_000), "the store has none of them; of one that is right"
    assert [name for name, _ in read_names(backup / NAMES)] == names[:-1], "nor will a restore miss it"
    assert read_backup(backup) == told


def test_restore_to_an_s3_store_that_was_gone_goes_on_when_it_is_back(
    small: Settings, small_town: Town, databases: Databases, s3_url: str, tmp_path: Path
) -> None:
    name, over = photograph(small, small_town, *PHOTOS[:2])
    past = update(stored_object).where(stored_object.c.sha256 == over).values(kept_until=date(2020, 1, 1))
    small_town.do(lambda session: session.execute(past))
    backup = back_up(small, tmp_path / "backups")
    with Gate(int(urlsplit(s3_url).port or 0)) as gate:
        other = replace(
            elsewhere(small, databases, tmp_path / "other"),
            objects_url=s3_url.rpartition(":")[0] + f":{gate.port}/brought-back?secure=0",
        )
        gate.close()
        with pytest.raises(Busy):
            bring_back(other, backup)
        gate.open()
        assert bring_back(other, backup) == []
        objects = open_objects(other.objects_url)
        assert [objects.get(name), objects.get(over)] == list(PHOTOS[:2])
        assert [objects.locked_until(name), objects.locked_until(over)] == [LOCKED, None]


def test_backup_that_does_not_get_whole_is_none(small: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    gone = replace(small, owner_url=f"sqlite:///{tmp_path / 'none.db'}")
    with pytest.raises(BackupFailed, match=r"There is no database at .*none\.db"):
        back_up(gone, folder)
    (folder / ".partial-of-one-that-was-killed").mkdir()
    with pytest.raises(BackupFailed, match="no backup in"):
        find_backup(folder)
    backup = back_up(small, folder)
    assert [path.name for path in folder.iterdir() if path.is_dir()] == [backup.name]


def test_backup_that_changed_on_its_disk_is_refused(small: Settings, tmp_path: Path) -> None:
    backup = back_up(small, tmp_path / "backups")
    with (backup / DATABASE).open("r+b") as file:
        file.seek(4_096)
        file.write(b"something else")
    with pytest.raises(BackupFailed, match="is damaged: database is not what was written"):
        read_backup(backup)


def test_store_that_is_not_what_was_counted_does_not_come_back(small: Settings, tmp_path: Path) -> None:
    backup = back_up(small, tmp_path / "backups")
    told = json.loads((backup / MANIFEST).read_text())
    told["rows"]["organisation"] += 1
    (backup / MANIFEST).write_text(json.dumps(told))
    other = settings_for(f"sqlite:///{tmp_path / 'other' / 'sunshine.db'}", tmp_path / "other")
    with pytest.raises(BackupFailed, match="organisation has 0 rows, not 1"):
        bring_back(other, backup)
    assert list(other.data.glob("*sunshine*")) == []


@pytest.mark.parametrize("damage", ["zeroblob(9)", "x'012233'"], ids=["another document", "no document"])
def test_store_with_a_document_that_changed_does_not_come_back(
    small: Settings, small_town: Town, tmp_path: Path, damage: str
) -> None:
    farm = small_town.organisation()
    small_town.lot(farm, small_town.product(farm))
    small_town.do(
        lambda session: session.connection().exec_driver_sql(f"UPDATE event_document SET document = {damage}")
    )
    backup = back_up(small, tmp_path / "backups")
    other = settings_for(f"sqlite:///{tmp_path / 'other' / 'sunshine.db'}", tmp_path / "other")
    with pytest.raises(BackupFailed, match="the document of event 1 has changed"):
        bring_back(other, backup)


def test_backup_comes_back_only_under_its_own_signing_key(small: Settings, tmp_path: Path) -> None:
    backup = back_up(small, tmp_path / "backups")
    assert with_its_key(backup, {"SUNSHINE_DATA": str(tmp_path / "new")})["SUNSHINE_SECRET_KEY"] == small.secret_key
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "secret_key").write_text("k" * 40)
    for environ in ({"SUNSHINE_DATA": str(tmp_path / "new")}, {"SUNSHINE_SECRET_KEY": "k" * 40}):
        with pytest.raises(BackupFailed, match="Another signing key than the backup's"):
            with_its_key(backup, environ)


def test_backup_of_one_kind_of_database_is_not_brought_back_to_another(small: Settings, tmp_path: Path) -> None:
    backup = back_up(small, tmp_path / "backups")
    with pytest.raises(BackupFailed, match="The backup is of sqlite"):
        bring_back(replace(small, owner_url="postgresql://nobody@127.0.0.1:1/none"), backup)
