"""The parent of `serve --processes`: it starts server processes, and again those that die."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from tempfile import TemporaryDirectory
from typing import NoReturn

from django.conf import settings
from prometheus_client.multiprocess import mark_process_dead

from aegra_project.listening import check_free
from common import telemetry
from common.stopping import uninterrupted

logger = logging.getLogger(__name__)

TURN_SECONDS = 0.1
RESTART_SECONDS = 1.0
# A process whose loop of HTTP has not turned for this long serves nobody.
SILENT_SECONDS = 30.0
# What a process needs to stop besides letting its runs finish.
STOP_SECONDS = 30.0


class _Child:
    """One server process, and the parent's end of its lifeline."""

    def __init__(self, arguments: list[str], listening: socket.socket) -> None:
        self._line, theirs = socket.socketpair()
        self._line.setblocking(False)  # noqa: FBT003 -- the name of the method tells
        self.is_ready = False
        self._heard_at = time.monotonic()
        given = [f"--fd={listening.fileno()}", f"--lifeline={theirs.fileno()}"]
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603
                [sys.executable, sys.argv[0], "serve", *arguments, *given],
                pass_fds=[listening.fileno(), theirs.fileno()],
                # The parent tells of all of them on that port.
                env={**os.environ, "METRICS_PORT": "0"},
            )

    def listen(self) -> None:
        """Take note of what it has sent."""
        with suppress(OSError):
            if self._line.recv(4096):
                self.is_ready = True
                self._heard_at = time.monotonic()

    def is_hung(self) -> bool:
        return self.is_ready and time.monotonic() - self._heard_at > SILENT_SECONDS

    def close(self) -> None:
        self._line.close()


class Supervisor:
    """Keeps a number of processes serving on one socket."""

    def __init__(self, listening: socket.socket, arguments: list[str], processes: int) -> None:
        self._listening = listening
        self._arguments = arguments
        self._processes = processes
        self._children: list[_Child] = []
        self._restart_at = 0.0

    def run(self) -> int:
        """Return the exit status: that of the first process when it cannot start, else 0.

        The first brings the database up to this version, and tells what is wrong, for all.
        """
        with _metrics_shared():
            try:
                return self._status_of_the_first() or self._keep()
            except KeyboardInterrupt:
                return 0
            finally:
                with uninterrupted():
                    self._stop()

    def _status_of_the_first(self) -> int:
        """Start a process; 0 once it is ready, or the status with which it ended before."""
        first = self._start(quiet=False)
        while not first.is_ready:
            if (status := first.process.poll()) is not None:
                return status if status >= 0 else 128 - status
            self._take_turn()
        return 0

    def _keep(self) -> NoReturn:
        while True:
            self._replace_dead()
            while len(self._children) < self._processes and time.monotonic() >= self._restart_at:
                self._start(quiet=True)
            self._take_turn()

    def _take_turn(self) -> None:
        for child in self._children:
            child.listen()
        time.sleep(TURN_SECONDS)

    def _start(self, *, quiet: bool) -> _Child:
        child = _Child([*self._arguments, *(["--quiet"] if quiet else [])], self._listening)
        self._children.append(child)
        return child

    def _replace_dead(self) -> None:
        for child in tuple(self._children):
            if child.is_hung():
                logger.error("server process %s does not answer; killed", child.process.pid)
                child.process.kill()
                child.process.wait()
            if (status := child.process.poll()) is None:
                continue
            logger.error("server process %s ended (%s); another starts", child.process.pid, status)
            if not child.is_ready:
                self._restart_at = time.monotonic() + RESTART_SECONDS
            self._forget(child)

    def _forget(self, child: _Child) -> None:
        mark_process_dead(child.process.pid)  # type: ignore[no-untyped-call]
        child.close()
        self._children.remove(child)

    def _stop(self) -> None:
        """Have all of them stop, as Ctrl-C in a terminal has them already; none outlives this."""
        for child in self._children:
            child.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + settings.DRAIN_SECONDS + STOP_SECONDS
        for child in self._children:
            try:
                child.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.error("server process %s does not stop; killed", child.process.pid)  # noqa: TRY400
                child.process.kill()
                child.process.wait()
            child.close()


@contextmanager
def _metrics_shared() -> Iterator[None]:
    """Have each process tell the metrics of all, and this one too where METRICS_PORT says so."""
    with TemporaryDirectory(prefix="aegra-metrics-") as directory:
        os.environ[telemetry.SHARED_DIRECTORY] = directory
        if settings.METRICS_PORT:
            check_free(settings.AEGRA_HOST, settings.METRICS_PORT)
        with telemetry.served(settings.AEGRA_HOST, settings.METRICS_PORT):
            yield
