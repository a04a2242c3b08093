from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from access.caller import ANONYMOUS
from common import db
from runs.events.current import current_log
from runs.following import Following


@pytest.mark.usefixtures("api")
async def test_what_a_run_says_while_a_heartbeat_asks_after_it_is_streamed(settings: Any) -> None:
    settings.STREAM_HEARTBEAT_SECONDS = 0.02
    run_id, log = uuid4(), current_log()
    log.open(run_id)
    following = Following(run_id=run_id, thread_id=uuid4(), caller=ANONYMOUS)

    async def read() -> bytes:
        frames = following.frames(after="-1", modes=None, with_ids=False)
        return b"".join([frame async for frame in frames])

    async with db.transaction() as tx:
        await tx.execute("LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.15)
        log.publish(run_id, [("values", b"{}")])
        log.close(run_id)

    async with asyncio.timeout(3):
        assert b"event: values" in await reading
