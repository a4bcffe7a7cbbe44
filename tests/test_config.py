"""Every setting is refused at start, with a sentence that names it, if it cannot be used."""

import os
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.conftest import ROOT
from trace.config import SETTINGS_TABLE, SettingError, load_settings

WRONG = {
    "SUNSHINE_DATABASE_URL": [
        "mysql://root@host/name",
        "sunshine.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql://host",
        "postgresql://host:port/name",
        "postgresql:///",
        "\x00",
    ],
    # here, too, the last one is right, but for the store beside it
    "SUNSHINE_OWNER_URL": ["sqlite:///other.db", "postgresql://host", "host", "postgresql://host/name"],
    # the last one is right, but for the store beside it, which is SQLite
    "SUNSHINE_REPLICA_URL": ["sqlite:///copy.db", "postgresql://host", "host", "postgresql://host/name"],
    "SUNSHINE_OBJECTS_URL": [
        "s3://key:secret@host:9000",
        "s3://host/bucket",
        "s3://key:secret@host:99999/bucket",
        "s3://key:secret@host:port/bucket",
        "s3://key:secret@host/a/b",
        "https://host/bucket",
        "s3://[",
    ],
    "SUNSHINE_PORT": ["0", "65536", "-1", "http", "80.5", "nan"],
    "SUNSHINE_SECRET_KEY": ["x" * 31, "change-me-change-me-change-me-change-me"],
    "SUNSHINE_ID_DOMAIN": ["https://id.example", "ID.example", "id example", "-", "id.example/"],
    "SUNSHINE_TIMEZONE": ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "+08:00"],
    "SUNSHINE_SCAN_SECONDS": ["0", "31", "nan", "inf", "soon"],
    "SUNSHINE_STATEMENT_SECONDS": ["0.01", "601", "nan", "-1", "long"],
    "SUNSHINE_MAX_UPLOAD_MB": ["0", "201", "1e9", "lots"],
    "SUNSHINE_PROXIES": ["-1", "6", "all"],
    "SUNSHINE_DEMO": ["yes", "2", "true"],
    "SUNSHINE_WORKER": ["yes", "2", "true"],
    "SUNSHINE_WORKER_PORT": ["65536", "-1", "http", "80.5"],
    "SUNSHINE_OBJECTS_OLD_URL": ["ftp://host/bucket", "s3://host/bucket", "s3://["],
    "SUNSHINE_OBJECTS_LINK_URL": ["host", "s3://host", "https://", "https://host:0", "https://host/path", "https://["],
    "SUNSHINE_WEBHOOK_PRIVATE": ["yes", "2", "true"],
    "SUNSHINE_METRICS_TOKEN": [
        "change-me-change-me",
        "x" * 15,
        "x" * 201,
        "sixteen letters at",
        "第十六个字符也不能用的口令呀呀呀",
    ],
    "SUNSHINE_MQTT_URL": ["host", "http://host", "mqtt://", "mqtt://host:x", "mqtt://host:0", "mqtt://host/topic"],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_wrong_setting_is_refused_with_a_sentence_that_names_it(name: str, value: str, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=rf"^{name} takes .*\.$"):
        load_settings({"SUNSHINE_DATA": str(tmp_path / "data"), name: value})


def test_every_setting_but_the_folder_and_the_host_can_be_wrong() -> None:
    assert {name for name, _, _ in SETTINGS_TABLE} - WRONG.keys() == {"SUNSHINE_DATA", "SUNSHINE_HOST"}


def test_setting_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"^SUNSHINE_PROT is no setting"):
        load_settings({"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_PROT": "8001"})


def test_data_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SettingError, match=r"^SUNSHINE_DATA must be a folder that can be written to"):
        load_settings({"SUNSHINE_DATA": str(tmp_path / "file")})


def test_refusal_of_an_address_does_not_tell_its_password(tmp_path: Path) -> None:
    for name, value in (
        ("SUNSHINE_DATABASE_URL", "postgresql://user:hunter2@host"),
        ("SUNSHINE_OBJECTS_URL", "s3://key:hunter2@host"),
        ("SUNSHINE_REPLICA_URL", "postgresql://user:hunter2@host/name"),
        ("SUNSHINE_OWNER_URL", "postgresql://user:hunter2@host/name"),
    ):
        with pytest.raises(SettingError) as refused:
            load_settings({"SUNSHINE_DATA": str(tmp_path), name: value})
        assert "hunter2" not in str(refused.value)


def test_empty_setting_is_the_default(tmp_path: Path) -> None:
    settings = load_settings({"SUNSHINE_DATA": str(tmp_path), "SUNSHINE_PORT": "", "SUNSHINE_DEMO": ""})
    assert (settings.port, settings.demo, str(settings.timezone)) == (8000, True, "Asia/Shanghai")
    assert settings.webhook_private is False
    assert settings.database_url == f"sqlite:///{tmp_path}/sunshine.db"
    assert settings.objects_url == f"{tmp_path}/objects"
    assert (settings.objects_old_url, settings.objects_link_url) == ("", "")


def test_given_settings_are_taken(tmp_path: Path) -> None:
    settings = load_settings(
        {
            "SUNSHINE_DATA": str(tmp_path),
            "SUNSHINE_DATABASE_URL": "postgresql://user:secret@db.example:5433/sunshine",
            "SUNSHINE_REPLICA_URL": "postgresql://user:secret@replica.example/sunshine",
            "SUNSHINE_OBJECTS_URL": "s3://KEY:SECRET@s3.example:9000/photos?secure=0",
            "SUNSHINE_SECRET_KEY": "k" * 32,
            "SUNSHINE_SCAN_SECONDS": "0.5",
            "SUNSHINE_STATEMENT_SECONDS": "0",
            "SUNSHINE_DEMO": "0",
            "SUNSHINE_WORKER": "0",
        }
    )
    assert settings.database_url.endswith(":5433/sunshine")
    assert settings.replica_url.endswith("@replica.example/sunshine")
    assert settings.objects_url.startswith("s3://")
    assert (settings.secret_key, settings.scan_seconds, settings.demo, settings.worker) == ("k" * 32, 0.5, False, False)
    assert settings.statement_seconds == 0
    assert not (tmp_path / "secret_key").exists(), "a key that was given is not written down"


def test_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    first = load_settings({"SUNSHINE_DATA": str(data)}).secret_key
    assert load_settings({"SUNSHINE_DATA": str(data)}).secret_key == first
    assert len(first) >= 32
    assert stat.S_IMODE((data / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    assert [path.name for path in data.iterdir()] == ["secret_key"]


def test_secret_that_was_cut_short_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret_key").write_text("")
    with pytest.raises(SettingError, match=r"signing key in .* takes at least 32 characters; 0 came\.$"):
        load_settings({"SUNSHINE_DATA": str(tmp_path)})


def test_processes_that_start_at_once_get_one_secret(tmp_path: Path) -> None:
    code = (
        "import sys; from trace.config import load_settings;"
        " print('ready', flush=True); sys.stdin.read(); print(load_settings().secret_key)"
    )
    environ = os.environ | {"SUNSHINE_DATA": str(tmp_path / "data"), "PYTHONPATH": str(ROOT)}
    with ExitStack() as running:
        started = [
            running.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", code],
                    cwd=ROOT, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                )
            )
            for _ in range(6)
        ]  # fmt: skip
        assert [process.stdout.readline().strip() for process in started if process.stdout] == ["ready"] * 6
        for process in started:
            assert process.stdin is not None
            process.stdin.close()
        said = {process.stdout.read().strip() for process in started if process.stdout}
    assert [process.returncode for process in started] == [0] * 6
    assert len(said) == 1
    assert len(said.pop()) >= 32
