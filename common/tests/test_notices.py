from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from common import db, notices

pytestmark = pytest.mark.usefixtures("served")


async def test_what_is_told_in_a_transaction_is_heard() -> None:
    channel, heard, ready = f"c{uuid4().hex}", asyncio.Queue[str](), asyncio.Event()
    loop = asyncio.get_running_loop()
    notices.current().listen(
        channel,
        lambda payload: loop.call_soon_threadsafe(heard.put_nowait, payload),
        lambda: loop.call_soon_threadsafe(ready.set),
    )
    async with asyncio.timeout(5):
        await ready.wait()
        async with db.transaction() as tx:
            for word in ("one", "two"):
                await tx.execute("SELECT pg_notify(%s, %s)", [channel, word])

        assert [await heard.get(), await heard.get()] == ["one", "two"]


async def test_a_lost_connection_is_told_of_and_made_anew() -> None:
    channel, heard, gaps = f"c{uuid4().hex}", asyncio.Queue[str](), asyncio.Queue[None]()
    loop = asyncio.get_running_loop()
    listener = notices.Listener()
    listener.listen(
        channel,
        lambda payload: loop.call_soon_threadsafe(heard.put_nowait, payload),
        lambda: loop.call_soon_threadsafe(gaps.put_nowait, None),
    )
    listener.start()
    try:
        async with asyncio.timeout(8):
            await gaps.get()
            await db.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE %s",
                [f"LISTEN%{channel}%"],
            )
            await gaps.get()
            await db.execute("SELECT pg_notify(%s, 'again')", [channel])

            assert await heard.get() == "again"
    finally:
        await asyncio.to_thread(listener.stop)
