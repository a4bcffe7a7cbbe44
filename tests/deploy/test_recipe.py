"""The production recipe is carried out: image, units and proxies as they stand in deploy/, without their engines."""

import json
import os
import re
import shutil
import signal
import ssl
import stat
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest
import yaml
from sqlalchemy import create_engine, text

from storage.store import driver_url
from tests.conftest import Databases, as_service
from tests.deploy.document import BLOCKS
from tests.deploy.recipe import DEPLOY, OPT, Unit, build, caddy_file, clean, instructions, service_user, started
from tests.programs import binaries_of_postgres
from tests.servers import CannotRun, free_port, wait_for_port

SERVICE, WORKER, BACKUP = (f"sunshine-trace{end}.service" for end in ("", "-worker", "-backup"))
READER = "sunshine_backup"  # whose the backup's address is
A_WHILE = 240  # seconds until a server is there, on a machine that is busy with other tests


@pytest.fixture(scope="module")
def machine() -> Iterator[Path]:
    """A machine's folders, which the service's user gets at; the installation is as the Containerfile makes it."""
    home = Path(tempfile.mkdtemp(prefix="sunshine-recipe-", dir="/tmp"))
    home.chmod(0o755)
    try:
        build(home / "opt")
        yield home
    finally:
        shutil.rmtree(home)


def own_folder(path: Path) -> Path:
    """A folder of the service's user's own, as StateDirectory and `install -d -o` make them."""
    path.mkdir(mode=0o700, parents=True)
    if (user := service_user()) is not None:
        os.chown(path, user, user)
    return path


def ask(address: str, **headers: str) -> tuple[int, Message]:
    """(status, headers) of an answer."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        request = urllib.request.Request(address, headers=headers)
        with urllib.request.urlopen(request, timeout=60, context=context if "https:" in address else None) as answer:
            return answer.status, answer.headers
    except urllib.error.HTTPError as refused:
        return refused.code, refused.headers


def files_below(path: Path) -> dict[str, int]:
    """{name: mode} of the files below a folder."""
    return {str(one.relative_to(path)): stat.S_IMODE(one.stat().st_mode) for one in path.rglob("*") if one.is_file()}


def test_image_serves_and_stops_as_its_file_says(machine: Path) -> None:
    steps = instructions()
    told, port = dict(steps), free_port()
    before = files_below(machine / "opt")
    assert any(name.endswith(".mo") for name in before), "what the service compiles at its start is made"
    line = json.loads(told["ENTRYPOINT"]) + json.loads(told["CMD"])
    assert line[:2] == ["tini", "--"]
    environ = dict(pair.split("=", 1) for name, words in steps if name == "ENV" for pair in words.split())
    assert json.loads(told["VOLUME"]) == [environ["SUNSHINE_DATA"]]
    assert environ["SUNSHINE_HOST"] == "0.0.0.0", "others reach it"
    data, cache = own_folder(machine / "data"), own_folder(machine / "cache")
    environ |= {"SUNSHINE_DATA": str(data), "XDG_CACHE_HOME": str(cache), "SUNSHINE_PORT": str(port)}
    environ |= {"SUNSHINE_HOST": "127.0.0.1", "TMPDIR": str(data)}
    where = {"cwd": machine / "opt", "env": clean(**environ)}
    with started(line if shutil.which("tini") else line[2:], service_user(), **where) as process:
        wait_for_port(port, A_WHILE)
        asked = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["service"]["healthcheck"]["test"]
        check = [word.replace(f":{told['EXPOSE']}/", f":{port}/") for word in asked[1:]]
        assert subprocess.run(check, check=False, **where).returncode == 0
        process.send_signal(signal.Signals[told["STOPSIGNAL"]])
        assert process.wait(timeout=60) == 0
    assert subprocess.run(check, check=False, stderr=subprocess.DEVNULL, **where).returncode != 0
    assert files_below(machine / "opt") == before, "the service writes nothing into its installation"


@pytest.fixture(scope="module")
def folders(machine: Path, databases: Databases) -> Iterator[dict[str, str]]:
    """Where on this machine lies what the units name; the settings are those of the example, over a real PostgreSQL."""
    try:
        url = databases.make_bare("postgresql")
    except CannotRun as reason:
        pytest.skip(str(reason))
    told = (DEPLOY / "environment.example").read_text()
    told = re.sub("(?m)^SUNSHINE_DATABASE_URL=.*$", f"SUNSHINE_DATABASE_URL={as_service(url)}", told)
    told = re.sub("(?m)^SUNSHINE_OWNER_URL=.*$", f"SUNSHINE_OWNER_URL={url}", told)
    told = re.sub("(?m)^SUNSHINE_OBJECTS_URL=.*\n", "", told)
    told = told.replace("change-me-", "changed--")
    settings = machine / "etc" / "environment"
    settings.parent.mkdir()
    settings.write_text(told + f"SUNSHINE_PORT={free_port()}\n")
    reads = f"SUNSHINE_DATABASE_URL={url.replace('postgres@', f'{READER}@')}"
    example = (DEPLOY / "backup.example").read_text()
    (settings.parent / "backup").write_text(re.sub("(?m)^SUNSHINE_DATABASE_URL=.*$", reads, example))
    named = {OPT: "opt", "/etc/sunshine-trace": "etc"}
    made = {
        "/var/lib/sunshine-trace": "state",
        "/var/cache/sunshine-trace": "cached",
        "/var/backups/sunshine-trace": "kept",
    }
    for path in made.values():
        own_folder(machine / path)
    (role,) = re.findall(f"(?m)^CREATE ROLE {READER} .*$", BLOCKS["roles"])
    above = create_engine(driver_url(url), isolation_level="AUTOCOMMIT")
    with above.connect() as connection:
        connection.execute(text(role))
        yield {there: str(machine / here) for there, here in (named | made).items()}
        connection.execute(text(f"DROP ROLE {READER}"))
    above.dispose()


def port_of(folders: dict[str, str]) -> int:
    """Where the service of the units listens."""
    return int(Unit(SERVICE, folders).environ()["SUNSHINE_PORT"])


def environments(process: subprocess.Popen[bytes]) -> list[bytes]:
    """What each process of a unit was started with, as anybody of the same user may read it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.getsid(int(path.name)) == process.pid:
                found.append((path / "environ").read_bytes())
        except (ProcessLookupError, FileNotFoundError):
            continue  # it ended meanwhile
    return found


def test_units_start_work_together_and_stop_as_they_say(machine: Path, folders: dict[str, str]) -> None:
    service, worker, backup = (Unit(name, folders) for name in (SERVICE, WORKER, BACKUP))
    port = port_of(folders)
    watched = free_port()
    with service.run() as serving, worker.run(SUNSHINE_WORKER_PORT=str(watched)) as working:
        wait_for_port(watched, A_WHILE)
        wait_for_port(port, A_WHILE)
        for process in (serving, working):
            found = environments(process)
            assert all(b"SUNSHINE_DATABASE_URL" in environ for environ in found)
            assert found
            assert not [environ for environ in found if b"SUNSHINE_OWNER_URL" in environ], "the tables are prepared"
        assert ask(f"http://127.0.0.1:{port}/health/ready")[0] == 200
        made = ["/opt/sunshine-trace/run", "key", "--role", "platform_administrator"]
        line = [word.replace(OPT, folders[OPT]) for word in made]
        key = subprocess.run(line, env=service.environ(), capture_output=True, text=True, check=True).stdout.strip()
        status, _ = ask(f"http://127.0.0.1:{port}/api/v1/jobs", Authorization=f"Bearer {key}")
        assert status == 200
        given = backup.environ()
        assert (READER in given["SUNSHINE_DATABASE_URL"], "SUNSHINE_OWNER_URL" in given) == (True, False)
        with backup.run(PATH=f"{binaries_of_postgres()}:{os.environ['PATH']}") as backing:
            assert backing.wait(timeout=120) == 0
        assert serving.poll() is working.poll() is None
        assert worker.stop(working) == 0
        assert service.stop(serving) == 0
    (kept,) = (path for path in (machine / "kept").iterdir() if path.name[0].isdigit())
    assert {mode for folder in ("state", "kept") for mode in files_below(machine / folder).values()} <= {0o600, 0o400}
    assert files_below(kept)


def test_unit_with_a_wrong_setting_ends_at_once(folders: dict[str, str]) -> None:
    unit = Unit(SERVICE, folders)
    with unit.run(SUNSHINE_PROXIES="many") as process:
        assert process.wait(timeout=A_WHILE) == int(unit.value("RestartPreventExitStatus"))


@pytest.mark.parametrize("name", [SERVICE, WORKER])
def test_unit_whose_database_is_not_up_yet_is_started_again_until_it_is(name: str, folders: dict[str, str]) -> None:
    unit, nobody = Unit(name, folders), f"postgresql://sunshine:x@127.0.0.1:{free_port()}/sunshine"
    with unit.run(SUNSHINE_DATABASE_URL=nobody, SUNSHINE_OWNER_URL=nobody) as process:
        ended = process.wait(timeout=A_WHILE)
    assert ended not in (0, int(unit.value("RestartPreventExitStatus")))
    assert (unit.value("Restart"), unit.value("StartLimitIntervalSec")) == ("on-failure", "0")


@pytest.fixture
def nginx(folders: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of an nginx with the file of deploy/."""
    program = shutil.which("nginx") or pytest.skip("nginx is not installed")
    secure, plain = free_port(), free_port()
    line = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=trace.example.org"]
    files = ["-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem"]
    subprocess.run([*line, *files], check=True, capture_output=True)
    text = (DEPLOY / "proxy" / "nginx.conf").read_text().replace("/etc/ssl/sunshine-trace", str(tmp_path))
    for before, after in (
        ("listen 80;", f"listen 127.0.0.1:{plain};"), ("listen 443 ssl;", f"listen 127.0.0.1:{secure} ssl;"),
        ("    listen [::]:80;\n", ""), ("    listen [::]:443 ssl;\n", ""),
        ("127.0.0.1:8000", f"127.0.0.1:{port_of(folders)}"),
    ):  # fmt: skip
        assert before in text, before
        text = text.replace(before, after)
    (tmp_path / "site.conf").write_text(text)
    places = " ".join(
        f"{name}_temp_path {tmp_path / name};" for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    http = f"{places} access_log off; include {tmp_path / 'site.conf'};"
    (tmp_path / "nginx.conf").write_text(f"daemon off; pid {tmp_path / 'pid'}; events {{}} http {{ {http} }}")
    with started([program, "-e", "stderr", "-c", str(tmp_path / "nginx.conf")], None):
        wait_for_port(secure)
        yield f"https://127.0.0.1:{secure}"


@pytest.fixture
def caddy(folders: dict[str, str], tmp_path: Path) -> Iterator[str]:
    """The address of a Caddy with the file of deploy/; without TLS, for which it would ask an authority."""
    program = shutil.which("caddy") or pytest.skip("caddy is not installed")
    address = f"http://127.0.0.1:{free_port()}"
    more = {"SUNSHINE_SITE": address, "SUNSHINE_UPSTREAM": f"127.0.0.1:{port_of(folders)}", "HOME": str(tmp_path)}
    (tmp_path / "Caddyfile").write_text(caddy_file(program))
    line = [program, "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    with started(line, None, env=clean(**more), stderr=subprocess.DEVNULL):
        wait_for_port(int(address.rpartition(":")[2]))
        yield address


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_proxy_hands_on_who_connected_and_keeps_figures_within(
    proxy: str, folders: dict[str, str], request: pytest.FixtureRequest
) -> None:
    address, service = request.getfixturevalue(proxy), Unit(SERVICE, folders)
    with service.run() as serving:
        wait_for_port(port_of(folders), A_WHILE)
        status, headers = ask(f"{address}/health/live")
        assert (status, headers["Strict-Transport-Security"]) == (200, "max-age=31536000")
        assert re.fullmatch("[0-9a-f-]{32,36}", headers["X-Request-ID"])
        assert ask(f"{address}/metrics")[0] == 404
        forged = {
            "X-Forwarded-For": "203.0.113.9",
            "X-Forwarded-Prefix": "/elsewhere",
            "X-Forwarded-Host": "evil.example",
        }
        for number in range(80):  # who claims to be somebody else each time is one
            forged["X-Forwarded-For"] = f"203.0.113.{number}"
            status, headers = ask(f"{address}/t/81502310064000000010", **forged)
            if status == 429:
                break
        assert status == 429
        assert service.stop(serving) == 0
