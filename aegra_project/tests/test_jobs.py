from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import httpx
from django.utils import timezone

from aegra_project.jobs import forget_sessions
from common import db

INSERT = "INSERT INTO django_session (session_key, session_data, expire_date) VALUES (%s, '', %s)"
KEYS = "SELECT session_key FROM django_session WHERE session_key = ANY(%s)"


async def test_sessions_go_when_they_have_run_out(api: httpx.AsyncClient) -> None:
    old, new = uuid4().hex, uuid4().hex
    await db.execute(INSERT, [old, timezone.now() - timedelta(hours=1)])
    await db.execute(INSERT, [new, timezone.now() + timedelta(hours=1)])

    await forget_sessions(0)

    assert [row["session_key"] for row in await db.fetch_all(KEYS, [[old, new]])] == [new]
