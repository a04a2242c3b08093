from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from common import db
from graphs.loop import STALLED_SECONDS, GraphLoop, call_on_graph_loop, current, on_graph_loop

pytestmark = pytest.mark.usefixtures("served")


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not is_so():  # noqa: ASYNC110 -- two loops share no event
            await asyncio.sleep(0.01)


async def alive() -> bool:
    return True


async def test_work_from_another_loop_runs_on_the_graph_loop() -> None:
    async def where() -> asyncio.AbstractEventLoop:
        return asyncio.get_running_loop()

    assert await on_graph_loop(where()) is current().loop
    assert asyncio.get_running_loop() is not current().loop


async def test_what_the_work_raises_arrives() -> None:
    async def fail() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError, match="gone"):
        await on_graph_loop(fail())


async def test_cancelling_the_wait_cancels_the_work() -> None:
    cancelled = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await on_graph_loop(work())

    await until(lambda: bool(cancelled))


def test_synchronous_code_waits_only_so_long() -> None:
    assert call_on_graph_loop(alive(), seconds=5) is True
    with pytest.raises(TimeoutError):
        call_on_graph_loop(asyncio.sleep(60), seconds=0.05)


async def test_a_blocking_node_stalls_the_graph_loop_alone() -> None:
    async def block() -> None:
        time.sleep(STALLED_SECONDS * 3)  # noqa: ASYNC251 -- what users write by mistake

    blocked = asyncio.create_task(on_graph_loop(block()))

    await until(current().is_stalled)
    assert not blocked.done()
    await blocked
    await until(lambda: not current().is_stalled())


async def test_a_node_that_exits_takes_nothing_with_it() -> None:
    async def leave() -> None:
        sys.exit(3)

    left = asyncio.run_coroutine_threadsafe(leave(), current().loop)

    await until(left.done)
    assert isinstance(left.exception(), SystemExit)
    assert await on_graph_loop(alive())


@pytest.mark.parametrize(
    "start",
    [
        lambda: asyncio.create_subprocess_exec(sys.executable, "-c", "print(6 * 7)", stdout=-1),
        lambda: asyncio.create_subprocess_shell("echo 42", stdout=-1),
    ],
)
async def test_a_node_may_start_programs(
    start: Callable[[], Coroutine[Any, Any, asyncio.subprocess.Process]],
) -> None:
    async def ask() -> str:
        process = await start()
        printed, _ = await process.communicate()
        return printed.decode().strip()

    assert await on_graph_loop(ask()) == "42"


def test_what_fails_for_want_of_the_pool_at_a_stop_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop, lingers = GraphLoop(), threading.Event()

    async def linger() -> None:
        pool = await db.pool()
        while True:
            async with pool.connection():
                lingers.set()
            await asyncio.sleep(0)

    loop.start()
    loop.loop.call_soon_threadsafe(lambda: loop.loop.create_task(linger()))
    assert lingers.wait(5)
    loop.stop()
    gc.collect()

    assert "left behind by a graph" in caplog.text
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
