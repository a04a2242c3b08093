from __future__ import annotations

import asyncio
from datetime import UTC, datetime
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
    run_id, thread_id = uuid4(), uuid4()
    events = current_log().open(
        run_id, thread_id=thread_id, attempt=1, claimed_at=datetime.now(UTC)
    )
    following = Following(run_id=run_id, thread_id=thread_id, caller=ANONYMOUS)

    async def read() -> bytes:
        frames = following.frames(after="-1", modes=None, with_ids=False)
        return b"".join([frame async for frame in frames])

    async with db.transaction() as tx:
        await tx.execute("LOCK TABLE run IN ACCESS EXCLUSIVE MODE")
        reading = asyncio.create_task(read())
        await asyncio.sleep(0.15)
        events.publish([("values", b"{}")])
        events.close()

    async with asyncio.timeout(3):
        assert b"event: values" in await reading
