"""The command line: start the service, check the machine, make keys. `./run` calls it."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import click
from alembic.util import CommandError
from sqlalchemy import make_url, select
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.orm import Session

import storage
from scanners.workers import CORES, WAITING
from storage.objects import Refused, spool_of
from storage.tables import organisation
from storage.tenancy import EVERYTHING, sight_of
from trace import clock
from trace.cli_doctor import examine, first_line
from trace.cli_objects import objects
from trace.config import SettingError, Settings, load_settings
from trace.domain.failures import N_, Busy, Failure, NotFound
from trace.domain.permissions import Role
from trace.kept_objects import objects_of
from trace.log import set_up_log
from trace.mqtt import listen
from trace.revision import find_version
from trace.services.demonstration import Demonstration, find_demonstration, load_demonstration
from trace.services.keys import issue_key
from trace.services.mending import TWICE, mend_keys, mend_kinds
from trace.services.setup import check_domain, ensure_platform, first_fitting_organisation
from trace.worker import Crew, worker_of

# Requests at once in one process: as many photos as are taken, and more, so that who sends none is answered meanwhile.
# SQLite has one writer anyway, PostgreSQL scales by processes.
THREADS = CORES + WAITING + 4
BACKLOG = 256
NOT_ALLOWED = "42501"  # of PostgreSQL: insufficient_privilege
# What was begun is finished within so long after SIGTERM: a caller that sends half a request and no more ends nothing.
STOP_SECONDS = 50  # less than what deploy/ gives the service


@click.group()
def cli() -> None:
    """Sunshine Trace 阳光追溯."""
    set_up_log()  # standard output is for what a command promises: a key, a document


def settings_or_exit(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings, or one sentence and exit status 2."""
    try:
        return load_settings(environ)
    except SettingError as fault:
        click.echo(str(fault), err=True)
        sys.exit(2)


def open_or_exit(settings: Settings) -> storage.Store:
    """The prepared store, or one sentence and exit status 3; 2 where its identifiers are another domain's."""
    store = storage.open_store(settings.database_url).seeing(EVERYTHING)
    try:
        with usable_or_exit():
            prepare_or_raise(settings)
            store.write(check_domain, settings.id_domain)
    except Failure as fault:
        click.echo(str(fault), err=True)
        sys.exit(2)
    return store


@contextmanager
def usable_or_exit() -> Iterator[None]:
    """One sentence and exit status 3 where the database cannot be used."""
    try:
        yield
    except (DBAPIError, CommandError) as fault:  # a CommandError: the store knows a migration that we do not
        text = (str(getattr(fault, "orig", fault)).strip() or type(fault).__name__).splitlines()[0]
        is_not_the_owner = getattr(getattr(fault, "orig", None), "sqlstate", None) == NOT_ALLOWED
        remedy = ". SUNSHINE_OWNER_URL names who may make its tables (docs/operating.md)" if is_not_the_owner else ""
        click.echo(f"The database cannot be used: {text}{remedy}", err=True)
        sys.exit(3)


def prepare_or_raise(settings: Settings) -> None:
    """Migrate as the owner; the service's own role, where it is another one, gets the rights it needs."""
    owner, service = make_url(settings.owner_url).username, make_url(settings.database_url).username
    storage.prepare(settings.owner_url, service if service != owner else None)


def check_address_or_exit(host: str, port: int, choose: str = "--port or SUNSHINE_PORT") -> None:
    """Nothing if we can listen there; else one sentence, which says how to `choose` another, and exit status 3.

    The server would share a port with another one of its kind (SO_REUSEPORT), and two stores would answer by turns.
    """
    try:
        socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET).close()
    except (OSError, OverflowError) as fault:
        text = str(getattr(fault, "strerror", None) or fault).partition(" (while")[0]
        click.echo(
            f"The service cannot listen on {host}:{port}: {text}. Choose another port with {choose}.",
            err=True,
        )
        sys.exit(3)


def check_objects_or_exit(settings: Settings) -> None:
    """Photos are taken, or one sentence and exit status 3: nobody finds that out at the door of a shop.

    An S3 store that is gone is no reason not to start: photos wait on this machine. One that does not let us in is.
    """
    kept = objects_of(settings)
    try:
        kept.check()
    except (Failure, OSError) as fault:
        if isinstance(fault, Busy) and not isinstance(fault, Refused) and spool_of(kept) is not None:
            click.echo("The photo store does not answer: photos wait on this machine until it does.", err=True)
            return
        click.echo(f"Photos cannot be kept (SUNSHINE_OBJECTS_URL): {first_line(fault)}", err=True)
        sys.exit(3)


@cli.command()
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on; SUNSHINE_PORT where absent.")
def up(port: int | None) -> None:
    """Prepare the store, load the demonstration the first time, say who can sign in, serve."""
    settings = settings_or_exit()
    check_address_or_exit(settings.host, port or settings.port)
    check_objects_or_exit(settings)
    store = open_or_exit(settings)
    shown = None
    if settings.demo:
        shown = load_demonstration(store, settings.timezone, clock.now(), settings.data) or find_demonstration(
            store, settings.data
        )
    store.close()
    address = f"http://{settings.host}:{port or settings.port}"
    print_addresses(address, shown)
    serve(settings, port or settings.port)


def print_addresses(address: str, shown: Demonstration | None) -> None:
    """Where the desks are, and who can sign in to a demonstration."""
    click.echo(f"\nSunshine Trace 阳光追溯  {address}")
    for name, path in (
        ("Station 超市收货", "/station"),
        ("Pharmacy 阳光药店", "/pharmacy"),
        ("Inspector 监管查询", "/inspector"),
        ("Read codes 识码", "/scan"),
        ("Public 公众查询", "/"),
        ("API", "/api/v1/docs"),
        ("EPCIS 2.0", "/epcis/v2/"),
    ):
        click.echo(f"  {name:<18}{address}{path}")
    if shown is None:
        return
    click.echo("\nDemonstration sign-ins 演示账号 (password 密码: " + shown.password + ")")
    for sign_in, who in shown.sign_ins.items():
        click.echo(f"  {sign_in:<22}{who}")
    click.echo("\nAPI keys, one a role")
    for role, key in shown.keys.items():
        click.echo(f"  {role:<28}{key}")
    click.echo("\nPublic pages to try")
    for name, code in shown.codes.items():
        click.echo(f"  {name:<28}{address}/t/{code}")
    click.echo("")


def environ_to_serve() -> dict[str, str]:
    """The environment of who serves for long: the store is prepared by now, and who owns it is nobody's business."""
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    environ.pop("SUNSHINE_OWNER_URL", None)
    return environ


def serve(settings: Settings, port: int) -> None:
    """Run granian in this process's place; it stops gracefully on SIGTERM and finishes what it began."""
    environ = environ_to_serve() | {"SUNSHINE_PORT": str(port)}
    command = [
        sys.executable, "-m", "granian",
        "--interface", "wsgi",
        "--host", settings.host,
        "--port", str(port),
        "--workers", "1",
        "--blocking-threads", str(THREADS),
        "--backlog", str(BACKLOG),
        "--respawn-failed-workers",
        "--workers-kill-timeout", str(STOP_SECONDS),
        "--no-access-log",
        "--log-level", "error",  # it warns of so many threads; they wait for the photos that other processes read
        "trace.wsgi:app",
    ]  # fmt: skip
    os.execve(command[0], command, environ)  # noqa: S606 - our own server, no shell


@cli.command()
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--organisation", "name", help="Name of the organisation; the first that fits the role where absent.")
def key(role: str, name: str | None) -> None:
    """Print a new API key."""
    store = open_or_exit(settings_or_exit())
    try:
        made = store.write(_make_key, Role(role), name)
    except Failure as fault:
        raise click.ClickException(str(fault)) from fault
    click.echo(made)  # not before the store has it for good


def _make_key(session: Session, role: Role, name: str | None) -> str:
    ensure_platform(session, now=clock.now())
    number = _organisation_named(session, name) if name else first_fitting_organisation(session, role)
    return issue_key(session, role=role, organisation_id=number, now=clock.now(), label="./run key")


def _organisation_named(session: Session, name: str) -> int:
    number = session.execute(select(organisation.c.id).where(organisation.c.name == name)).scalar_one_or_none()
    if number is None:
        raise NotFound(N_("There is no organisation named {name}."), name=name)
    return int(number)


class GivenPath(click.Path):
    """A file named from where `./run` was called: the script itself stands in the checkout."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path, absolute; `-` as it is."""
        named = value if value == "-" else os.path.join(os.environ.get("RUN_FROM", ""), value)  # noqa: PTH118
        return super().convert(named, param, ctx)


@cli.command("import")
@click.argument("paths", nargs=-1, required=True, type=GivenPath(exists=True, dir_okay=False, allow_dash=True))
@click.option("--organisation", "name", required=True, help="Name of the organisation whose events they are.")
@click.option("--proceed", is_flag=True, help="Store the good events of a document that has bad ones.")
def import_(paths: tuple[str, ...], name: str, proceed: bool) -> None:
    """Capture EPCIS documents, JSON or XML, gzipped or not; - is standard input. Again is harmless."""
    from trace.cli_epcis import find_actor_for, import_files  # noqa: PLC0415 - loads all of EPCIS

    settings = settings_or_exit()
    store = open_or_exit(settings)
    try:
        with store.reading() as session:
            actor = find_actor_for(session, name)
    except Failure as fault:
        raise click.ClickException(str(fault)) from fault
    theirs = store.seeing(sight_of(actor.organisation))
    done = import_files(theirs, paths, actor=actor, proceed=proceed, timezone=settings.timezone)
    for line in done.faults:
        click.echo(line, err=True)
    click.echo(
        f"{done.files} file(s): {done.stored} events stored, {done.known} were stored before, {len(done.faults)} faults"
    )
    sys.exit(1 if done.faults else 0)


@cli.command()
@click.option("--organisation", "name", required=True, help="Name of the organisation that may see the events.")
@click.option(
    "--query", "text", default="", help='As in a URL: "EQ_bizStep=shipping&GE_eventTime=2026-01-01T00:00:00Z".'
)
@click.option("--format", "form", type=click.Choice(["json", "xml"]), default="json", help="EPCIS 2.0 as JSON or XML.")
def export(name: str, text: str, form: str) -> None:
    """Write what a query finds to standard output, as one EPCIS document; all events where there is no query."""
    from trace.cli_epcis import export_events, find_actor_for, parse_query_text  # noqa: PLC0415 - loads all of EPCIS

    settings = settings_or_exit()
    store = open_or_exit(settings)
    try:
        query = parse_query_text(text)
        with store.reading() as session:
            actor = find_actor_for(session, name)
        theirs = store.seeing(sight_of(actor.organisation))
        count = export_events(
            theirs, query, actor=actor, form=form, target=sys.stdout.buffer, timezone=settings.timezone
        )
        sys.stdout.buffer.flush()
    except Failure as fault:
        raise click.ClickException(str(fault)) from fault
    except BrokenPipeError:  # the reader has enough
        raise
    except OSError as fault:
        # What is still in the buffer would be tried again, and fail again, when Python ends (status 120).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.ClickException(f"The events cannot be written: {fault.strerror or fault}") from fault
    except DBAPIError as fault:
        raise click.ClickException(f"The database cannot be read: {first_line(fault)}") from fault
    click.echo(f"{count} events", err=True)


@cli.command()
@click.argument("folder", type=GivenPath(file_okay=False))
@click.option("--keep", type=click.IntRange(1), help="Leave so many backups in the folder; all where absent.")
def backup(folder: str, keep: int | None) -> None:
    """Copy database, objects and signing key into a folder, while the service runs."""
    from trace.cli_backup import backup_or_fail  # noqa: PLC0415 - nothing else needs it

    sys.exit(backup_or_fail(settings_or_exit(), Path(folder), keep=keep))


@cli.command()
@click.argument("folder", type=GivenPath(exists=True, file_okay=False))
def restore(folder: str) -> None:
    """Bring back a backup, or the newest in a folder of them, to where the settings point, and check it."""
    from trace.cli_backup import restore_or_fail  # noqa: PLC0415 - nothing else needs it

    status = restore_or_fail(Path(folder), settings_or_exit)
    with usable_or_exit():
        prepare_or_raise(settings_or_exit())  # a backup holds nobody's rights, and may be of a version before
    sys.exit(status)


@cli.command()
def worker() -> None:
    """Do the work in the background, as the server does beside its requests, until told to stop (SIGTERM, Ctrl-C)."""
    settings = settings_or_exit()
    if settings.worker_port:
        check_address_or_exit(settings.host, settings.worker_port, "SUNSHINE_WORKER_PORT")
    store = open_or_exit(settings)
    if "SUNSHINE_OWNER_URL" in os.environ:
        store.close()
        # Begun anew: what a process was started with stays readable in /proc for as long as it runs.
        os.execve(sys.executable, [sys.executable, "-m", "trace.cli", "worker"], environ_to_serve())  # noqa: S606
    from trace.worker_port import watched  # noqa: PLC0415 - loads all of the web

    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    with watched(settings):
        crew = Crew(worker_of(settings, store)).start()
        listener = listen(settings.mqtt_url, store, settings.timezone)
        told.wait()
        listener.stop()
        crew.stop()
    store.close()


@cli.command()
def prepare() -> None:
    """Make the tables, or migrate them, and end: for a container of its own, so that who serves knows no owner."""
    open_or_exit(settings_or_exit()).close()


@cli.command()
def doctor() -> None:
    """Say what is installed, what is missing, and what to do about it."""
    settings = settings_or_exit()
    bad = False
    for name, problem in examine(settings):
        click.echo(f"{'ok     ' if problem is None else 'MISSING'}  {name}{'' if problem is None else ': ' + problem}")
        bad = bad or (problem is not None and name.startswith("store"))
    sys.exit(1 if bad else 0)


@cli.command()
def mend() -> None:
    """Put right what doctor found to be kept wrong beside the events: their keys (SQLite), kinds of identifiers."""
    settings = settings_or_exit()
    with usable_or_exit():
        prepare_or_raise(settings)
        with closing(storage.open_store(settings.owner_url).seeing(EVERYTHING)) as store:
            while mended := store.write(mend_kinds):
                click.echo("\n".join(f"was kept as another kind of thing: {uri}" for uri in mended))
            click.echo("Every identifier is kept as what it is.")
            try:
                anew = store.write(mend_keys)
            except IntegrityError as fault:
                raise click.ClickException(f"Events are stored twice: {TWICE}.") from fault
            click.echo("The keys of all events were made anew." if anew else "The keys of events are right.")


cli.add_command(objects)


@cli.command()
def version() -> None:
    """Print the version: the commit this checkout is at."""
    click.echo(find_version())


if __name__ == "__main__":
    cli()
