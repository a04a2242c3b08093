"""A Redis that lost what it had: processes write again what they still have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from redis import Redis

from runs.events import pump
from runs.tests import event_logs
from runs.tests.event_logs import Logs, numbers

# Emptying it is felt by nobody else.
OWN_URL = event_logs.REDIS_URL.rpartition("/")[0] + "/8"


@pytest.fixture
def logs(served: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Logs]:
    monkeypatch.setattr(pump, "CHECK_SECONDS", 0.3)
    with event_logs.redis(OWN_URL) as writing, event_logs.redis(OWN_URL) as reading:
        yield Logs(writing=writing, reading=reading, kind="redis")


def emptied() -> None:
    with Redis.from_url(OWN_URL) as client:
        client.flushdb()


async def test_a_run_that_is_over_is_read_whole_while_it_is_filled_again(logs: Logs) -> None:
    run = await logs.run()
    run.publish(1, 2)
    await run.end()

    emptied()

    assert numbers(await run.read()) == [1, 2]


async def test_who_waits_elsewhere_for_a_stateless_run_is_answered(logs: Logs) -> None:
    run = await logs.run(temporary=True)
    run.publish(1)
    await run.end(b'{"said": 1}')

    emptied()

    assert numbers(await run.read()) == [1]
    assert await logs.reading.output(run.run_id) == b'{"said": 1}'
