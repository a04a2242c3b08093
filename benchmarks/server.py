"""A server to measure: started as a user starts it, watched from outside."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
GRAPHS = ROOT / "tests" / "graphs" / "langgraph.json"
START_SECONDS = 180.0


class MeasuredServer:
    """A running server process. CPU and memory are of the Python process, not of PostgreSQL."""

    def __init__(self, port: int, pid: int, data_dir: Path) -> None:
        self.port = port
        self.data_dir = data_dir
        self._process = psutil.Process(pid)

    def cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def unique_mib(self) -> float:
        """Return the memory that would be free if the process ended (USS)."""
        return float(self._process.memory_full_info().uss) / 2**20


@contextmanager
def serving(*options: str, **env: str) -> Iterator[MeasuredServer]:
    """Start `manage.py serve` on an embedded PostgreSQL of its own, and stop it afterwards."""
    with tempfile.TemporaryDirectory() as directory:
        port = _free_port()
        command = ["serve", "--port", str(port), *options]
        with _running(command, Path(directory), subprocess.DEVNULL, env) as process:
            _wait(port, process)
            yield MeasuredServer(port, process.pid, Path(directory))


@contextmanager
def working(data_dir: Path) -> Iterator[None]:
    """Have a worker execute the runs of a server."""
    with _running(["worker"], data_dir, subprocess.PIPE, {}) as process:
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


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            httpx.get(f"http://127.0.0.1:{port}/ok").raise_for_status()
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("The server to be measured does not answer.")
