"""`./run backup` and `./run restore`: the whole of an installation into a folder, and back, each checked.

A folder of backups holds one folder a backup, named by its time (database, names of the objects, signing key, and
`backup.json` that says what they are), and `objects`, which all backups share: an object never changes, so the next
backup adds only the new ones.
"""

import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import click

from storage.backups import BackupFailed, Content, bring_back, copy_database, kind_of, known_objects, verify_empty
from storage.objects import NoLock, ObjectStore, open_objects
from trace import clock
from trace.config import Settings
from trace.domain.failures import Failure, NotFound
from trace.kept_objects import objects_of
from trace.revision import find_version

FORMAT = 1
MANIFEST, DATABASE, NAMES, KEY, POOL = "backup.json", "database", "objects.txt", "secret_key", "objects"
_PARTIAL = ".partial-"
_NAME = "%Y-%m-%dT%H%M%SZ"
_STEP = 1_000  # objects between two lines that say how far it is
Say = Callable[[str], None]


def backup_or_fail(settings: Settings, folder: Path, *, keep: int | None) -> int:
    """Make a backup and say what is in it: exit status 1 where objects are missing, raises `click.ClickException`."""
    with _told():
        where, made = make_backup(settings, folder, now=clock.now(), keep=keep, say=_say)
    _say(f"{where}: {made.rows['event']} events, {made.objects - len(made.missing)} objects, the signing key")
    return _tell_missing(made.missing, "The object store has not, or has damaged")


def restore_or_fail(folder: Path, settings_with: Callable[[Mapping[str, str]], Settings]) -> int:
    """Bring a backup back and say what came: exit status 1 where objects are missing, raises `click.ClickException`."""
    with _told():
        backup = find_backup(folder)
        told = read_backup(backup)
        settings = settings_with(with_its_key(backup, os.environ))
        lost = restore_backup(settings, backup, told, keeps_key=not os.environ.get("SUNSHINE_SECRET_KEY"), say=_say)
    _say(
        f"{backup}: {told.rows['event']} events of {told.made_at}, {told.objects - len(lost)} objects and the signing"
        " key were brought back and checked. ./run doctor says what is left to do."
    )
    return _tell_missing(lost, "The backup has not")


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is one sentence."""
    try:
        yield
    except (BackupFailed, Failure) as fault:
        raise click.ClickException(str(fault)) from fault
    except OSError as fault:
        raise click.ClickException(f"{fault.filename or 'The backup'}: {fault.strerror or fault}.") from fault


def _tell_missing(names: list[str], said: str) -> int:
    if names:
        _say(f"{said} {len(names)} object(s): {', '.join(names[:3])}{' ...' if len(names) > 3 else ''}")
    return 1 if names else 0


def _say(text: str) -> None:
    click.echo(text, err=True)


@dataclass(frozen=True, slots=True)
class Backup:
    """What `backup.json` says: of which kind the database is, what it held, and the SHA-256 of each file beside it.

    `missing` names objects that the store did not have, or had damaged, when the backup was made.
    """

    format: int
    made_at: str
    version: str
    kind: str
    revision: str
    rows: dict[str, int]
    objects: int
    missing: list[str]
    files: dict[str, str]


def make_backup(settings: Settings, folder: Path, *, now: datetime, keep: int | None, say: Say) -> tuple[Path, Backup]:
    """Copy database, objects and signing key below `folder`; where it lies and what it holds.

    The database comes first: whatever object its rows name is there already, and is not taken away. A backup has its
    name only when it is whole and on the disk. `keep` leaves so many backups and removes older ones with the objects
    that only they named. Raises `BackupFailed`, and what the object store raises when it does not answer.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _alone(folder):
        for left in folder.glob(f"{_PARTIAL}*"):
            shutil.rmtree(left)
        name = now.astimezone(UTC).strftime(_NAME)
        partial, whole = folder / f"{_PARTIAL}{name}", folder / name
        partial.mkdir(mode=0o700)
        try:
            made = _fill(settings, partial, folder / POOL, now=now, say=say)
            partial.rename(whole)
        except BaseException:
            shutil.rmtree(partial)
            raise
        _sync(folder)
        if keep is not None:
            _forget(folder, keep)
    return whole, made


def _fill(settings: Settings, target: Path, pool: Path, *, now: datetime, say: Say) -> Backup:
    content = copy_database(settings.owner_url, target / DATABASE, target / NAMES)
    _write(target / KEY, settings.secret_key)
    names = [name for name, _ in read_names(target / NAMES)]
    source, kept = objects_of(settings), open_objects(str(pool))
    missing = [name for name in _counted(names, say) if not _is_kept(pool, name) and not _copy(source, kept, name)]
    if missing:  # or removed since the database was copied, as what no record names
        swept = set(missing) - known_objects(settings.owner_url, missing)
        _leave_out(target / NAMES, swept)
        missing = [name for name in missing if name not in swept]
        names = [name for name in names if name not in swept]
    made = Backup(
        format=FORMAT,
        made_at=now.astimezone(UTC).isoformat(timespec="seconds"),
        version=find_version(),
        kind=kind_of(settings.owner_url),
        **asdict(content),
        objects=len(names),
        missing=missing,
        files={name: _digest(target / name) for name in (DATABASE, NAMES, KEY)},
    )
    _write(target / MANIFEST, json.dumps(asdict(made), indent=1))
    _sync(target)
    return made


def _copy(source: ObjectStore, target: ObjectStore, name: str) -> bool:
    """Whether the object was there, as it was stored; it lies in `target` then."""
    try:
        target.put(source.get(name))
    except NotFound:  # also one whose bytes have changed
        return False
    return True


def _leave_out(path: Path, names: set[str]) -> None:
    """Take objects out of the list of those that a backup names."""
    lines = path.read_text(encoding="ascii").splitlines(keepends=True)
    path.unlink()
    _write(path, "".join(line for line in lines if line.split()[0] not in names))


def find_backup(folder: Path) -> Path:
    """The folder itself where it is a backup, else the newest in it; raises `BackupFailed` where there is none."""
    if (folder / MANIFEST).is_file():
        return folder
    found = _all_in(folder)
    if not found:
        raise BackupFailed(f"There is no backup in {folder}.")
    return found[-1]


def read_backup(backup: Path) -> Backup:
    """What a backup holds, its files compared with their SHA-256; raises `BackupFailed` where one is not as made."""
    try:
        told = Backup(**json.loads((backup / MANIFEST).read_text(encoding="utf-8")))
        changed = [name for name, digest in told.files.items() if _digest(backup / name) != digest]
    except (OSError, ValueError, TypeError) as fault:
        raise BackupFailed(f"{backup} cannot be read as a backup: {fault}") from fault
    if told.format != FORMAT or changed:
        raise BackupFailed(
            f"{backup} is damaged: {changed[0]} is not what was written." if changed else
            f"{backup} is of another version of this program (format {told.format}): restore it with that one."
        )  # fmt: skip
    return told


def with_its_key(backup: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The environment with the signing key of the backup: what was sealed under it can be opened with no other.

    Raises `BackupFailed` where another key is set, or lies in the data folder.
    """
    kept = (backup / KEY).read_text(encoding="utf-8").strip()
    beside = Path(environ.get("SUNSHINE_DATA") or "data") / KEY
    others = [environ.get("SUNSHINE_SECRET_KEY") or kept]
    with suppress(FileNotFoundError):
        others.append(beside.read_text(encoding="utf-8").strip())
    if any(other != kept for other in others):
        raise BackupFailed(
            f"Another signing key than the backup's is set or lies in {beside}; with it, nobody could open what was"
            " sealed (secrets of exports, pictures of prescriptions). Take it away: the restore brings its own."
        )
    return {**environ, "SUNSHINE_SECRET_KEY": kept}


def restore_backup(settings: Settings, backup: Path, told: Backup, *, keeps_key: bool, say: Say) -> list[str]:
    """Bring objects, then the database back to where the settings point, and check them: names of what is not there.

    Nothing is written over: a database that is not empty is refused. Objects that are there already, whole, stay as
    they are, so that it can be run again where it was interrupted: the database comes last. `keeps_key` writes the
    signing key into the data folder, where none is set. Raises `BackupFailed`.
    """
    if kind_of(settings.owner_url) != told.kind:
        raise BackupFailed(f"The backup is of {told.kind}; SUNSHINE_DATABASE_URL names another kind of database.")
    verify_empty(settings.owner_url)
    # Not by way of the spool: what waited there could not be locked, and no worker brings it now.
    target, pool = open_objects(settings.objects_url), open_objects(str(backup.parent / POOL))
    locks = dict(read_names(backup / NAMES))
    lost = [name for name in _counted(list(locks), say) if not _has(target, name) and not _copy(pool, target, name)]
    _lock(target, {name: until for name, until in locks.items() if until is not None and name not in lost}, say)
    if keeps_key and not (settings.data / KEY).exists():
        _write(settings.data / KEY, settings.secret_key)
        _sync(settings.data)
    bring_back(settings.owner_url, backup / DATABASE, Content(told.revision, told.rows))
    return lost


def _lock(objects: ObjectStore, locks: Mapping[str, date], say: Say) -> None:
    """Lock objects as they were: the database takes them for locked, and asks again only shortly before the end."""
    try:
        for name, until in locks.items():
            objects.lock(name, until)
    except NoLock as fault:
        say(str(fault))


def read_names(path: Path) -> Iterator[tuple[str, date | None]]:
    """The SHA-256 of the objects that a backup names, and the last day of the lock of each that has one."""
    with path.open(encoding="ascii") as file:
        for line in file:
            name, _, until = line.strip().partition(" ")
            yield name, date.fromisoformat(until) if until else None


def _has(objects: ObjectStore, name: str) -> bool:
    """Whether a store has the object, whole: it is read, not only looked for."""
    try:
        objects.get(name)
    except NotFound:
        return False
    return True


def _counted(names: list[str], say: Say) -> Iterator[str]:
    for number, name in enumerate(names, start=1):
        yield name
        if number % _STEP == 0:
            say(f"{number} of {len(names)} objects")


def _forget(folder: Path, keep: int) -> None:
    """Remove all but the newest backups, then the objects that none of these names."""
    backups = _all_in(folder)
    for old in backups[:-keep]:
        shutil.rmtree(old.rename(folder / f"{_PARTIAL}{old.name}"))  # what is left half-way is no backup
    named = {bytes.fromhex(name) for backup in backups[-keep:] for name, _ in read_names(backup / NAMES)}
    for path in (folder / POOL).glob("??/*"):
        with suppress(ValueError):  # a file that is being written has another name
            if bytes.fromhex(path.parent.name + path.name) not in named:
                path.unlink()


def _all_in(folder: Path) -> list[Path]:
    return sorted(path.parent for path in folder.glob(f"[0-9]*/{MANIFEST}"))


def _is_kept(pool: Path, name: str) -> bool:
    """Whether an earlier backup brought the object: then it is not fetched again."""
    return (pool / name[:2] / name[2:]).is_file()


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Nobody else makes a backup in the folder meanwhile; raises `BackupFailed` where somebody does."""
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as fault:
            raise BackupFailed(f"Another backup is being made in {folder}.") from fault
        yield


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(path: Path, text: str) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
