from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph_sdk import get_client, get_sync_client

from common.tests.servers import LiveServer
from tests.e2e.awaited import Awaited, Client
from tests.e2e.servers import every_graph, own_database, serving


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return every_graph(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session", params=["serve", "runserver"])
def server(request: pytest.FixtureRequest, project: Path) -> Iterator[LiveServer]:
    """A live server: uvicorn on the PostgreSQL of TEST_DATABASE_URL, daphne on its own."""
    given = os.environ.get("TEST_DATABASE_URL", "") if request.param == "serve" else ""
    with (
        own_database(given) as database_url,
        serving(request.param, config=project, database_url=database_url) as server,
    ):
        yield server
        assert busy_threads(server.url) == []


def busy_threads(url: str) -> list[Any]:
    with get_sync_client(url=url) as client:
        return list(client.threads.search(status="busy"))


@pytest.fixture(params=["async", "sync"])
async def client(request: pytest.FixtureRequest, server: LiveServer) -> AsyncIterator[Client]:
    """The official client, in both of its forms."""
    if request.param == "sync":
        with get_sync_client(url=server.url) as sync_client:
            yield Awaited(sync_client)
    else:
        async with get_client(url=server.url) as client:
            yield client


@pytest.fixture
async def thread_id(client: Client) -> str:
    return str((await client.threads.create())["thread_id"])
