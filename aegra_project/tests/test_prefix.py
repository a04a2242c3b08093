"""`http.mount_prefix`: what is served below it, and what at the root."""

from __future__ import annotations

import httpx
import pytest
from django.templatetags.static import static
from langgraph_sdk import get_client

from common.tests.http_projects import http_section
from tests.streaming import MakeThread


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/my/api/info", 200),
        ("/my/api/ok", 200),
        ("/my/api/", 200),
        ("/my/api", 200),
        ("/my/api/threads/x", 422),
        ("/my/api/nothing", 404),
        ("/my/api/my/api/ok", 404),
        ("/ok", 200),
        ("/", 200),
        ("/info", 404),
        ("/threads/x", 404),
        ("/admin/", 404),
        ("/my/apis/ok", 404),
        ("/my", 404),
    ],
)
async def test_routes_live_below_the_prefix(
    other_api: httpx.AsyncClient, path: str, status: int
) -> None:
    with http_section(mount_prefix="/my/api"):
        answer = await other_api.get(path)

    assert answer.status_code == status
    assert status != 404 or answer.json() == {"detail": "Not Found"}


async def test_what_names_a_path_names_the_prefix(other_api: httpx.AsyncClient) -> None:
    with http_section(mount_prefix="/my/api"):
        root = await other_api.get("/")
        icon = static("aegra_project/favicon.svg")

    assert root.json() == {"ok": True, "docs": "/my/api/docs", "admin": "/my/api/admin/"}
    assert icon == "/my/api/static/aegra_project/favicon.svg"


async def test_a_run_is_found_again_by_its_location(
    other_api: httpx.AsyncClient, thread: MakeThread
) -> None:
    """Clients put the location behind the URL they know, prefix and all."""
    thread_id = await thread()
    body = {"assistant_id": "echo", "input": {"messages": []}}
    with http_section(mount_prefix="/my/api"):
        run = await other_api.post(f"/my/api/threads/{thread_id}/runs/stream", json=body)
        again = await other_api.get(f"/my/api{run.headers['location']}")

    assert run.headers["location"].startswith(f"/threads/{thread_id}/runs/")
    assert again.status_code == 200


async def test_clients_in_the_process_know_no_prefix(other_api: httpx.AsyncClient) -> None:
    with http_section(mount_prefix="/my/api"):
        assert await get_client().threads.count() >= 0
