"""The PostgreSQL that the server brings along, for when DATABASE_URL names none.

Several processes share one server: each holds a shared `flock` for as long as it lives, and the
last one out stops it. The kernel drops the lock of a killed process, so nothing is counted wrong.
"""

from __future__ import annotations

import fcntl
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

from common.postgres_server import (
    DATABASE,
    OTHERWISE,
    PORT,
    USER,
    EmbeddedPostgresError,
    PostgresServer,
    locked,
)
from common.stopping import uninterrupted

logger = logging.getLogger(__name__)

__all__ = [
    "USER",
    "EmbeddedPostgresError",
    "acquire",
    "connection_settings",
    "running",
    "socket_dir",
]

# A Unix socket's whole path must fit 107 bytes; PostgreSQL adds `/.s.PGSQL.5432.lock`.
LONGEST_SOCKET_DIR = 85
WATCH_SECONDS = 0.5


def connection_settings(data_dir: Path) -> dict[str, str]:
    """Return Django's connection parameters for the server of a data directory (pure)."""
    return {"NAME": DATABASE, "USER": USER, "HOST": str(socket_dir(data_dir)), "PORT": PORT}


def socket_dir(data_dir: Path) -> Path:
    """Return the private directory of a data directory's socket: short, and always the same."""
    name = f"aegra-{os.getuid()}-{sha256(bytes(data_dir.resolve())).hexdigest()[:12]}"
    place = Path(tempfile.gettempdir()) / name
    is_short = len(str(place)) <= LONGEST_SOCKET_DIR
    return place if is_short else Path("/tmp") / name  # noqa: S108  # nosec B108


class EmbeddedPostgres:
    """One process's share in the server of a data directory; made by `acquire`."""

    def __init__(self, data_dir: Path) -> None:
        self._server = PostgresServer(data_dir, socket_dir(data_dir))
        with self._server.turn():
            self._share = locked(data_dir / "users.lock", fcntl.LOCK_SH)
            try:
                self._server.make()
                self._server.start()
            except BaseException:
                self._leave()
                raise
        self._released = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="postgres", daemon=True)
        self._watcher.start()

    def release(self) -> None:
        """Give the share back; the last one out stops the server."""
        if self._released.is_set():
            return
        self._released.set()
        with uninterrupted():
            self._watcher.join()
            with self._server.turn():
                self._leave()

    def _leave(self) -> None:
        with uninterrupted():
            try:
                fcntl.flock(self._share, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            else:
                self._server.stop()
            finally:
                self._share.close()

    def _watch(self) -> None:
        """Start the server again when something has killed it: nobody stops it before us."""
        while not self._released.wait(WATCH_SECONDS):
            if self._server.pid() is not None:
                continue
            logger.warning("the embedded PostgreSQL has died; it is started again")
            try:
                with self._server.turn():
                    self._server.start()
            except (EmbeddedPostgresError, OSError) as exc:
                logger.error("the embedded PostgreSQL stays away: %s", exc)  # noqa: TRY400


def acquire(data_dir: Path) -> EmbeddedPostgres:
    """Start the server of a data directory, or join it; raises EmbeddedPostgresError."""
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        return EmbeddedPostgres(data_dir.resolve())
    except OSError as exc:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL cannot use {data_dir}: {exc.strerror}. "
            f"Set AEGRA_DATA_DIR to a directory of yours, {OTHERWISE}."
        ) from exc


@contextmanager
def running(data_dir: Path) -> Iterator[None]:
    """Hold the server of a data directory for the length of a block."""
    share = acquire(data_dir)
    try:
        yield
    finally:
        share.release()
