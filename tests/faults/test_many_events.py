"""A run that says very much: it costs no memory, and nobody who reads holds it up."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import psutil
import pytest

from tests.faults.cluster import Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

COUNT = 100_000
# What a run holds while it goes on, what is held of all that have ended, and what else varies.
HELD_MB, RING_MB, VARYING_MB = 2, 4, 12
Frame = tuple[str, bytes]


class Flood:
    """A run of many small events."""

    def __init__(self, api: httpx.Client, count: int = COUNT) -> None:
        self._api = api
        thread = api.post("/threads", json={}).json()["thread_id"]
        body = {
            "assistant_id": "flood",
            "input": {"count": count},
            "stream_mode": "custom",
            "stream_resumable": True,
        }
        self._began = time.monotonic()
        run = api.post(f"/threads/{thread}/runs", json=body).json()
        self.path = f"/threads/{thread}/runs/{run['run_id']}"

    def seconds(self) -> float:
        """Wait until it has ended; return how long that took."""
        while (status := self._api.get(self.path).json()["status"]) in ("pending", "running"):
            time.sleep(0.1)
        assert status == "success"
        return time.monotonic() - self._began

    def numbers(self, after: str = "-1") -> Iterator[int]:
        """Read what it says, from the start, until it has ended."""
        headers = {"Last-Event-ID": after}
        with self._api.stream("GET", f"{self.path}/stream", headers=headers) as answer:
            for line in answer.iter_lines():
                if line.startswith('data: {"n":'):
                    yield int(line[11:-1])


@pytest.mark.alone
def test_a_run_of_100000_events_holds_little_and_waits_for_no_reader(cluster: Cluster) -> None:
    cluster.environment["EVENT_RING_MB"] = str(RING_MB)
    server = cluster.started("a", "serve")
    process = psutil.Process(server.process.pid)
    with cluster.client("a", seconds=60) as api:
        Flood(api, count=COUNT // 4).seconds()
        before = unique_mb(process)

        flood = Flood(api)
        alone_seconds = flood.seconds()
        after = unique_mb(process)
        assert list(flood.numbers()) == list(range(COUNT))

        flood = Flood(api)
        slow = flood.numbers()
        first = next(slow)
        beside_seconds = flood.seconds()
        read_later = [first, *slow]

        in_the_end = unique_mb(process)

    assert read_later == list(range(COUNT))
    assert beside_seconds < alone_seconds * 1.5 + 2
    assert after - before < HELD_MB + RING_MB + VARYING_MB
    assert in_the_end - before < HELD_MB + RING_MB + VARYING_MB


def unique_mb(process: psutil.Process) -> float:
    """Return the memory that would be free if a process ended (USS)."""
    return float(process.memory_full_info().uss) / 1_000_000
