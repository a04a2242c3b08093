from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from django.conf import settings
from django.test import RequestFactory

from access.authenticate import is_from_here

ClientAt = Callable[[str], httpx.AsyncClient]


async def test_another_machine_is_403_and_told_what_to_set(client_at: ClientAt) -> None:
    async with client_at("192.0.2.7") as far:
        answer = await far.post("/threads", json={})

    assert answer.status_code == 403
    assert "ALLOW_ANONYMOUS" in answer.json()["detail"]


async def test_another_machine_may_ask_whether_the_server_runs(client_at: ClientAt) -> None:
    async with client_at("192.0.2.7") as far:
        assert (await far.get("/ok")).status_code == 200
        assert (await far.get("/info")).status_code == 200


async def test_everybody_is_served_when_the_setting_says_so(
    client_at: ClientAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "ALLOW_ANONYMOUS", True)

    async with client_at("192.0.2.7") as far:
        assert (await far.post("/threads/count", json={})).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "forwarded", "x-real-ip", "via"],
)
async def test_a_forwarded_request_is_from_elsewhere(api: httpx.AsyncClient, header: str) -> None:
    answer = await api.post("/threads/count", json={}, headers={header: "127.0.0.1"})

    assert answer.status_code == 403
    assert "proxy" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("peer", "is_here"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("", True),
        ("::ffff:192.0.2.7", False),
        ("10.0.0.1", False),
        ("fe80::1", False),
        ("testclient", False),
    ],
)
def test_loopback_is_here(peer: str, is_here: bool) -> None:
    assert is_from_here(RequestFactory().get("/", REMOTE_ADDR=peer)) is is_here
