"""What every event log promises, where a run is executed and in another process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from common import db
from common.sse import StreamEvent
from runs.events.ids import number_of
from runs.events.log import ReaderTooSlow
from runs.tests.event_logs import STORED, Logs, logs_of, numbers

PLACES = [("memory", False), *((kind, elsewhere) for kind in STORED for elsewhere in (False, True))]
NAMES = [f"{kind}-{'elsewhere' if elsewhere else 'here'}" for kind, elsewhere in PLACES]

pytestmark = [pytest.mark.usefixtures("api"), pytest.mark.timeout(30)]


@pytest.fixture(scope="module", params=PLACES, ids=NAMES)
def logs(request: pytest.FixtureRequest, served: None) -> Iterator[Logs]:
    kind, elsewhere = request.param
    with logs_of(kind, elsewhere=elsewhere) as made:
        yield made


async def test_events_come_in_order_with_rising_ids(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0, 1)
    run.publish(2)
    await run.end()

    events = await run.read()

    assert numbers(events) == [0, 1, 2]
    ids = [number_of(event.id) for event in events]
    assert ids == sorted(set(ids))


async def test_names_and_data_come_as_they_were_published(logs: Logs) -> None:
    run = await logs.run()
    said = [("values|a b:1|c", '{"ü": "\\n \\u2028"}'.encode()), ("error", b"null"), ("x", b"")]
    run.events.publish(said)
    await run.end()

    assert [(event.event, event.data) for event in await run.read()] == said


async def test_a_reader_goes_on_after_any_id(logs: Logs) -> None:
    run = await logs.run()
    for number in range(20):
        run.publish(number)
        if number % 7 == 0:
            await run.events.stored()
    await run.end()
    events = await run.read()

    for position, event in enumerate(events):
        assert await run.read(event.id) == events[position + 1 :]


async def test_an_id_between_two_goes_on_with_the_next(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0, 1)
    await run.end()
    first = (await run.read())[0]
    milliseconds = int(first.id.partition("-")[0])

    assert numbers(await run.read(f"{milliseconds - 1}-99")) == [0, 1]
    assert await run.read(f"{milliseconds + 10_000}-0") == []


async def test_without_an_id_only_what_comes_from_now_on(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0)
    await run.events.stored()
    batches = run.follow(None, idle_seconds=0.1)
    assert await anext(batches) == ()

    run.publish(1)
    await run.end()

    assert numbers([event async for batch in batches for event in batch]) == [1]


async def test_silence_is_told_and_the_end_ends(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0)
    batches = run.follow(idle_seconds=0.1)

    async for batch in batches:
        if batch:
            break
    assert len(batch) == 1
    assert [await anext(batches) for _ in range(2)] == [(), ()]
    await run.end()
    assert [batch async for batch in batches if batch] == []


async def test_who_waits_for_the_end_is_told_of_silences_whatever_is_said(logs: Logs) -> None:
    run = await logs.run()
    silences = logs.reading.silences(run.run_id, seconds=0.1)

    for number in range(3):
        run.publish(number)
        await anext(silences)
    await run.end()

    async for _ in silences:
        pass


async def test_who_waits_for_the_end_waits_through_another_attempt(logs: Logs) -> None:
    run = await logs.run()
    silences = logs.reading.silences(run.run_id, seconds=0.1)
    await anext(silences)

    await run.begin()
    await anext(silences)
    await run.end()

    async for _ in silences:
        pass


async def test_a_run_that_is_over_keeps_its_events(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0)
    await run.end(b"{}")

    assert logs.writing.output_here(run.run_id) == b"{}"
    assert numbers(await run.read()) == [0]
    assert await run.read(None) == []


async def test_runs_do_not_mix(logs: Logs) -> None:
    run, other = await logs.run(), await logs.run()
    run.publish(0)
    other.publish(1)
    await run.end()
    await other.end()

    assert (numbers(await run.read()), numbers(await other.read())) == ([0], [1])


async def test_a_run_that_never_was_is_empty(logs: Logs) -> None:
    unknown = uuid4()

    read = [batch async for batch in logs.reading.follow(unknown, after="-1", idle_seconds=5)]

    assert read == []
    assert logs.reading.output_here(unknown) is None
    assert await logs.reading.output(unknown) is None


async def test_none_twice_and_none_left_out_whenever_a_reader_comes(logs: Logs) -> None:
    run = await logs.run()
    count = 2000

    def write() -> None:
        for number in range(count):
            run.publish(number)

    async def joining() -> list[int]:
        return numbers(await run.read())

    async def coming_back() -> list[int]:
        """Read in short turns, each from the last id of the one before."""
        seen: list[StreamEvent] = []
        while len(seen) < count:
            after = seen[-1].id if seen else "-1"
            batches: Any = run.follow(after)
            seen.extend(await anext(batches))
            await batches.aclose()
        return numbers(seen)

    writer = threading.Thread(target=write)
    readers = [asyncio.ensure_future(joining()) for _ in range(5)]
    readers += [asyncio.ensure_future(coming_back()) for _ in range(5)]
    writer.start()
    await asyncio.to_thread(writer.join)
    await run.end()
    streams = await asyncio.gather(*readers)

    assert [len(stream) for stream in streams] == [count] * len(readers)
    assert all(stream == list(range(count)) for stream in streams)


async def test_readers_on_another_loop_are_woken(logs: Logs) -> None:
    run = await logs.run()
    got: list[int] = []
    waiting = threading.Event()

    async def wait() -> None:
        batches = run.follow(idle_seconds=0.01)
        await anext(batches)
        waiting.set()
        got.extend([int(event.data) async for batch in batches for event in batch])

    reader = threading.Thread(target=asyncio.run, args=(wait(),))
    reader.start()
    await asyncio.to_thread(waiting.wait, 5)
    run.publish(*range(100))
    await run.end()
    await asyncio.to_thread(reader.join, 5)

    assert got == list(range(100))


async def test_a_slow_reader_loses_its_connection_and_nobody_else(
    logs: Logs, settings: Any
) -> None:
    settings.STREAM_READER_LAG_MB = 0.001
    run = await logs.run()
    slow = run.follow()
    run.publish(0)
    assert len(await anext(slow)) == 1

    run.events.publish([("custom", b"1" * 2000)] * 2)
    await run.events.stored()
    tape = logs.reading.ring.get(run.run_id)
    assert tape is not None
    for _ in range(500):
        await asyncio.sleep(0 if tape.end == 3 else 0.01)

    with pytest.raises(ReaderTooSlow):
        await anext(slow)
    await run.end()
    assert len(await run.read()) == 3


async def test_one_large_event_makes_no_reader_slow(logs: Logs, settings: Any) -> None:
    settings.STREAM_READER_LAG_MB = 0.001
    run = await logs.run()
    batches = run.follow()
    run.publish(0)
    await anext(batches)

    run.events.publish([("custom", b"1" * 2000)])

    assert [len(event.data) for event in await anext(batches)] == [2000]
    await run.end()


async def test_a_long_run_holds_little_and_is_read_whole(logs: Logs) -> None:
    if logs.kind == "memory":
        pytest.skip("nothing else keeps what it drops")
    run = await logs.run()
    for number in range(40):
        run.events.publish([("custom", b"%d%s" % (number, b" " * 200_000))])
    await run.events.stored()
    tape = logs.writing.ring.get(run.run_id)
    assert tape is not None
    assert tape.bytes_held < 3_000_000

    run.publish(40)
    await run.end()

    assert numbers(await run.read()) == list(range(41))


async def test_small_events_are_held_no_longer_than_large_ones(logs: Logs) -> None:
    if logs.kind == "memory":
        pytest.skip("nothing else keeps what it drops")
    run = await logs.run()
    run.publish(*range(20_000))
    await run.events.stored()
    tape = logs.writing.ring.get(run.run_id)
    assert tape is not None

    assert len(tape.between(0, tape.end)) < 10_000


async def test_a_deleted_run_takes_its_events_with_it(logs: Logs) -> None:
    if logs.kind != "postgres":
        pytest.skip("they expire")
    run = await logs.run()
    run.publish(0)
    await run.end()

    await db.execute("DELETE FROM thread WHERE thread_id = %s", [run.thread_id])

    assert await db.fetch_all("SELECT 1 FROM run_event WHERE run_id = %s", [run.run_id]) == []
