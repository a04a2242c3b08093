"""How often a process writes into the store."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

# Events wait so long for others, and a process writes at most so often.
GATHER_SECONDS = 0.008
PAUSE_SECONDS = 0.018
# Of many runs a write takes long. It has an eighth of the time, and more of each run then.
PAUSES = 7
LONGEST_PAUSE_SECONDS = 0.1


class Pace:
    """Says when the next write is due. Used on one thread."""

    def __init__(self) -> None:
        self._next_at = 0.0

    def due(self, since: float) -> float:
        """Return when something is to be written that has waited since then."""
        return max(self._next_at, since + GATHER_SECONDS)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Measure the write in the block; one that fails is due again at once."""
        began = time.monotonic()
        yield
        now = time.monotonic()
        pause = min(PAUSES * (now - began), LONGEST_PAUSE_SECONDS)
        self._next_at = now + max(pause, PAUSE_SECONDS)
