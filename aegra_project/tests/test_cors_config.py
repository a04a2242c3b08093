"""`http.cors` of the project file, as a browser meets it."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from common.tests.http_projects import http_section

LOCAL, OURS = "http://localhost:3000", "https://ours.example"
DEFAULTS = "x-pagination-total, x-pagination-next, content-location, location, x-request-id"


async def allowed(api: httpx.AsyncClient, origin: str, **cors: Any) -> httpx.Headers | None:
    """Return the headers of an answer that a page may read; None when it may not."""
    with http_section(cors=cors):
        answer = await api.get("/ok", headers={"origin": origin})
    headers = answer.headers
    return headers if headers.get("access-control-allow-origin") == origin else None


@pytest.mark.parametrize(
    ("cors", "may"),
    [
        ({"max_age": 5}, {LOCAL}),
        ({"allow_origins": [OURS]}, {OURS}),
        ({"allow_origins": ["https://*.example"]}, {OURS}),
        ({"allow_origins": ["*"]}, {OURS, LOCAL, "https://any.test"}),
        ({"allow_origins": []}, set()),
        ({"allow_origin_regex": r"https://\w+\.example"}, {OURS}),
        ({"allow_origin_regex": r"https://our"}, set()),
        ({"allow_origins": ["https://any.test"], "allow_origin_regex": ".*mple"}, {OURS}),
    ],
)
async def test_origins_are_those_of_the_file(
    api: httpx.AsyncClient, cors: dict[str, Any], may: set[str]
) -> None:
    seen = {origin for origin in (OURS, LOCAL) if await allowed(api, origin, **cors) is not None}

    assert seen == may & {OURS, LOCAL}


async def test_exposed_headers_and_credentials_are_added_to_what_clients_need(
    api: httpx.AsyncClient,
) -> None:
    cors = {"allow_origins": [OURS], "expose_headers": ["x-mine"], "allow_credentials": True}

    headers = await allowed(api, OURS, **cors)

    assert headers is not None
    assert headers["access-control-expose-headers"] == f"{DEFAULTS}, x-mine"
    assert headers["access-control-allow-credentials"] == "true"
    assert headers["vary"] == "origin"


async def test_a_preflight_tells_methods_headers_and_age(api: httpx.AsyncClient) -> None:
    asked = {
        "origin": OURS,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-other",
    }
    named = {"allow_methods": ["GET", "POST"], "allow_headers": ["x-mine"], "max_age": 7}
    with http_section(cors={"allow_origins": [OURS], **named}):
        answer = await api.options("/threads", headers=asked)

    assert answer.headers["access-control-allow-methods"] == "GET, POST"
    assert answer.headers["access-control-allow-headers"] == "x-mine"
    assert answer.headers["access-control-max-age"] == "7"


async def test_a_page_that_is_not_named_may_write_nothing(api: httpx.AsyncClient) -> None:
    with http_section(cors={"allow_origins": [OURS]}):
        answer = await api.post("/threads", json={}, headers={"origin": LOCAL})

    assert answer.status_code == 403
    assert "http.cors.allow_origins" in answer.json()["detail"]
