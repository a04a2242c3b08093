"""What the queue costs when much waits in it: the statements of the engine, without the engine.

A program of its own, for Django has one database in a process: that of AEGRA_DATA_DIR.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable

PENDING = 10_000
TIMES = 50
THREADS = """
INSERT INTO thread (thread_id, metadata, status)
SELECT gen_random_uuid(), '{"bench": "queue"}', 'busy' FROM generate_series(1, %s)
"""
RUNS = """
INSERT INTO run (run_id, thread_id, assistant_id, status, metadata, kwargs, multitask_strategy,
                 attempt, created_at, updated_at)
SELECT gen_random_uuid(), thread_id, (SELECT assistant_id FROM assistant LIMIT 1), 'pending',
       '{"graph_id": "echo"}', '{}', 'enqueue', 0, now(), now()
  FROM thread WHERE metadata @> '{"bench": "queue"}'
"""


async def measure(statement: str) -> list[float]:
    """Return the seconds of each `claim`, or of each `sweep`."""
    from common import db
    from runs.engine.claim_queries import Claim, claim_runs
    from runs.engine.sweeping import Sweeping

    await db.execute(THREADS, [PENDING])
    await db.execute(RUNS)
    await db.execute("ANALYZE thread, run")
    claim = Claim(claimed_by=1, lease_seconds=600, limit=10)
    sweeping = Sweeping(1, (), lambda run, outcome: asyncio.sleep(0))
    work = {"claim": lambda: claim_runs(claim), "sweep": sweeping.sweep}
    took = await _timed(work[statement])
    await db.execute('DELETE FROM thread WHERE metadata @> \'{"bench": "queue"}\'')
    await db.close_pool()
    return took


async def _timed(work: Callable[[], Awaitable[object]]) -> list[float]:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        await work()
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
    import django

    django.setup()
    json.dump(asyncio.run(measure(sys.argv[1])), sys.stdout)
