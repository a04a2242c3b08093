"""What the tests of crons ask of the API and the database."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import httpx

from common import db

MakeCron: TypeAlias = Callable[..., Awaitable[dict[str, Any]]]

# An id that nothing has.
NOBODY = "00000000-0000-4000-8000-000000000404"
LONG_AGO = "UPDATE cron SET next_run_date = now() - interval '3 days 30 seconds' WHERE cron_id = %s"


async def make_due(cron: dict[str, Any]) -> None:
    """Have a cron be three days late."""
    await db.execute(LONG_AGO, [cron["cron_id"]])


async def kept(cron: dict[str, Any]) -> dict[str, Any]:
    """Return all that is kept of a cron."""
    row = await db.fetch_one("SELECT * FROM cron WHERE cron_id = %s", [cron["cron_id"]])
    assert row is not None
    return dict(row)


async def runs_of(api: httpx.AsyncClient, cron: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the runs that a cron has made."""
    body = {"metadata": {"cron_id": cron["cron_id"]}, "limit": 100}
    answer = await api.post("/runs/search", json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found
