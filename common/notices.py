"""What PostgreSQL tells this process: one connection that listens, for all who want to know."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg import sql

from common import db

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 0.5
# How soon a new channel is listened to, and a stop noticed.
TURN_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class _Subscription:
    on_notice: Callable[[str], object]
    on_gap: Callable[[], object]


class Listener:
    """A thread that hands on NOTIFYs; every callback runs on that thread and must be quick.

    `on_gap` is called when a channel begins to be listened to, and again after each lost
    connection: what was told until then was not heard, and has to be looked up.
    """

    def __init__(self) -> None:
        self._subscriptions: dict[str, _Subscription] = {}
        self._stopping = threading.Event()
        self._is_lost = False
        self._thread = threading.Thread(target=self._run, name="notices", daemon=True)

    def listen(
        self, channel: str, on_notice: Callable[[str], object], on_gap: Callable[[], object]
    ) -> None:
        """Call `on_notice` with the payload of each NOTIFY on a channel; from any thread."""
        self._subscriptions[channel] = _Subscription(on_notice, on_gap)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(TURN_SECONDS * 4)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._hear()
            except psycopg.Error as exc:
                if not self._is_lost:
                    logger.warning("listening interrupted: %s", " ".join(str(exc).split()))
                self._is_lost = True
                self._stopping.wait(RECONNECT_SECONDS)

    def _hear(self) -> None:
        with psycopg.connect(db.direct_conninfo(), autocommit=True) as conn:
            heard: set[str] = set()
            while not self._stopping.is_set():
                for channel in self._subscriptions.keys() - heard:
                    heard.add(channel)
                    conn.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                    self._subscriptions[channel].on_gap()
                if self._is_lost:
                    logger.warning("listening again")
                    self._is_lost = False
                self._take_turn(conn)

    def _take_turn(self, conn: psycopg.Connection) -> None:
        # What came right behind the answer to a statement lies in libpq's buffer, where
        # psycopg looks only once the server has sent something more.
        while (overlooked := conn.pgconn.notifies()) is not None:
            self._tell(overlooked.relname.decode(), overlooked.extra.decode())
        for notice in conn.notifies(timeout=TURN_SECONDS):
            self._tell(notice.channel, notice.payload)

    def _tell(self, channel: str, payload: str) -> None:
        self._subscriptions[channel].on_notice(payload)


_current: Listener | None = None


def start() -> Listener:
    """Start the process's listener; its owner is the server or a command."""
    global _current  # noqa: PLW0603 -- the one listener of the process, with one owner
    assert _current is None, "the listener is started once"
    _current = Listener()
    _current.start()
    return _current


def stop() -> None:
    global _current  # noqa: PLW0603 -- see start()
    if _current is not None:
        _current.stop()
        _current = None


def current() -> Listener:
    if _current is None:
        raise RuntimeError("Nothing listens in this process.")
    return _current
