from __future__ import annotations

from typing import Any

import httpx
import pytest

from common import db
from crons.tests.asking import MakeCron


@pytest.fixture
def cron(api: httpx.AsyncClient) -> MakeCron:
    """Make a cron of the graph `echo`, every minute unless said otherwise, and return it."""

    async def make(*, thread_id: str | None = None, **fields: Any) -> dict[str, Any]:
        place = f"/threads/{thread_id}/runs/crons" if thread_id else "/runs/crons"
        body = {"assistant_id": "echo", "schedule": "* * * * *", **fields}
        answer = await api.post(place, json=body)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    return make


@pytest.fixture
async def no_other_crons(api: httpx.AsyncClient) -> None:
    """Leave nothing of other tests that could be due."""
    await db.execute("DELETE FROM cron")
