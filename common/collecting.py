"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc

# Python's own. What runs leave behind goes soon: memory stays flat.
OFTEN = (700, 10, 10)
# While many runs live, each full collection looks through all that they hold, and keeps all of them
# waiting: of a thousand, that is a third of the CPU.
SELDOM = (20_000, 20, 50)
CROWD = 100


def expect(living: int) -> None:
    """Look for garbage as often as suits so many runs that are being executed."""
    wanted = SELDOM if living > CROWD else OFTEN
    if gc.get_threshold() != wanted:
        gc.set_threshold(*wanted)
