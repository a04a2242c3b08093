"""What every event log promises, tried on each implementation."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from common.sse import StreamEvent
from runs.events.log import EventLog, ReaderTooSlow
from runs.events.memory import MemoryEventLog

LOGS = [MemoryEventLog]


@pytest.fixture(params=LOGS)
def log(request: pytest.FixtureRequest) -> EventLog:
    made: EventLog = request.param()
    return made


@pytest.fixture
def run_id(log: EventLog) -> UUID:
    """A run whose log has been opened."""
    opened = uuid4()
    log.open(opened)
    return opened


def publish(log: EventLog, run_id: UUID, *numbers: int) -> None:
    log.publish(run_id, [("custom", b"%d" % number) for number in numbers])


async def read(
    log: EventLog, run_id: UUID, after: str | None = "-1", idle_seconds: float = 5
) -> list[StreamEvent]:
    """Read to the end of the log."""
    return [
        event
        async for batch in log.follow(run_id, after=after, idle_seconds=idle_seconds)
        for event in batch
    ]


def numbers(events: list[StreamEvent]) -> list[int]:
    return [int(event.data) for event in events]


async def test_events_come_in_order_with_rising_ids(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, 0, 1)
    publish(log, run_id, 2)
    log.close(run_id)

    events = await read(log, run_id)

    assert numbers(events) == [0, 1, 2]
    ids = [tuple(map(int, event.id.split("-"))) for event in events]
    assert ids == sorted(set(ids))


async def test_a_reader_goes_on_after_any_id(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, *range(20))
    log.close(run_id)
    events = await read(log, run_id)

    for position, event in enumerate(events):
        assert await read(log, run_id, event.id) == events[position + 1 :]


async def test_an_id_between_two_goes_on_with_the_next(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, 0, 1)
    log.close(run_id)
    first = (await read(log, run_id))[0]
    milliseconds = int(first.id.partition("-")[0])

    assert numbers(await read(log, run_id, f"{milliseconds - 1}-99")) == [0, 1]
    assert await read(log, run_id, f"{milliseconds + 10_000}-0") == []


async def test_without_an_id_only_what_comes_from_now_on(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, 0)
    batches = log.follow(run_id, after=None, idle_seconds=0.01)
    assert await anext(batches) == ()

    publish(log, run_id, 1)
    log.close(run_id)

    assert [int(event.data) for event in await anext(batches)] == [1]


async def test_silence_is_told_and_the_end_ends(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, 0)
    batches = log.follow(run_id, after="-1", idle_seconds=0.01)

    assert [len(await anext(batches)) for _ in range(3)] == [1, 0, 0]
    log.close(run_id)
    assert [batch async for batch in batches] == []


async def test_a_closed_log_keeps_its_output_and_its_events(log: EventLog, run_id: UUID) -> None:
    publish(log, run_id, 0)

    log.close(run_id, b"{}")
    log.close(run_id, b"again")

    assert log.output(run_id) == b"{}"
    assert numbers(await read(log, run_id)) == [0]
    assert await read(log, run_id, None) == []


async def test_runs_do_not_mix(log: EventLog, run_id: UUID) -> None:
    other = uuid4()
    log.open(other)
    publish(log, run_id, 0)
    publish(log, other, 1)
    log.close(run_id)
    log.close(other)

    assert (numbers(await read(log, run_id)), numbers(await read(log, other))) == ([0], [1])


async def test_a_log_that_was_never_opened_is_empty(log: EventLog) -> None:
    unknown = uuid4()

    assert not log.holds(unknown)
    assert log.output(unknown) is None
    assert await read(log, unknown) == []


async def test_none_twice_and_none_left_out_whenever_a_reader_comes(
    log: EventLog, run_id: UUID
) -> None:
    count = 2000

    def write() -> None:
        for number in range(count):
            publish(log, run_id, number)
        log.close(run_id)

    async def joining() -> list[int]:
        return numbers(await read(log, run_id))

    async def coming_back() -> list[int]:
        """Read in short turns, each from the last id of the one before."""
        seen: list[StreamEvent] = []
        while len(seen) < count:
            after = seen[-1].id if seen else "-1"
            batches: Any = log.follow(run_id, after=after, idle_seconds=5)
            seen.extend(await anext(batches))
            await batches.aclose()
        return numbers(seen)

    writer = threading.Thread(target=write)
    readers = [asyncio.ensure_future(joining()) for _ in range(5)]
    readers += [asyncio.ensure_future(coming_back()) for _ in range(5)]
    writer.start()
    streams = await asyncio.gather(*readers)
    writer.join()

    assert all(stream == list(range(count)) for stream in streams)


async def test_readers_on_another_loop_are_woken(log: EventLog, run_id: UUID) -> None:
    got: list[int] = []
    waiting = threading.Event()

    async def wait() -> None:
        batches: AsyncIterator[Any] = log.follow(run_id, after="-1", idle_seconds=0.01)
        await anext(batches)
        waiting.set()
        got.extend([int(event.data) async for batch in batches for event in batch])

    reader = threading.Thread(target=asyncio.run, args=(wait(),))
    reader.start()
    await asyncio.to_thread(waiting.wait, 5)
    publish(log, run_id, *range(100))
    log.close(run_id)
    await asyncio.to_thread(reader.join, 5)

    assert got == list(range(100))


async def test_a_slow_reader_loses_its_connection_and_nobody_else(
    log: EventLog, run_id: UUID, settings: Any
) -> None:
    settings.STREAM_READER_LAG_MB = 0.001
    slow = log.follow(run_id, after="-1", idle_seconds=5)
    publish(log, run_id, 0)
    assert len(await anext(slow)) == 1

    log.publish(run_id, [("custom", b"1" * 2000)] * 2)

    with pytest.raises(ReaderTooSlow):
        await anext(slow)
    log.close(run_id)
    assert len(await read(log, run_id)) == 3


async def test_one_large_event_makes_no_reader_slow(
    log: EventLog, run_id: UUID, settings: Any
) -> None:
    settings.STREAM_READER_LAG_MB = 0.001
    batches = log.follow(run_id, after="-1", idle_seconds=5)
    publish(log, run_id, 0)
    await anext(batches)

    log.publish(run_id, [("custom", b"1" * 2000)])

    assert [len(event.data) for event in await anext(batches)] == [2000]
