"""Settings from the environment; a wrong one is refused at start with a sentence that names it."""

import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "SUNSHINE_"
SECRET_LENGTH = 32
PLACEHOLDER = "change-me"  # what the examples of deploy/ have in place of a secret
POSTGRESQL = ("postgres", "postgresql", "postgresql+psycopg")


class SettingError(Exception):
    """A setting that cannot be used; the text is the sentence to show."""


@dataclass(frozen=True, slots=True)
class Settings:
    """How this installation runs. `database_url` is an SQLAlchemy URL, `objects_url` a folder or `s3://...`."""

    data: Path
    database_url: str
    owner_url: str
    replica_url: str
    objects_url: str
    objects_old_url: str
    objects_link_url: str
    host: str
    port: int
    secret_key: str
    id_domain: str
    timezone: ZoneInfo
    scan_seconds: float
    statement_seconds: float
    max_upload_mb: int
    proxies: int
    demo: bool
    worker: bool
    worker_port: int
    webhook_private: bool
    mqtt_url: str
    metrics_token: str


# (name, default as shown, what it is): also the table in the README, which a test compares with this one.
SETTINGS_TABLE = (
    ("SUNSHINE_DATA", "./data", "folder of the embedded store, the objects and the secret key"),
    ("SUNSHINE_DATABASE_URL", "SQLite in the data folder", "`postgresql://user:password@host/name` for PostgreSQL"),
    (
        "SUNSHINE_OWNER_URL",
        "as `SUNSHINE_DATABASE_URL`",
        "the same database for who owns its tables, to migrate it; so that the service itself owns nothing",
    ),
    (
        "SUNSHINE_REPLICA_URL",
        "no replica",
        "`postgresql://user:password@host/name` of a replica of that PostgreSQL, for looking things up",
    ),
    (
        "SUNSHINE_OBJECTS_URL",
        "`objects` in the data folder",
        "a folder, or `s3://KEY:SECRET@host:port/bucket?secure=0`",
    ),
    ("SUNSHINE_OBJECTS_OLD_URL", "nothing is being moved", "where objects were before: read until all are moved"),
    (
        "SUNSHINE_OBJECTS_LINK_URL",
        "photos pass through the service",
        "`https://host` where browsers reach the S3 store: they fetch photos there, by links that live a minute",
    ),
    ("SUNSHINE_HOST", "127.0.0.1", "address to listen on"),
    ("SUNSHINE_PORT", "8000", "port to listen on, 1 to 65535"),
    ("SUNSHINE_SECRET_KEY", "made once, kept in the data folder", "signs sessions; at least 32 characters"),
    ("SUNSHINE_ID_DOMAIN", "id.sunshine-trace.example", "domain of private identifiers; never change it for a store"),
    ("SUNSHINE_TIMEZONE", "Asia/Shanghai", "local time of the desks"),
    (
        "SUNSHINE_SCAN_SECONDS",
        "1.5",
        "seconds of work for reading one photo, 0.1 to 30; by the clock at most twice that",
    ),
    (
        "SUNSHINE_STATEMENT_SECONDS",
        "30",
        "seconds after which the database gives up a statement of a look (503, try again), 0.1 to 600; 0: never",
    ),
    ("SUNSHINE_MAX_UPLOAD_MB", "20", "largest request, 1 to 200"),
    ("SUNSHINE_PROXIES", "0", "reverse proxies in front, whose `X-Forwarded-` headers are believed, 0 to 5"),
    ("SUNSHINE_DEMO", "1", "load the demonstration data into an empty store: 1 or 0"),
    (
        "SUNSHINE_WORKER",
        "1",
        "the server does the work in the background beside its requests: 1, or 0 where `./run worker` does it",
    ),
    (
        "SUNSHINE_WORKER_PORT",
        "0",
        "port on which `./run worker` answers `/health` and `/metrics`, 1 to 65535; 0: it answers nobody",
    ),
    (
        "SUNSHINE_WEBHOOK_PRIVATE",
        "0",
        "1 sends subscriptions and exports to this network and over plain http, too; 0 to the public internet only",
    ),
    (
        "SUNSHINE_MQTT_URL",
        "no sensors",
        "`mqtts://user:password@host:port`: broker on which thermometers tell; `mqtt://` without TLS",
    ),
    (
        "SUNSHINE_METRICS_TOKEN",
        "this machine only",
        "who sends it as `Authorization: Bearer` reads `/metrics` and the details of `/health`; at least 16 characters",
    ),
)


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings; raises `SettingError` with one sentence for the first that is wrong or unknown."""
    env_vars = os.environ if environ is None else environ
    known = {name for name, _, _ in SETTINGS_TABLE}
    for name in env_vars:
        if name.startswith(PREFIX) and name not in known:
            raise SettingError(f"{name} is no setting of this service; the README lists them all.")
    values = {name: env_vars[name] for name in known if env_vars.get(name, "") != ""}
    data = Path(values.get("SUNSHINE_DATA", "data")).resolve()
    database = values.get("SUNSHINE_DATABASE_URL", f"sqlite:///{data / 'sunshine.db'}")
    database_url = _database(database)
    return Settings(
        data=data,
        database_url=database_url,
        owner_url=_owner(values.get("SUNSHINE_OWNER_URL", database), database_url),
        replica_url=_replica(values.get("SUNSHINE_REPLICA_URL", ""), database_url),
        objects_url=parse_objects_url(values.get("SUNSHINE_OBJECTS_URL", str(data / "objects"))),
        objects_old_url=parse_objects_url(values.get("SUNSHINE_OBJECTS_OLD_URL", ""), "SUNSHINE_OBJECTS_OLD_URL"),
        objects_link_url=_link(values.get("SUNSHINE_OBJECTS_LINK_URL", "")),
        host=values.get("SUNSHINE_HOST", "127.0.0.1"),
        port=_number(values, "SUNSHINE_PORT", 8000, 1, 65_535, int),
        secret_key=_secret(values, data),
        id_domain=_domain(values.get("SUNSHINE_ID_DOMAIN", "id.sunshine-trace.example")),
        timezone=_timezone(values.get("SUNSHINE_TIMEZONE", "Asia/Shanghai")),
        scan_seconds=_number(values, "SUNSHINE_SCAN_SECONDS", 1.5, 0.1, 30, float),
        statement_seconds=_seconds(values, "SUNSHINE_STATEMENT_SECONDS", 30, 0.1, 600),
        max_upload_mb=_number(values, "SUNSHINE_MAX_UPLOAD_MB", 20, 1, 200, int),
        proxies=_number(values, "SUNSHINE_PROXIES", 0, 0, 5, int),
        demo=_flag(values, "SUNSHINE_DEMO", "1"),
        worker=_flag(values, "SUNSHINE_WORKER", "1"),
        worker_port=_number(values, "SUNSHINE_WORKER_PORT", 0, 0, 65_535, int),
        webhook_private=_flag(values, "SUNSHINE_WEBHOOK_PRIVATE", "0"),
        mqtt_url=_broker(values.get("SUNSHINE_MQTT_URL", "")),
        metrics_token=_token(values.get("SUNSHINE_METRICS_TOKEN", "")),
    )


def _number(values: Mapping[str, str], name: str, default: float, low: float, high: float, kind: type) -> Any:
    try:
        value = kind(values.get(name, default))
    except ValueError:
        value = None
    if value is None or not low <= value <= high:
        wanted = "whole number" if kind is int else "number"
        raise SettingError(f"{name} takes a {wanted} from {low} to {high}; {values.get(name)!r} came.")
    return value


def _seconds(values: Mapping[str, str], name: str, default: float, low: float, high: float) -> float:
    """A number within bounds, or 0 for no limit."""
    return 0.0 if values.get(name) == "0" else float(_number(values, name, default, low, high, float))


def _flag(values: Mapping[str, str], name: str, default: str) -> bool:
    text = values.get(name, default)
    if text not in ("0", "1"):
        raise SettingError(f"{name} takes 1 or 0; {text!r} came.")
    return text == "1"


def _timezone(text: str) -> ZoneInfo:
    try:
        return ZoneInfo(text)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise SettingError(
            "SUNSHINE_TIMEZONE takes a name such as Asia/Shanghai that this machine knows (package tzdata);"
            f" {text!r} came."
        ) from fault


def _domain(text: str) -> str:
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", text):
        raise SettingError(f"SUNSHINE_ID_DOMAIN takes a lower-case domain name; {text!r} came.")
    return text


def _database(text: str) -> str:
    usable = _names_database(text, ("sqlite", *POSTGRESQL))
    if not usable or ":memory:" in text:
        raise SettingError(
            "SUNSHINE_DATABASE_URL takes sqlite:///path or postgresql://user:password@host/name;"
            f" an address beginning {text.split(':', maxsplit=1)[0]!r} came."
        )
    return text


def _owner(text: str, database_url: str) -> str:
    """The address of the database for who owns its tables; what came is not repeated, it holds a password."""
    if text != database_url and not (
        _names_database(text, POSTGRESQL)
        and _names_database(database_url, POSTGRESQL)
        and make_url(text).database == make_url(database_url).database
    ):
        raise SettingError(
            "SUNSHINE_OWNER_URL takes postgresql://user:password@host/name, the same name as in a SUNSHINE_DATABASE_URL"
            " of that kind; something else came."
        )
    return text


def _replica(text: str, database_url: str) -> str:
    """The address of a replica, "" for none; what came is not repeated, it holds a password."""
    if text and not (_names_database(text, POSTGRESQL) and _names_database(database_url, POSTGRESQL)):
        raise SettingError(
            "SUNSHINE_REPLICA_URL takes postgresql://user:password@host/name, beside a SUNSHINE_DATABASE_URL of that"
            " kind; something else came."
        )
    return text


def _names_database(text: str, drivers: tuple[str, ...]) -> bool:
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        return False
    return url.drivername in drivers and bool(url.database)


def parse_objects_url(text: str, name: str = "SUNSHINE_OBJECTS_URL") -> str:
    """The address of an object store, or a folder; raises `SettingError`, which does not repeat what came: a secret."""
    if "://" not in text:
        return text
    try:
        parts = urlsplit(text)
        whole = parts.scheme == "s3" and parts.hostname and parts.username and parts.password and parts.port != 0
        bucket = parts.path.strip("/")
    except ValueError:  # a port that is no number
        whole = bucket = ""
    if not whole or not re.fullmatch(r"[a-z0-9][a-z0-9.-]{2,62}", bucket):
        raise SettingError(f"{name} takes a folder or s3://KEY:SECRET@host:port/bucket; something else came.")
    return text


def _link(text: str) -> str:
    """Where browsers reach the S3 store, "" where they do not: scheme and host alone, the bucket's path is added."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        usable = usable and not (parts.username or parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:  # a port that is no number
        usable = False
    if text and not usable:
        raise SettingError("SUNSHINE_OBJECTS_LINK_URL takes https://host or https://host:port; something else came.")
    return text.rstrip("/")


def _broker(text: str) -> str:
    """The address of the broker, "" for none; what came is not repeated, it holds a password."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("mqtt", "mqtts") and bool(parts.hostname) and parts.port != 0
        usable = usable and not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:  # a port that is no number
        usable = False
    if text and not usable:
        raise SettingError(
            "SUNSHINE_MQTT_URL takes mqtt://host:port or mqtts://user:password@host:port; something else came."
        )
    return text


def _token(text: str) -> str:
    """What opens the figures, "" for none: long enough not to be guessed, and as it can stand in a header."""
    if text.startswith(PLACEHOLDER):
        raise SettingError("SUNSHINE_METRICS_TOKEN takes a token of your own; everybody knows the example's.")
    if text and not re.fullmatch(r"[!-~]{16,200}", text):
        raise SettingError("SUNSHINE_METRICS_TOKEN takes 16 to 200 letters, digits and signs; something else came.")
    return text


def _secret(values: Mapping[str, str], data: Path) -> str:
    """The signing key: given, or made once and kept in the data folder, readable by its owner only."""
    given = values.get("SUNSHINE_SECRET_KEY")
    path = data / "secret_key"
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        if given is None and not path.exists():
            _make_secret(path)
        secret = given or path.read_text(encoding="utf-8").strip()
    except OSError as fault:
        raise SettingError(
            f"SUNSHINE_DATA must be a folder that can be written to; {data}: {fault.strerror}."
        ) from fault
    if len(secret) < SECRET_LENGTH:
        where = "SUNSHINE_SECRET_KEY" if given else f"The signing key in {path}"
        raise SettingError(f"{where} takes at least {SECRET_LENGTH} characters; {len(secret)} came.")
    if secret.startswith(PLACEHOLDER):
        raise SettingError("SUNSHINE_SECRET_KEY takes a key of your own; everybody knows the example's.")
    return secret


def _make_secret(path: Path) -> None:
    """Write the whole key under another name, then link: of two starters one wins, and none reads half a key."""
    with NamedTemporaryFile("w", dir=path.parent, prefix=".secret-") as file:  # made readable by its owner only
        file.write(secrets.token_urlsafe(48))
        file.flush()
        os.fsync(file.fileno())
        with suppress(FileExistsError):
            path.hardlink_to(file.name)
