from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from common.tests.http_projects import http_section

LOGGER = "aegra_project.access_log"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    caplog.set_level(logging.INFO, logger=LOGGER)
    return lambda: [record for record in caplog.records if record.name == LOGGER]


async def test_a_request_is_told_of_in_one_line(
    api: httpx.AsyncClient, lines: Any, settings: Settings
) -> None:
    settings.ACCESS_LOG = True

    await api.get("/threads/x?secret=1", headers={"x-request-id": "mine", "authorization": "s"})

    [line] = lines()
    told = line.getMessage()
    assert told.startswith("GET /threads/x 422 ")
    assert told.endswith(" ms mine")
    assert (line.method, line.status, line.request_id, line.headers) == ("GET", 422, "mine", {})


async def test_the_headers_that_the_project_names_are_in_it(
    api: httpx.AsyncClient, lines: Any
) -> None:
    with http_section(logging_headers={"includes": ["x-tenant-*"]}):
        await api.get("/ok", headers={b"X-Tenant-Name": b"50%s\x85", b"x-other": b"o"})

    [line] = lines()
    assert line.getMessage().endswith(" x-tenant-name=50%s\\x85")
    assert line.headers == {"x-tenant-name": "50%s\\x85"}


async def test_a_path_cannot_forge_a_second_line(
    api: httpx.AsyncClient, lines: Any, settings: Settings
) -> None:
    settings.ACCESS_LOG = True

    await api.get("/a%0ab")

    assert lines()[0].getMessage().startswith("GET /a\\nb 404 ")


async def test_nothing_is_told_unless_it_is_wanted(api: httpx.AsyncClient, lines: Any) -> None:
    await api.get("/ok")

    assert lines() == []
