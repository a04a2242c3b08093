"""A plain thread that keeps this process's leases, from outside any event loop."""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Collection
from uuid import UUID

import psycopg
from django.conf import settings

from common import db
from runs.engine.claim_queries import RENEW

logger = logging.getLogger(__name__)

RECONNECT_SECONDS = 0.5
TURN_SECONDS = 0.5


class LeaseKeeper:
    """Holds the process's advisory lock, and renews the leases of its runs.

    `executing` holds the runs of this process. `on_cancel` gets the id of a run that is to stop,
    `on_lost` of one that is not this process's any more, `on_beat` is called after each renewal;
    all on this thread.
    """

    def __init__(
        self,
        executing: Collection[UUID],
        on_cancel: Callable[[UUID], None],
        on_lost: Callable[[UUID], None],
        on_beat: Callable[[], None],
    ) -> None:
        self._executing = executing
        # 62 bits: positive, and unlikely to be anybody else's lock.
        self.process_number = random.SystemRandom().getrandbits(62)
        self._on_cancel = on_cancel
        self._on_lost = on_lost
        self._on_beat = on_beat
        self._stopping = threading.Event()
        self._holding = threading.Event()
        self._hurry = threading.Event()
        self._is_lost = False
        self.renewed_at = time.monotonic()
        self._sure_until = 0.0
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)

    def start(self) -> None:
        """Return once the process's lock is held: only then may it claim runs."""
        self._thread.start()
        if not self._holding.wait(settings.DB_CONNECT_SECONDS * 2):
            raise RuntimeError("The engine could not reach the database to keep its leases.")

    def renew_soon(self) -> None:
        """Renew, and so look for cancels, before it is time; from any thread."""
        self._hurry.set()

    def is_sure(self) -> bool:
        """Tell whether no other process can have taken over a run of this one.

        By a clock of this machine, which goes on while the process is stopped; counted from
        before the last renewal, so that it is over here before it is over in the database.
        """
        return time.monotonic() < self._sure_until

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(settings.DB_CONNECT_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._keep()
            except psycopg.Error as exc:
                if not self._is_lost:
                    logger.warning("lease connection lost: %s", " ".join(str(exc).split()))
                self._is_lost = True
                self._stopping.wait(RECONNECT_SECONDS)

    def _keep(self) -> None:
        with psycopg.connect(db.direct_conninfo(), autocommit=True) as conn:
            conn.execute("SELECT pg_advisory_lock(%s)", [self.process_number])
            self._holding.set()
            if self._is_lost:
                logger.warning("lease connection regained")
                self._is_lost = False
                db.check_pools()
            while not self._stopping.is_set():
                self._hurry.clear()
                self._renew(conn)
                self._on_beat()
                self._wait(conn, settings.RUN_LEASE_SECONDS / 3)

    def _renew(self, conn: psycopg.Connection) -> None:
        # Before the leases are looked at: what begins after that is none that was lost.
        executing, now = set(self._executing), time.monotonic()
        parameters = {
            "claimed_by": self.process_number,
            "lease_seconds": settings.RUN_LEASE_SECONDS,
            "executing": list(executing),
        }
        for run_id, _, cancel_action in conn.execute(RENEW, parameters).fetchall():
            executing.discard(run_id)
            if cancel_action is not None:
                self._on_cancel(run_id)
        self.renewed_at = time.monotonic()
        # Deleted, settled, or taken over by another process: whatever was told of it went astray.
        for run_id in executing:
            self._on_lost(run_id)
        # Not before what is lost is known to be.
        self._sure_until = now + settings.RUN_LEASE_SECONDS

    def _wait(self, conn: psycopg.Connection, seconds: float) -> None:
        """Wait in short turns: a stop, a hurry or a lost connection is noticed soon."""
        turns = max(1, round(seconds / TURN_SECONDS))
        for _ in range(turns):
            # Nothing is listened to: this waits on the socket, and so sees it close.
            for _notice in conn.notifies(timeout=seconds / turns):
                pass
            if self._stopping.is_set() or self._hurry.is_set():
                return
