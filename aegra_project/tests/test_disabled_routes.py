"""`http.disable_…`: groups of routes that a project does without."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import httpx
import pytest
from django.urls import clear_url_caches
from drf_spectacular.generators import SchemaGenerator
from pytest_django import Settings

from aegra_project.urls import patterns
from common.tests.http_projects import http_section


@pytest.fixture
def disable(settings: Settings) -> Any:
    def disabled(*groups: str) -> ModuleType:
        urls = ModuleType("urls_of_a_test")
        urls.urlpatterns = patterns(groups)  # type: ignore[attr-defined]
        settings.ROOT_URLCONF = urls
        clear_url_caches()
        return urls

    yield disabled
    clear_url_caches()


async def status(other_api: httpx.AsyncClient, method: str, path: str) -> int:
    answer = await other_api.request(method, path, json={})
    assert answer.status_code != 404 or answer.json() == {"detail": "Not Found"}
    return answer.status_code


@pytest.mark.parametrize(
    ("group", "method", "path"),
    [
        ("assistants", "POST", "/assistants/search"),
        ("threads", "POST", "/threads"),
        ("runs", "POST", "/runs/wait"),
        ("runs", "GET", "/threads/x/runs"),
        ("runs", "POST", "/runs/crons"),
        ("store", "POST", "/store/namespaces"),
        ("meta", "GET", "/info"),
        ("meta", "GET", "/docs"),
    ],
)
async def test_a_group_is_gone_and_the_others_are_there(
    other_api: httpx.AsyncClient, disable: Any, group: str, method: str, path: str
) -> None:
    assert await status(other_api, method, path) != 404

    urls = disable(group)

    assert await status(other_api, method, path) == 404
    assert await status(other_api, "GET", "/ok") == 200
    other = "/threads/count" if group != "threads" else "/assistants/count"
    assert await status(other_api, "POST", other) == 200
    generator: Any = SchemaGenerator
    schema = generator(urlconf=urls).get_schema(request=None, public=True)
    assert path.replace("/x/", "/{thread_id}/") not in schema["paths"]


@pytest.mark.parametrize(("group", "flag"), [("assistants", "assistants"), ("runs", "crons")])
async def test_front_ends_are_told_what_is_not_there(
    other_api: httpx.AsyncClient, group: str, flag: str
) -> None:
    with http_section(**{f"disable_{group}": True}):
        assert (await other_api.get("/info")).json()["flags"][flag] is False
