"""Many runs at once that write checkpoints, and a line for each as soon as it is acknowledged.

python -m tests.faults.acknowledging
"""

from __future__ import annotations

import asyncio
import os
import sys
from copy import copy
from typing import Any
from uuid import uuid4

import django

RUNS = 40


async def write_for_ever() -> None:
    from graphs import checkpointer
    from graphs.run_saver import RunSaver, open_run_saver
    from graphs.tests.fences import fence
    from tests.graphs.work import journal

    class Acknowledging(RunSaver):
        async def aput(self, *args: Any) -> Any:
            put = await super().aput(*args)
            tell("checkpoints", put)
            return put

        async def aput_writes(self, config: Any, *args: Any) -> None:
            await super().aput_writes(config, *args)
            tell("checkpoint_writes", config)

    def tell(table: str, config: Any) -> None:
        place = config["configurable"]
        sys.stdout.write(f"{table} {place['thread_id']} {place['checkpoint_id']}\n")
        sys.stdout.flush()

    async def write() -> None:
        saver = await open_run_saver(fence())
        saver.__class__ = Acknowledging
        graph: Any = copy(journal)
        graph.checkpointer = saver
        while True:
            config: Any = {"configurable": {"thread_id": str(uuid4())}}
            await graph.ainvoke({"name": "a", "pages": 20}, config, durability="sync")

    await checkpointer.setup()
    await asyncio.gather(*(write() for _ in range(RUNS)))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aegra_project.settings")
    django.setup()
    asyncio.run(write_for_ever())
