"""Ids of events: `<ms>-<n>` on the wire, one number in a store, ordered as (attempt, seq).

The milliseconds are the database's clock at the claim and what has passed since then, so that
ids rise from run to run of a thread, whichever process executes it. `n` holds the attempt too:
whatever clocks do, two attempts never give the same id.
"""

from __future__ import annotations

import re
import time
from datetime import datetime
from typing import TypeAlias

Position: TypeAlias = tuple[int, int]
"""The attempt and the number of an event."""

START: Position = (0, 0)

_ID = re.compile(r"(\d{1,13})-(\d{1,7})")
_COUNT_BITS = 11
_ATTEMPT_BITS = 10
_N_BITS = _COUNT_BITS + _ATTEMPT_BITS
_MAX_COUNT = (1 << _COUNT_BITS) - 1
_MAX_ATTEMPT = (1 << _ATTEMPT_BITS) - 1
_N_MASK = (1 << _N_BITS) - 1
NUMBERS_PER_MS = 1 << _N_BITS
_MAX_MS = (1 << (63 - _N_BITS)) - 1


class IdClock:
    """Gives the ids of one attempt."""

    def __init__(self, attempt: int, claimed_at: datetime) -> None:
        self._attempt = max(0, min(attempt - 1, _MAX_ATTEMPT)) << _COUNT_BITS
        # Read later than the database's clock was: ids lag behind it, and never run ahead.
        self._offset = claimed_at.timestamp() - time.monotonic()
        self._ms = 0
        self._count = 0

    def next_number(self) -> int:
        now = int((time.monotonic() + self._offset) * 1000)
        if now > self._ms:
            self._ms, self._count = now, 0
        elif self._count < _MAX_COUNT:
            self._count += 1
        else:
            self._ms, self._count = self._ms + 1, 0
        return self._ms << _N_BITS | self._attempt | self._count


def wire_id(number: int) -> str:
    return f"{number >> _N_BITS}-{number & _N_MASK}"


def number_of(event_id: str) -> int:
    """Read an id that one of our logs gave."""
    milliseconds, _, n = event_id.partition("-")
    return int(milliseconds) << _N_BITS | int(n)


def position_of(number: int) -> Position:
    return ((number & _N_MASK) >> _COUNT_BITS) + 1, number


def milliseconds_of(number: int) -> int:
    return number >> _N_BITS


def last_number_at(milliseconds: int) -> int:
    """Return the greatest number of a millisecond, which no run gives."""
    return milliseconds << _N_BITS | _N_MASK


def read_position(event_id: str) -> Position | None:
    """Read what a client sends; None for what is no id."""
    found = _ID.fullmatch(event_id)
    if not found:
        return None
    milliseconds, n = int(found[1]), int(found[2])
    return (
        position_of(milliseconds << _N_BITS | n)
        if n <= _N_MASK and milliseconds <= _MAX_MS
        else None
    )
