"""What only logs promise that several processes share."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from common import db
from runs.tests.event_logs import STORED, Logs, logs_of, numbers

pytestmark = [pytest.mark.usefixtures("api"), pytest.mark.timeout(30)]


@pytest.fixture(scope="module", params=STORED)
def logs(request: pytest.FixtureRequest, served: None) -> Iterator[Logs]:
    with logs_of(request.param, elsewhere=True) as made:
        yield made


async def end_connection(logs: Logs) -> None:
    """End the connection by which a log writes into the database."""
    pump: Any = logs.writing._pump
    pid = pump._store._database._conn.info.backend_pid
    assert await db.fetch_one("SELECT pg_terminate_backend(%s, 5000) AS ended", [pid]) == {
        "ended": True
    }


async def test_a_pending_run_is_followed_before_it_begins(logs: Logs) -> None:
    run = await logs.run(begun=False)
    readers = [
        asyncio.ensure_future(run.read(after, log))
        for after in ("-1", None)
        for log in (logs.writing, logs.reading)
    ]
    await asyncio.sleep(0.1)

    await run.begin()
    run.publish(0, 1)
    await run.end()

    assert [numbers(events) for events in await asyncio.gather(*readers)] == [[0, 1]] * 4


async def test_the_next_attempt_goes_on_in_the_same_stream(logs: Logs) -> None:
    run = await logs.run()
    reader = asyncio.ensure_future(run.read())
    run.publish(0)
    await run.events.stored()
    run.events.release()

    await run.begin(logs.reading)
    run.publish(1)
    await run.end()

    assert numbers(await reader) == [0, 1]
    assert numbers(await run.read(log=logs.writing)) == [0, 1]


async def test_ids_of_a_later_attempt_come_after_whatever_the_clocks_say(logs: Logs) -> None:
    run = await logs.run()
    run.events = run.open(logs.writing, datetime.now(UTC) + timedelta(seconds=5))
    run.publish(0)
    await run.events.stored()
    run.events.release()

    await run.begin(logs.reading)
    run.publish(1)
    await run.end()
    events = await run.read()

    assert numbers(events) == [0, 1]
    assert len({event.id for event in events}) == 2
    assert numbers(await run.read(events[0].id)) == [1]


async def test_an_id_that_was_never_stored_goes_on_at_the_next_attempt(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0)
    await run.events.stored()
    last = (await anext(run.follow(log=logs.writing)))[-1].id
    milliseconds, _, n = last.partition("-")
    lost = f"{int(milliseconds) + 60_000}-{n}"

    await run.begin(logs.reading)
    run.publish(1)
    await run.end()

    assert numbers(await run.read(lost)) == [1]


async def test_an_attempt_that_lost_the_run_writes_nothing(logs: Logs) -> None:
    run = await logs.run()
    stale = run.events
    run.publish(0)
    await stale.stored()
    reader = asyncio.ensure_future(run.read(log=logs.writing))
    await run.begin(logs.reading)
    run.publish(1)
    await run.events.stored()

    stale.publish([("custom", b"99")])
    await stale.stored()
    assert stale.is_refused
    stale.publish([("custom", b"100")])
    await run.end()

    assert numbers(await run.read()) == [0, 1]
    assert set(numbers(await reader)) <= {0, 99, 1}


async def test_a_flush_that_comes_after_the_end_takes_no_reader_away(logs: Logs) -> None:
    run, other = await logs.run(), await logs.run()
    run.publish(0)
    await run.events.last_words()
    run.publish(1)

    await db.execute("UPDATE run SET status = 'success' WHERE run_id = %s", [run.run_id])
    await other.events.stored()

    assert not run.events.is_refused
    run.events.close()
    assert numbers(await run.read(log=logs.writing)) == [0, 1]


# What Redis loses is found out at its next check.
@pytest.mark.parametrize("logs", ["postgres"], indirect=True)
@pytest.mark.parametrize("more", [[], [2]], ids=["all was stored", "some was not"])
async def test_what_a_crash_took_is_stored_with_the_end(logs: Logs, more: list[int]) -> None:
    run = await logs.run()
    run.publish(0, 1)
    await run.events.stored()
    # A crash ends all connections, and takes what was committed a moment before: such commits do
    # not wait for the disk.
    await db.execute("DELETE FROM run_event WHERE run_id = %s", [run.run_id])
    await end_connection(logs)
    run.publish(*more)

    await run.end()

    assert numbers(await run.read()) == [0, 1, *more]


async def test_a_stateless_run_leaves_its_output_for_those_who_wait_elsewhere(logs: Logs) -> None:
    run = await logs.run(temporary=True)
    reader = asyncio.ensure_future(run.read())
    run.publish(0)

    await run.end(b'{"a": 1}')

    assert numbers(await reader) == [0]
    assert await logs.reading.output(run.run_id) == b'{"a": 1}'


async def test_a_cancel_of_a_pending_run_ends_its_streams_at_once(logs: Logs) -> None:
    run = await logs.run(begun=False)
    readers = [asyncio.ensure_future(run.read(log=log)) for log in (logs.writing, logs.reading)]
    await asyncio.sleep(0.1)

    await db.execute("UPDATE run SET status = 'interrupted' WHERE run_id = %s", [run.run_id])
    logs.writing.tell_ended([run.run_id])

    async with asyncio.timeout(2):
        assert await asyncio.gather(*readers) == [[], []]


async def test_nothing_is_kept_of_a_run_that_nobody_follows(logs: Logs) -> None:
    run = await logs.run()
    run.publish(0)
    await run.end()

    await run.read()

    assert logs.reading.ring.get(run.run_id) is None
