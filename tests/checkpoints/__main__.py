"""Compare many histories, on an embedded PostgreSQL of its own.

python -m tests.checkpoints 10000 [--first 0]
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import django

# Runs of this many histories are committed together.
AT_ONCE = 16
TOLD_EVERY = 500


class Tally:
    """What was compared so far."""

    def __init__(self) -> None:
        self.histories = self.checkpoints = self.writes = 0
        self.differing: list[int] = []

    async def compare(self, seeds: Iterator[int]) -> None:
        from tests.checkpoints.histories import compared

        for seed in seeds:
            found = await compared(seed)
            self.histories += 1
            self.checkpoints += found.checkpoints
            self.writes += found.writes
            if found.differences:
                self.differing.append(seed)
                tell(f"seed {seed}", *found.differences)
            if self.histories % TOLD_EVERY == 0:
                tell(str(self))

    def __str__(self) -> str:
        equal = self.histories - len(self.differing)
        return (
            f"{self.histories} histories, {equal} equal; each saver has written "
            f"{self.checkpoints} checkpoints and {self.writes} pending writes"
        )


def tell(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


async def compare_all(first: int, count: int) -> Tally:
    from common import db
    from graphs import checkpointer

    await db.pool(max_size=AT_ONCE)
    await checkpointer.setup()
    tally, seeds = Tally(), iter(range(first, first + count))
    await asyncio.gather(*(tally.compare(seeds) for _ in range(AT_ONCE)))
    await db.close_pool()
    return tally


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.checkpoints", description=__doc__)
    parser.add_argument("histories", type=int, nargs="?", default=10_000)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    # LangGraph says of each DeltaChannel that it is new.
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as directory:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "aegra_project.settings",
            "AEGRA_DATA_DIR": directory,
            "DATABASE_URL": "",
            # What is compared is what is written, not when the disk has it.
            "PGOPTIONS": "-c synchronous_commit=off",
        }
        django.setup()
        from common.embedded_postgres import running

        began = time.monotonic()
        with running(Path(directory) / "postgres"):
            tally = asyncio.run(compare_all(asked.first, asked.histories))
    tell(f"{tally}; {time.monotonic() - began:.0f} s")
    return 1 if tally.differing else 0


if __name__ == "__main__":
    sys.exit(main())
