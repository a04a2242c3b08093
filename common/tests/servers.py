"""Live servers for tests: `manage.py` in a process, as a terminal would start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import httpx

from common.embedded_postgres import socket_dir
from common.tests.processes import ROOT, heed_signals, nothing_left

TEST_PROJECT = ROOT / "tests" / "graphs" / "langgraph.json"
# What a test's server must not take over from whoever runs the tests.
_FOREIGN = ("AEGRA_", "DATABASE_", "DEBUG", "DJANGO_", "LOG_", "OTEL_")


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveServer:
    process: subprocess.Popen[bytes]
    url: str
    log: Path
    """Where all that it says is written."""

    def said(self) -> str:
        return self.log.read_text()

    def is_up(self) -> bool:
        # Asked often while it starts: a client of httpx takes 20 ms of CPU to make.
        connection = HTTPConnection(self.url.removeprefix("http://"), timeout=2)
        with closing(connection), suppress(OSError, HTTPException):
            connection.request("GET", "/ok")
            return connection.getresponse().status == 200
        return False

    def wait_until_up(self, seconds: float = 30.0) -> None:
        deadline = time.monotonic() + seconds
        while not self.is_up():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def wait_until_working(self, seconds: float = 60.0) -> None:
        """Wait until a worker, which answers nobody, says that it works."""
        deadline = time.monotonic() + seconds
        while " executes runs of " not in self.said():
            assert self.process.poll() is None, self.said()
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)

    def press_ctrl_c(self) -> None:
        """Interrupt it and what it has started, as a terminal does."""
        os.killpg(self.process.pid, signal.SIGINT)

    def stopped(self, number: signal.Signals = signal.SIGTERM, seconds: float = 15.0) -> int:
        """Send a signal to the process alone, and return its exit status."""
        self.process.send_signal(number)
        return self.process.wait(seconds)

    def client(self) -> httpx.Client:
        return httpx.Client(base_url=self.url, timeout=30)


def environment(place: Path, **env: str) -> dict[str, str]:
    """Return the environment of a server that keeps its data in `place`."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(_FOREIGN)}
    return {
        **kept,
        "AEGRA_DATA_DIR": str(place / "data"),
        "AEGRA_CONFIG": str(TEST_PROJECT),
        # It is people who read what a test says of a server.
        "LOG_FORMAT": "console",
        **env,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def launch(place: Path, *command: str, **env: str) -> LiveServer:
    """Start `serve`, `runserver` or `worker`, and do not wait; its owner ends it."""
    port = env.setdefault("AEGRA_PORT", str(free_port()))
    log = place / "server.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=environment(place, **env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=heed_signals,  # noqa: PLW1509 -- it takes no lock
        )
    return LiveServer(process=process, url=f"http://127.0.0.1:{port}", log=log)


def end(process: subprocess.Popen[bytes], seconds: float = 15.0) -> None:
    """Stop a process that leads a session, or else kill it and what it has started."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


@contextmanager
def starting(place: Path, *command: str, **env: str) -> Iterator[LiveServer]:
    """Start `serve` or `runserver` and do not wait; it is stopped in the end, or else killed."""
    server = launch(place, *command, **env)
    try:
        yield server
    finally:
        end(server.process)


@contextmanager
def serving(place: Path, *command: str, **env: str) -> Iterator[LiveServer]:
    """Start `serve` or `runserver`, and wait until it answers."""
    with starting(place, *(command or ("serve",)), **env) as server:
        server.wait_until_up()
        yield server


@contextmanager
def traceless(place: Path) -> Iterator[Path]:
    """Fail when a block leaves a process, a socket or a lock of the server of `place`."""
    postgres = place / "data" / "postgres"
    with nothing_left(place):
        yield place
    assert not socket_dir(postgres).exists()
    assert not (postgres / "cluster" / "postmaster.pid").exists()


def manage(place: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a command of `manage.py` to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(place, **env),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def the_line_of(finished: subprocess.CompletedProcess[str]) -> str:
    """Return the one line on stderr by which a command has refused to run."""
    assert finished.returncode == 1, finished
    assert finished.stderr.count("\n") == 1, finished.stderr
    return finished.stderr
