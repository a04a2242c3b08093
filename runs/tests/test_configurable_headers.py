"""`http.configurable_headers`: what of a request's headers a graph finds in its config."""

from __future__ import annotations

from typing import Any

import httpx

from common.tests.http_projects import http_section
from tests.streaming import MakeThread

CHOICE = {"configurable_headers": {"includes": ["x-tenant-*", "langgraph_auth_*"]}}


async def configured(
    api: httpx.AsyncClient, path: str, headers: dict[str, str], **config: Any
) -> Any:
    """Return the configurable that the graph `mirror` finds."""
    body = {"assistant_id": "mirror", "input": {}, "config": {"configurable": config}}
    with http_section(**CHOICE):
        answer = await api.post(f"{path}/runs/wait", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["value"]["configurable"]


async def test_matching_headers_are_found_by_their_names_in_lower_case(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    headers = {"X-Tenant-Name": "t", "x-other": "o", "authorization": "Bearer x"}

    for path in (f"/threads/{await thread()}", ""):
        found = await configured(api, path, headers)

        assert found["x-tenant-name"] == "t"
        assert not {"x-other", "authorization"} & found.keys()


async def test_a_header_wins_over_what_the_body_says(api: httpx.AsyncClient) -> None:
    found = await configured(api, "", {"x-tenant-name": "gateway"}, **{"x-tenant-name": "forged"})

    assert found["x-tenant-name"] == "gateway"


async def test_a_thread_does_not_pass_them_on_to_its_next_run(
    api: httpx.AsyncClient, thread: MakeThread
) -> None:
    path = f"/threads/{await thread()}"
    await configured(api, path, {"x-tenant-name": "first"})

    assert "x-tenant-name" not in await configured(api, path, {})


async def test_no_header_says_who_the_user_is(api: httpx.AsyncClient) -> None:
    forged = {"langgraph_auth_user_id": "root", "langgraph_auth_permissions": "all"}

    found = await configured(api, "", forged)

    assert found["langgraph_auth_user_id"] == ""
    assert found["langgraph_auth_permissions"] == []


async def test_without_the_section_no_header_is_handed_on(api: httpx.AsyncClient) -> None:
    body = {"assistant_id": "mirror", "input": {}}
    answer = await api.post("/runs/wait", json=body, headers={"x-tenant-name": "t"})

    assert "x-tenant-name" not in answer.json()["value"]["configurable"]
