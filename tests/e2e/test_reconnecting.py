"""Clients whose connection breaks, and who attach again to where `Location` says."""

from __future__ import annotations

import pytest

from common.tests.servers import LiveServer
from tests.e2e.asking import data_of
from tests.e2e.awaited import Connected
from tests.e2e.breaking import breaking

pytestmark = pytest.mark.slow

HEADERS = b"\r\n\r\n"
"""What the headers of an answer end with."""


async def test_a_broken_stream_goes_on_where_it_was(
    connected: Connected, server: LiveServer
) -> None:
    async with (
        breaking(server.url, after=b"event: custom", times=3) as (url, line),
        connected(url) as client,
    ):
        thread = await client.threads.create()
        stream = client.runs.stream(
            thread["thread_id"],
            "writer",
            input={"count": 8},
            stream_mode="custom",
            stream_resumable=True,
        )
        parts = [part async for part in stream]

    assert line.is_broken
    assert len({part.id for part in parts}) == len(parts)
    assert [written["n"] for written in data_of(parts, "custom")] == [*range(8)]


@pytest.mark.filterwarnings("ignore:Request failed, attempting reconnect")
async def test_a_broken_wait_is_answered_all_the_same(
    connected: Connected, server: LiveServer
) -> None:
    second = breaking(server.url, after=HEADERS, times=2)
    async with second as (url, line), connected(url) as client:
        thread = await client.threads.create()
        values = await client.runs.wait(thread["thread_id"], "sleeper", input={"seconds": 0.3})

    assert line.is_broken
    assert values["done"]


@pytest.mark.filterwarnings("ignore:Request failed, attempting reconnect")
async def test_a_stateless_run_is_waited_for_again(
    connected: Connected, server: LiveServer
) -> None:
    async with breaking(server.url, after=HEADERS) as (url, line), connected(url) as client:
        values = await client.runs.wait(None, "sleeper", input={"seconds": 2})

    assert line.is_broken
    assert values["done"]
