"""The files of deploy/ are taken by the programs they are for, where those are installed; what they name is there."""

import gzip
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT
from tests.deploy.recipe import DEPLOY, caddy_file, instructions
from trace.cli import cli
from trace.config import SETTINGS_TABLE, SettingError, load_settings
from trace.web.application import MOST_UNREAD

UNITS = sorted((DEPLOY / "systemd").iterdir())
SERVICES = [unit for unit in UNITS if unit.suffix == ".service"]
NGINX, CADDY = DEPLOY / "proxy" / "nginx.conf", DEPLOY / "proxy" / "Caddyfile"
COMMANDS = {*cli.commands, "serve"}
# Of the Compose specification, what is used here: a key that is spelt wrongly is refused by some engines only.
SERVICE_KEYS = frozenset(
    ("build", "cap_drop", "command", "depends_on", "entrypoint", "environment", "healthcheck", "image", "mem_limit",
     "ports", "profiles", "read_only", "restart", "security_opt", "shm_size", "stop_grace_period", "tmpfs", "volumes")
)  # fmt: skip
SETTINGS = {name: default for name, default, _ in SETTINGS_TABLE}
INSTRUCTION = re.compile("FROM|RUN|WORKDIR|COPY|USER|ENV|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD")


def call(*line: object, **more: Any) -> str:
    """Run a program that must be content; what it said."""
    done = subprocess.run([str(part) for part in line], capture_output=True, text=True, check=False, timeout=60, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def or_skip(program: str) -> str:
    """Where a program is; the test is skipped where it is not installed."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


def settings_in(text: str) -> set[str]:
    """The settings that a file names."""
    return set(re.findall(r"\bSUNSHINE_[A-Z_]+", text))


# ---- systemd -------------------------------------------------------------------------------------------------------


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    program = or_skip("systemd-analyze")
    for unit in UNITS:
        text = unit.read_text().replace("/opt/sunshine-trace", str(ROOT))
        (tmp_path / unit.name).write_text(text.replace("RequiresMountsFor=", "# "))
    units = sorted(tmp_path.iterdir())
    said = call(program, "verify", "--man=no", *units)
    assert not [line for line in said.splitlines() if "sunshine" in line], said
    if "--offline" in call(program, "--help"):
        for unit in units:
            if unit.suffix == ".service":
                call(program, "security", "--offline=yes", "--threshold=20", unit)  # in tenths: at most 2.0


@pytest.mark.parametrize("unit", SERVICES, ids=lambda path: path.stem)
def test_units_start_commands_and_settings_that_there_are(unit: Path) -> None:
    text = unit.read_text()
    (started,) = re.findall(r"^ExecStart=/opt/sunshine-trace/run (\w+)", text, re.MULTILINE)
    assert started in COMMANDS
    assert settings_in(text) <= SETTINGS.keys()
    assert "User=sunshine" in text
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "CapabilityBoundingSet="} <= set(text.splitlines())


def test_uploads_wait_on_a_disk_and_not_in_a_tmp_that_is_memory() -> None:
    told = dict(pair.split("=", 1) for name, words in instructions() if name == "ENV" for pair in words.split())
    assert json.dumps([told["TMPDIR"]]) == dict(instructions())["VOLUME"]
    for unit in (DEPLOY / "systemd" / f"sunshine-trace{end}.service" for end in ("", "-worker")):
        text = unit.read_text()
        assert "TMPDIR=/var/cache/sunshine-trace" in text.split()
        assert "CacheDirectory=sunshine-trace" in text.splitlines(), "so it is there"


def test_timer_starts_the_unit_of_its_name() -> None:
    (timer,) = (unit for unit in UNITS if unit.suffix == ".timer")
    assert timer.with_suffix(".service") in SERVICES


def test_environment_that_is_given_as_an_example_is_taken_with_a_key_of_its_own(tmp_path: Path) -> None:
    lines = (DEPLOY / "environment.example").read_text().splitlines()
    environ = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    with pytest.raises(SettingError, match=r"^SUNSHINE_SECRET_KEY takes a key of your own"):
        load_settings(environ | {"SUNSHINE_DATA": str(tmp_path)})
    environ["SUNSHINE_SECRET_KEY"] = "k" * 32
    settings = load_settings(environ | {"SUNSHINE_DATA": str(tmp_path)})
    assert (settings.demo, settings.proxies) == (False, 1)
    assert settings.database_url.startswith("postgresql://")
    named = re.findall(r"^(SUNSHINE_DATABASE_URL)=(.*)$", (DEPLOY / "backup.example").read_text(), re.MULTILINE)
    reads = load_settings(environ | {"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_OWNER_URL": ""} | dict(named))
    assert reads.owner_url == reads.database_url == settings.database_url.replace("sunshine:", "sunshine_backup:")


def test_prometheus_asks_the_service_and_the_worker_where_they_answer() -> None:
    (job,) = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    asked = {one["labels"]["part"]: one["targets"] for one in job["static_configs"]}
    (port,) = re.findall(r"^# SUNSHINE_WORKER_PORT=(\d+)$", (DEPLOY / "environment.example").read_text(), re.MULTILINE)
    assert asked == {"service": [f"127.0.0.1:{SETTINGS['SUNSHINE_PORT']}"], "worker": [f"127.0.0.1:{port}"]}
    worker = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["worker"]
    assert worker["environment"]["SUNSHINE_WORKER_PORT"] == port
    assert f":{port}/health/live" in " ".join(worker["healthcheck"]["test"])


# ---- proxies -------------------------------------------------------------------------------------------------------


def nginx_statements(text: str) -> list[list[str]]:
    """The words of each statement: what ends in `;`, `{` or stands as `}`. Raises where braces do not match."""
    bare = re.sub(r"(?m)(^|\s)#.*$", "", text)
    depth, statements = 0, []
    for words, end in re.findall(r"([^;{}]*)([;{}])", bare):
        depth += {"{": 1, "}": -1}.get(end, 0)
        assert depth >= 0, "a brace too many"
        assert end != "}" or not words.strip(), f"no semicolon after {words.strip()!r}"
        if end != "}":
            statements.append([*words.split(), end])
    assert depth == 0, "a brace too few"
    return statements


def test_nginx_file_is_whole_and_hands_on_whoever_connected() -> None:
    statements = nginx_statements(NGINX.read_text())
    sent = {words[1]: words[2] for words in statements if words[0] == "proxy_set_header"}
    assert (sent["X-Forwarded-For"], sent["X-Forwarded-Proto"]) == ("$remote_addr", "$scheme")
    zones = {words[2].split("=")[1].split(":")[0] for words in statements if re.fullmatch(r"limit_\w+_zone", words[0])}
    used = {re.sub("^zone=", "", words[1]) for words in statements if words[0] in ("limit_conn", "limit_req")}
    assert used == zones
    (largest,) = (words[1] for words in statements if words[0] == "client_max_body_size")
    assert int(largest.removesuffix("m")) == int(SETTINGS["SUNSHINE_MAX_UPLOAD_MB"]) + 1


def test_nginx_takes_its_file(tmp_path: Path) -> None:
    program = or_skip("nginx")
    call(
        "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=trace.example.org",
        "-keyout", tmp_path / "privkey.pem", "-out", tmp_path / "fullchain.pem",
    )  # fmt: skip
    text = NGINX.read_text().replace("/etc/ssl/sunshine-trace", str(tmp_path))
    (tmp_path / "site.conf").write_text(text)
    temporary = " ".join(f"{name}_temp_path {tmp_path / name};" for name in ("client_body", "proxy", "fastcgi"))
    temporary += f" uwsgi_temp_path {tmp_path / 'uwsgi'}; scgi_temp_path {tmp_path / 'scgi'}; access_log off;"
    main = tmp_path / "nginx.conf"
    main.write_text(f"pid {tmp_path / 'pid'}; events {{}} http {{ {temporary} include {tmp_path / 'site.conf'}; }}")
    assert "test is successful" in call(program, "-t", "-e", "stderr", "-p", tmp_path, "-c", main)


def test_caddy_takes_its_file(tmp_path: Path) -> None:
    text = CADDY.read_text()
    assert text.count("{") == text.count("}")
    read = MOST_UNREAD * int(SETTINGS["SUNSHINE_MAX_UPLOAD_MB"]) * 1024**2  # of what is refused with a sentence
    assert f"max_size {read // 1_000_000}MB" in text
    program = or_skip("caddy")
    (tmp_path / "Caddyfile").write_text(caddy_file(program))
    line = [program, "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"]
    said = call(*line, env=os.environ | {"HOME": str(tmp_path)})
    assert "Valid configuration" in said


def test_slow_phone_has_time_and_keeps_no_thread_of_the_service_behind_caddy() -> None:
    text, most = CADDY.read_text(), int(SETTINGS["SUNSHINE_MAX_UPLOAD_MB"])
    (minutes,) = re.findall(r"^\s*read_body (\d+)m$", text, re.MULTILINE)
    assert most * 8 / (int(minutes) * 60) < 0.3, (
        "Mbit/s that the largest photo needs: the time is that of the whole body"
    )
    assert re.search(rf"^\s*request_buffers {most + 1}MB$", text, re.MULTILINE)


@pytest.mark.parametrize("path", [NGINX, CADDY], ids=lambda path: path.name)
def test_figures_stay_within(path: Path) -> None:
    assert re.search(r"/metrics", path.read_text())


# ---- containers ----------------------------------------------------------------------------------------------------


def test_containerfile_is_as_a_strict_reader_wants_it() -> None:
    lines = instructions()
    assert all(INSTRUCTION.fullmatch(name) for name, _ in lines)
    (base,) = (words for name, words in lines if name == "FROM")
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-\w+", base), "a version is named, never the latest"
    (user,) = (number for number, (name, _) in enumerate(lines) if name == "USER")
    assert [name for name, _ in lines[user:] if name in ("RUN", "COPY")] == [], "the code is root's"
    for name, words in lines:
        if name == "RUN":
            call("bash", "-n", "-c", words)
            assert "apt-get install" not in words or "rm -rf /var/lib/apt/lists/*" in words
        if name in ("ENTRYPOINT", "CMD"):
            assert words.startswith("["), "no shell stands between a signal and the service"
    (command,) = re.findall(r'\["(\w+)"\]', dict(lines)["CMD"])
    assert command in COMMANDS
    assert settings_in(dict(lines)["ENV"]) <= SETTINGS.keys()


def test_what_the_containerfile_copies_is_there_and_is_let_through() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored, "nothing but what is named"
    copied = {word for name, words in instructions() if name == "COPY" for word in words.split()[:-1]}
    assert {name for name in copied if not (ROOT / name).exists()} == set()
    assert copied == {line[1:] for line in ignored if line.startswith("!")}


def test_composition_names_only_what_is_there() -> None:
    text = (DEPLOY / "compose.yaml").read_text()
    told = yaml.safe_load(text)
    for name, service in told["services"].items():
        image = service["image"]
        assert image == "sunshine-trace" or re.search(r":v?\d", image), f"{name}: a version is named, never the latest"
        assert set(service.get("depends_on", {})) <= told["services"].keys()
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert source in told["volumes"] or (DEPLOY / source).exists(), f"{name}: {source}"
    for name in ("owner", "backup", "service", "worker"):
        given = told["services"][name]["environment"]
        assert ("SUNSHINE_OWNER_URL" in given) == (name == "owner"), "its first process would keep it"
        assert given.keys() <= SETTINGS.keys()
        assert set(told["services"][name].get("command", [])[:1]) <= COMMANDS
    asked = set(re.findall(r"\$\{(\w+):\?", text))
    given = set(re.findall(r"^(\w+)=", (DEPLOY / "compose.env.example").read_text(), re.MULTILINE))
    assert asked == given


def test_composition_says_nothing_that_compose_does_not_know_and_waits_for_what_can_be_waited_for() -> None:
    told = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = told["services"]
    assert {name for name in told if not name.startswith("x-")} == {"name", "services", "volumes"}
    used: set[str] = set()
    for name, service in services.items():
        assert service.keys() <= SERVICE_KEYS, name
        used |= {volume.split(":")[0] for volume in service.get("volumes", []) if volume[0] != "."}
        assert all(re.fullmatch(r"[\w./-]+:/[\w./-]+(:ro)?", volume) for volume in service.get("volumes", [])), name
        if service.get("read_only"):
            assert "/tmp" in " ".join(service["tmpfs"]), f"{name}: what is on its way lies there"
        for other, wanted in as_conditions(service.get("depends_on", {})).items():
            if wanted == "service_healthy":
                assert services[other]["healthcheck"]["test"], f"{name} would wait for ever for {other}"
            if wanted == "service_completed_successfully":
                assert services[other].get("restart", "no") == "no", f"{other} never ends"
    assert used == set(told["volumes"])


def test_service_and_worker_are_asked_how_they_are_whoever_made_the_image() -> None:
    assert "HEALTHCHECK" not in dict(instructions()), "podman leaves it out of the images that it makes"
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    checks = {name: " ".join(services[name]["healthcheck"]["test"]) for name in ("service", "worker")}
    assert f":{dict(instructions())['EXPOSE']}/health/ready" in checks["service"]
    assert f":{services['worker']['environment']['SUNSHINE_WORKER_PORT']}/health/live" in checks["worker"]


def as_conditions(depends_on: list[str] | dict[str, dict[str, str]]) -> dict[str, str]:
    """{service: what is waited for}, of the short and the long form."""
    if isinstance(depends_on, list):
        return dict.fromkeys(depends_on, "service_started")
    return {name: told["condition"] for name, told in depends_on.items()}


@pytest.mark.parametrize("script", sorted((DEPLOY / "postgresql").iterdir()), ids=lambda path: path.name)
def test_scripts_are_scripts(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert call("bash", "-n", script) == ""


def test_wal_segment_is_archived_once_and_never_written_over(tmp_path: Path) -> None:
    segment, archived = tmp_path / "segment", tmp_path / "archive" / "segment"
    archived.parent.mkdir()
    line = [DEPLOY / "postgresql" / "archive-wal", segment, archived]
    segment.write_bytes(b"one")
    call(*line)
    call(*line)
    segment.write_bytes(b"two")
    assert subprocess.run(line, check=False).returncode == 1
    (kept,) = archived.parent.iterdir()
    assert (kept.name, gzip.decompress(kept.read_bytes())) == ("segment.gz", b"one")


def test_wal_segment_that_was_hardly_begun_takes_little_room(tmp_path: Path) -> None:
    segment, archived = tmp_path / "segment", tmp_path / "archived"
    segment.write_bytes(os.urandom(10_000) + bytes(16 * 1024**2 - 10_000))  # as every minute leaves one
    call(DEPLOY / "postgresql" / "archive-wal", segment, archived)
    assert archived.with_suffix(".gz").stat().st_size < 100_000
