"""Any number of real processes on one database, to be killed, halted and started again by name."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from common.embedded_postgres import running, socket_dir
from common.tests.prepared import own_database
from common.tests.processes import nothing_left
from common.tests.servers import LiveServer, end, launch

# Few enough connections for eight processes on a PostgreSQL that takes a hundred.
ENVIRONMENT = {
    "DB_HTTP_POOL_SIZE": "3",
    "DB_GRAPH_POOL_SIZE": "4",
    "DB_BACKGROUND_POOL_SIZE": "1",
    "RUN_LEASE_SECONDS": "2",
    "LOG_LEVEL": "INFO",
}
TOLD_LINES = 60


class Cluster:
    """Processes by name. Each is `serve`, `serve --no-engine` or `worker`, of tests/graphs."""

    def __init__(self, place: Path, database_url: str) -> None:
        self.database_url = database_url
        self.environment = {
            **ENVIRONMENT,
            "DATABASE_URL": database_url,
            "AEGRA_DATA_DIR": str(place / "data"),
        }
        """What each process starts with; a test adds its own before it starts any."""
        self._place = place
        self._commands: dict[str, tuple[str, ...]] = {}
        self._processes: dict[str, LiveServer] = {}

    def start(self, name: str, *command: str, **env: str) -> LiveServer:
        """Start a process, and do not wait. Without a command: the one of this name, again.

        What is started again listens at the address it had.
        """
        command = self._commands[name] = command or self._commands[name]
        if before := self._processes.get(name):
            assert before.process.poll() is not None, f"{name} has not ended"
            env.setdefault("AEGRA_PORT", before.url.rpartition(":")[2])
        place = self._place / name
        place.mkdir(exist_ok=True)
        started = launch(place, *command, **{**self.environment, **env})
        self._processes[name] = started
        return started

    def started(self, name: str, *command: str, **env: str) -> LiveServer:
        """Start a process, and wait until it is ready."""
        self.start(name, *command, **env)
        self.wait_until_ready(name)
        return self._processes[name]

    def wait_until_ready(self, *names: str, seconds: float = 60.0) -> None:
        """Wait for some processes, or all."""
        for name in names or self._processes:
            if self._commands[name][0] == "worker":
                self._processes[name].wait_until_working(seconds)
            else:
                self._processes[name].wait_until_up(seconds)

    def __getitem__(self, name: str) -> LiveServer:
        return self._processes[name]

    def names(self) -> list[str]:
        return list(self._processes)

    def urls(self) -> list[str]:
        """Return where HTTP is served."""
        serving = (name for name, command in self._commands.items() if command[0] == "serve")
        return [self._processes[name].url for name in serving]

    def client(self, name: str, seconds: float = 30.0) -> httpx.Client:
        return httpx.Client(base_url=self._processes[name].url, timeout=seconds)

    def kill(self, name: str) -> None:
        """End a process by SIGKILL, and what it has started."""
        process = self._processes[name].process
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self, name: str, seconds: float = 30.0) -> int:
        """End a process by SIGTERM, and return its exit status."""
        return self._processes[name].stopped(seconds=seconds)

    def halt(self, name: str) -> None:
        """Have a process stand still, as a machine that swaps or a suspended one does."""
        os.killpg(self._processes[name].process.pid, signal.SIGSTOP)

    def go_on(self, name: str) -> None:
        os.killpg(self._processes[name].process.pid, signal.SIGCONT)

    def said(self, name: str) -> str:
        """Return all that a process has logged, and those of its name before it."""
        return self._processes[name].said()

    def end(self) -> None:
        """Stop whatever runs; what stands still cannot obey."""
        for server in self._processes.values():
            if server.process.poll() is None:
                os.killpg(server.process.pid, signal.SIGCONT)
                server.process.terminate()
        for server in self._processes.values():
            end(server.process)

    def told(self) -> str:
        """Return the end of each log, for whoever looks why a test has failed."""
        return "\n".join(
            f"----- {name}: {' '.join(self._commands[name])}, "
            f"exit status {server.process.poll()}\n{_tail(server.said())}"
            for name, server in self._processes.items()
        )


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-TOLD_LINES:])


@contextmanager
def own_cluster(place: Path) -> Iterator[Cluster]:
    """Make a cluster with a database of its own; fails when a process is left behind.

    The database is an embedded one, or is made on the PostgreSQL of TEST_DATABASE_URL.
    """
    with nothing_left(place), ExitStack() as stack:
        if server_url := os.environ.get("TEST_DATABASE_URL", ""):
            database_url = stack.enter_context(own_database(server_url))
        else:
            postgres = place / "postgres"
            stack.enter_context(running(postgres))
            database_url = f"postgres://aegra@/aegra?host={socket_dir(postgres)}"
        cluster = Cluster(place, database_url)
        try:
            yield cluster
        finally:
            # Shown by pytest when the test has failed.
            sys.stdout.write(cluster.told())
            cluster.end()
