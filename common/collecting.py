"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc

# While many runs live, each full collection looks through all that they hold, and keeps them all
# waiting: of a thousand, that is a third of the CPU. Else it is as often as Python has it, or the
# project's code: what runs leave behind goes soon, and memory stays flat.
SELDOM = (20_000, 20, 50)
CROWD = 100

_usual: tuple[int, int, int] | None = None
"""While a crowd lives, what the thresholds were before."""


def expect(living: int) -> None:
    """Look for garbage as often as suits so many runs that are being executed."""
    global _usual  # noqa: PLW0603 -- the collector is the process's, too
    if living > CROWD and _usual is None:
        _usual = gc.get_threshold()
        gc.set_threshold(*SELDOM)
    elif living <= CROWD and _usual is not None:
        gc.set_threshold(*_usual)
        _usual = None
