"""`./run objects`: move all photos and papers from one place to another while the service runs; check them.

See `storage.objects.moving` for what makes a move safe to stop and to run again.
"""

import sys
from collections.abc import Callable, Iterator
from typing import TypeVar

import click
from sqlalchemy.exc import DBAPIError

from storage.objects import FolderObjects, ObjectStore, copy_all, open_objects, spool_of
from storage.store import Store, open_store
from storage.tenancy import EVERYTHING
from trace.config import SettingError, Settings, load_settings, parse_objects_url
from trace.domain.failures import Failure, NotFound
from trace.kept_objects import objects_of
from trace.services.object_keeping import rows_after

STEP = 500  # objects between two lines that say how far it is
PAGE = 1_000  # rows read at a time
T = TypeVar("T")


@click.group()
def objects() -> None:
    """Photos and papers: move them to another place, check that all are there."""


@objects.command()
@click.argument("target", required=False)
def move(target: str | None) -> None:
    """Copy everything to a folder or s3://KEY:SECRET@host:port/bucket, read back and compared; again goes on.

    Without TARGET: from SUNSHINE_OBJECTS_OLD_URL to SUNSHINE_OBJECTS_URL. Nothing is removed where it was.
    """
    settings = _settings_or_fail()
    source, goal = _places(settings, target)
    copied, damaged, unlocked = _tried(lambda: _copy(source, goal))
    if unlocked:
        click.echo(
            f"{unlocked} object(s) are locked where they were and cannot be in the new place: its bucket was made"
            " without object lock, and only our own rows keep them there.",
            err=True,
        )
    for name in damaged:
        click.echo(f"damaged where it was, and not copied: {name}", err=True)
    click.echo(f"{copied} object(s) copied; {'all' if not damaged else 'all others'} are in the new place.")
    if target is None:
        click.echo("Take SUNSHINE_OBJECTS_OLD_URL out of the settings and start the service anew.")
    else:
        click.echo(
            "Now set SUNSHINE_OBJECTS_URL to the new place and SUNSHINE_OBJECTS_OLD_URL to the old one, start the"
            " service and its workers anew, and run ./run objects move once more, for what came meanwhile."
        )
    sys.exit(1 if damaged else 0)


@objects.command()
def check() -> None:
    """Read every object that the database names: exit status 1 where one is missing or damaged."""
    settings = _settings_or_fail()
    store, kept = open_store(settings.database_url).seeing(EVERYTHING), objects_of(settings)
    try:
        bad = _tried(lambda: list(_bad(store, kept)))
    finally:
        store.close()
    for name, said in bad:
        click.echo(f"{name}: {said}", err=True)
    click.echo(f"{len(bad)} object(s) missing or damaged." if bad else "Every object is there, as it was stored.")
    sys.exit(1 if bad else 0)


def check_lock(kept: ObjectStore) -> str | None:
    """None where what the law asks to keep can be locked, else a sentence."""
    spool = spool_of(kept)
    place = spool.main if spool is not None else kept
    if isinstance(place, FolderObjects):
        return None
    from storage.objects.s3 import S3Objects  # noqa: PLC0415 - loads the minio SDK

    if isinstance(place, S3Objects) and not place.has_lock():
        return "the bucket was made without object lock: only our own rows keep its objects; move to a new one"
    return None


def _settings_or_fail() -> Settings:
    try:
        return load_settings()
    except SettingError as fault:
        raise click.ClickException(str(fault)) from fault


def _places(settings: Settings, target: str | None) -> tuple[ObjectStore, ObjectStore]:
    """From where to where; what waits in the spool is the worker's to bring."""
    here, old = settings.objects_url, settings.objects_old_url
    if target is None and not old:
        raise click.ClickException("Say where to, or set SUNSHINE_OBJECTS_OLD_URL to where the objects were before.")
    try:
        source, goal = (old, here) if target is None else (here, parse_objects_url(target, "TARGET"))
    except SettingError as fault:
        raise click.ClickException(str(fault)) from fault
    if source == goal:
        raise click.ClickException("The new place is the old one.")
    return open_objects(source), open_objects(goal)


def _copy(source: ObjectStore, goal: ObjectStore) -> tuple[int, list[str], int]:
    """How many were copied, which are damaged, how many are locked no more.

    It goes on until nothing is new: the service works meanwhile.
    """
    total, copied = sum(1 for _ in source.listed()), 0
    while True:
        new, damaged, unlocked = 0, [], 0
        for number, one in enumerate(copy_all(source, goal), start=1):
            new += one.copied
            unlocked += one.unlocked
            if one.damaged:
                damaged.append(one.one.sha256)
            if number % STEP == 0:
                click.echo(f"{number} of {total} objects, {copied + new} copied", err=True)
        copied += new
        if not new:
            return copied, damaged, unlocked


def _bad(store: Store, kept: ObjectStore) -> Iterator[tuple[str, str]]:
    after, seen = "", 0
    while True:
        with store.reading() as session:
            page = rows_after(session, after, most=PAGE)
        for name, _ in page:
            try:
                kept.open(name).close()
            except NotFound as failure:
                yield name, str(failure)
            seen += 1
            if seen % STEP == 0:
                click.echo(f"{seen} objects", err=True)
        if len(page) < PAGE:
            return
        after = page[-1][0]


def _tried(act: Callable[[], T]) -> T:
    try:
        return act()
    except (Failure, OSError) as fault:
        text = str(fault) if isinstance(fault, Failure) else fault.strerror or str(fault)
        raise click.ClickException(f"{text} Nothing is lost: run it again, and it goes on where it was.") from fault
    except DBAPIError as fault:
        raise click.ClickException(f"The database cannot be read: {type(fault.orig).__name__}") from fault
