from __future__ import annotations

import asyncio
from math import inf, nan
from typing import Any
from uuid import uuid4

import pytest
from langgraph.checkpoint.base import ChannelVersions, empty_checkpoint

from common import db
from graphs.group_commit import RunOver
from graphs.run_saver import open_run_saver
from graphs.tests.fences import fallen, fence, new_place

pytestmark = pytest.mark.usefixtures("api")

WRITES = "SELECT count(*) FROM checkpoint_writes WHERE thread_id = %s"
WRITE = ([("channel", "value")], str(uuid4()))


async def writes_of(place: Any) -> int:
    row = await db.fetch_one(WRITES, [place["configurable"]["thread_id"]])
    assert row is not None
    return int(row["count"])


async def test_a_run_that_is_over_writes_no_more() -> None:
    saver, place = await open_run_saver(fence()), new_place()

    await saver.close(5)

    with pytest.raises(RunOver):
        await saver.aput_writes(place, *WRITE)
    assert await writes_of(place) == 0


async def test_the_end_of_a_run_waits_for_what_is_being_written() -> None:
    saver, place = await open_run_saver(fence()), new_place()
    writing = asyncio.create_task(saver.aput_writes(place, *WRITE))
    await asyncio.sleep(0)
    assert not writing.done()

    await saver.close(5)

    assert await writes_of(place) == 1
    await writing


async def test_the_end_of_a_run_waits_for_what_nobody_waits_for_any_more() -> None:
    saver, place = await open_run_saver(fence()), new_place()
    writing = asyncio.create_task(saver.aput_writes(place, *WRITE))
    await asyncio.sleep(0)
    writing.cancel()

    await saver.close(5)

    assert await writes_of(place) == 1
    with pytest.raises(asyncio.CancelledError):
        await writing


async def test_what_a_fence_keeps_out_is_not_written() -> None:
    saver, place = await open_run_saver(fallen()), new_place()

    with pytest.raises(RunOver, match="another attempt"):
        await saver.aput_writes(place, *WRITE)

    assert await writes_of(place) == 0
    # The connection it took is of use to others.
    assert await saver.aget_tuple(place) is None


async def test_what_a_fence_keeps_out_is_not_deleted() -> None:
    place = new_place()
    await (await open_run_saver(fence())).aput_writes(place, *WRITE)

    with pytest.raises(RunOver):
        await (await open_run_saver(fallen())).adelete_thread(place["configurable"]["thread_id"])

    assert await writes_of(place) == 1
    await (await open_run_saver(fence())).adelete_thread(place["configurable"]["thread_id"])
    assert await writes_of(place) == 0


@pytest.mark.parametrize("value", ["a\0b", inf, -inf, nan, 1e22, -0.0, 2**63 - 1, "", True])
async def test_a_value_is_read_as_it_was_written(value: Any) -> None:
    saver, place = await open_run_saver(fence()), new_place()
    versions: ChannelVersions = {"value": "1"}
    checkpoint = empty_checkpoint()
    checkpoint |= {"channel_values": {"value": value}, "channel_versions": versions}

    written = await saver.aput(place, checkpoint, {}, versions)

    found = await saver.aget_tuple(written)
    assert found is not None
    assert repr(found.checkpoint["channel_values"]["value"]) == repr(value)
