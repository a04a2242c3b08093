"""What ties a server process to the one that supervises it: each learns when the other is gone.

The child sends a byte now and then, from the loop that serves HTTP; the first says that it is
ready. The parent sends nothing: its end of the line closes when it dies, however it dies.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from contextlib import suppress

from django.core.management import CommandError

BEAT_SECONDS = 1.0


class Lifeline:
    """The child's end, from its file descriptor."""

    def __init__(self, fd: int) -> None:
        try:
            self._line = socket.socket(fileno=fd)
        except OSError as exc:
            raise CommandError(f"--lifeline={fd} is no socket: {exc.strerror}.") from exc
        # What a graph starts must not keep it open.
        self._line.set_inheritable(False)
        threading.Thread(target=self._watch, name="lifeline", daemon=True).start()

    def beat(self) -> None:
        """Send a byte, and again each second for as long as the running loop turns."""
        with suppress(OSError):
            self._line.send(b".", socket.MSG_DONTWAIT)
        asyncio.get_running_loop().call_later(BEAT_SECONDS, self.beat)

    def _watch(self) -> None:
        """Stop this process, as a signal would, when the parent is gone."""
        with suppress(OSError):
            self._line.recv(1)
        os.kill(os.getpid(), signal.SIGTERM)
