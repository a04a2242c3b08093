"""A server to measure, watched from outside: started as a user does, or a peer that runs."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg

from benchmarks.client import Client
from common.embedded_postgres import connection_settings

ROOT = Path(__file__).resolve().parent.parent
GRAPHS = ROOT / "tests" / "graphs" / "langgraph.json"
START_SECONDS = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredServer:
    """A server that answers, and its processes: those of Python, not PostgreSQL's."""

    url: str

    pid: int | None
    """The process that was started; None when it is not known, and nothing is told of it then."""

    data_dir: Path | None
    """Where its embedded database is; None for a peer."""

    def client(self) -> Client:
        address = urlsplit(self.url)
        assert address.hostname is not None, self.url
        return Client(address.port or 80, address.hostname)

    def cpu_seconds(self) -> float | None:
        if self.pid is None:
            return None
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(time.user + time.system for time in times))

    def unique_mib(self) -> float | None:
        """Return the memory that would be free if the processes ended (USS)."""
        if self.pid is None:
            return None
        return float(sum(process.memory_full_info().uss for process in self._processes())) / 2**20

    @asynccontextmanager
    async def database(self) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
        assert self.data_dir is not None, "a peer's database is its own affair"
        named = connection_settings(self.data_dir / "postgres")
        async with await psycopg.AsyncConnection.connect(
            dbname=named["NAME"],
            user=named["USER"],
            host=named["HOST"],
            port=named["PORT"],
            autocommit=True,
        ) as connection:
            yield connection

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.pid)
        children = first.children(recursive=True)
        return [first, *(child for child in children if _is_python(child))]


def _is_python(process: psutil.Process) -> bool:
    try:
        return str(process.name()).startswith("python")
    except psutil.NoSuchProcess:
        # One of PostgreSQL's that has ended since it was listed.
        return False


@contextmanager
def serving(*options: str, **env: str) -> Iterator[MeasuredServer]:
    """Start `manage.py serve` on an embedded PostgreSQL of its own, and stop it afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        command = ["serve", "--port", str(port), *options]
        with _running(command, Path(directory), subprocess.DEVNULL, env) as process:
            url = f"http://127.0.0.1:{port}"
            _wait(url, process)
            yield MeasuredServer(url=url, pid=process.pid, data_dir=Path(directory))


@contextmanager
def working(data_dir: Path, **env: str) -> Iterator[None]:
    """Have a worker execute the runs of a server."""
    with _running(["worker"], data_dir, subprocess.PIPE, env) as process:
        assert process.stdout is not None
        if b" executes runs of " not in process.stdout.readline():
            raise RuntimeError("The worker to be measured does not start.")
        yield


@contextmanager
def _running(
    command: list[str], data_dir: Path, output: int, env: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "manage.py", *command],
        cwd=ROOT,
        env={**os.environ, **environment(data_dir), **env},
        stdout=output,
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(START_SECONDS)


def environment(data_dir: Path) -> dict[str, str]:
    return {
        "AEGRA_CONFIG": str(GRAPHS),
        "AEGRA_DATA_DIR": str(data_dir),
        "DATABASE_URL": "",
        "LOG_LEVEL": "WARNING",
    }


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"{url}/ok").raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server to be measured does not answer.")
