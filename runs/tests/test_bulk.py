"""What an operator does to many runs, and sees of them."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx

from access.caller import ANONYMOUS
from runs.bulk import cancel_each, ended, retry_each
from runs.inspecting import RunFilter, look_at_run, look_at_runs
from tests.streaming import MakeThread, settled, started

LONG = {"assistant_id": "sleeper", "input": {"seconds": 60}}


async def test_each_run_is_told_of_by_itself(api: httpx.AsyncClient, thread: MakeThread) -> None:
    thread_id, absent = await thread(), uuid4()
    running, pending = [UUID(await started(api, thread_id, **LONG)) for _ in range(2)]

    told = await cancel_each([running, absent, pending], action="interrupt")
    after = await ended(told, 10)

    assert [one.is_done for one in told] == [True, False, True]
    assert f"{absent} not found" in told[1].told
    assert [one.told for one in after[::2]] == ["has ended", "has ended"]
    assert (await settled(api, thread_id))["status"] != "busy"


async def test_a_run_that_does_not_end_in_time_is_told_so(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    run_id = UUID(await started(api, thread_id, assistant_id="stubborn", input={}))

    told = await ended(await cancel_each([run_id], action="interrupt"), 0)

    assert [(one.is_done, one.told) for one in told] == [(False, "has not ended yet")]


async def test_what_cannot_be_tried_again_keeps_nothing_else_from_it(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    threads = [await thread() for _ in range(2)]
    done = UUID(await started(api, threads[0], assistant_id="echo", input={"messages": []}))
    stopped = UUID(await started(api, threads[1], **LONG))
    await api.post(f"/threads/{threads[1]}/runs/{stopped}/cancel?wait=1")
    await settled(api, threads[0])

    told = await retry_each([done, stopped])

    assert [one.is_done for one in told] == [False, True]
    await cancel_each([stopped], action="interrupt")
    await settled(api, threads[1])


async def test_runs_are_found_by_what_an_operator_knows(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    thread_id = await thread()
    running, pending = [UUID(await started(api, thread_id, **LONG)) for _ in range(2)]
    key = UUID(thread_id)

    async def found(**wanted: object) -> list[UUID]:
        looked = RunFilter(thread_id=key, **wanted)  # type: ignore[arg-type]
        return [row["run_id"] for row in await look_at_runs(looked, caller=ANONYMOUS)]

    assert await found() == [pending, running]
    assert await found(limit=1) == [pending]
    assert await found(statuses=("running",)) == [running]
    assert await found(assistant="sleeper") == [pending, running]
    assert await found(assistant="echo") == []
    assert await found(older_than_seconds=3600) == []
    assert await found(older_than_seconds=0) == [pending, running]
    row = await look_at_run(running, caller=ANONYMOUS)
    assert row is not None
    assert (row["status"], row["attempt"], row["graph_id"]) == ("running", 1, "sleeper")
    assert row["process"]
    assert row["lease_seconds"] > 0
    await cancel_each([running, pending], action="interrupt")
    await settled(api, thread_id)
