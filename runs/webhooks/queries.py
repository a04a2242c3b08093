"""The SQL of webhook deliveries: announce, read, record, forget."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import httpx
from psycopg import sql

from common import db
from common.background import defer
from common.db import Connection, Row, jsonb
from common.http_config import http_config
from common.ids import uuid7
from common.jsoncodec import JsonObject, RawJson
from runs.spec import ClaimedRun
from runs.webhooks.urls import shown

TASK = "runs.jobs.send_webhook"
# A receiver may keep a job waiting: what else is due goes first.
PRIORITY = -1
FORGOTTEN_AT_ONCE = 1000

_PAYLOAD = """
jsonb_build_object(
  'run_id', run.run_id, 'thread_id', run.thread_id, 'assistant_id', run.assistant_id,
  'metadata', run.metadata, 'status', {status}, 'kwargs', run.kwargs,
  'multitask_strategy', run.multitask_strategy, 'created_at', run.created_at,
  'updated_at', {ended_at}, 'run_started_at', run.started_at, 'run_ended_at', {ended_at},
  'values', {values})
"""
_ERROR = "CASE WHEN {error} IS NULL THEN '{{}}' ELSE jsonb_build_object('error', {error}) END"
INSERT = """
INSERT INTO webhook_delivery (delivery_id, run_id, thread_id, url, payload)
SELECT %(delivery_id)s, run.run_id, run.thread_id, %(url)s, {payload} || {error} FROM {source}
RETURNING delivery_id
"""

# Of a run that this transaction has settled, with the values that it has left.
ANNOUNCE = sql.SQL(INSERT).format(
    payload=sql.SQL(_PAYLOAD).format(
        status=sql.SQL("run.status"),
        ended_at=sql.SQL("run.ended_at"),
        values=sql.SQL("thread.values"),
    ),
    error=sql.SQL(_ERROR).format(error=sql.SQL("run.error")),
    source=sql.SQL("run JOIN thread USING (thread_id) WHERE run.run_id = %(run_id)s"),
)

# Of a run that this transaction deletes; one to be rolled back is not told of. Locked, so that
# it is the same attempt that is deleted.
ANNOUNCE_TEMPORARY = sql.SQL(INSERT).format(
    payload=sql.SQL(_PAYLOAD).format(
        status=sql.SQL(
            "CASE WHEN run.cancel_action IS NULL OR %(status)s IN ('error', 'timeout') "
            "THEN %(status)s ELSE 'interrupted' END"
        ),
        ended_at=sql.SQL("now()"),
        values=sql.SQL("%(values)s::jsonb"),
    ),
    error=sql.SQL(_ERROR).format(error=sql.SQL("%(error)s::jsonb")),
    source=sql.SQL(
        "(SELECT * FROM run WHERE run_id = %(run_id)s AND attempt = %(attempt)s AND "
        "status = 'running' AND cancel_action IS DISTINCT FROM 'rollback' FOR UPDATE) AS run"
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a run ended that goes with its thread."""

    status: str
    error: JsonObject | None
    output: bytes | None


async def announce(tx: Connection, run_id: UUID, *, webhook: str) -> None:
    """Have the end of a run told, which this transaction has settled."""
    await _announce(tx, ANNOUNCE, webhook, {"run_id": run_id})


async def announce_temporary(tx: Connection, run: ClaimedRun, ending: Ending) -> None:
    """Have the end of a run told, before this transaction deletes it."""
    has_values = ending.output is not None and ending.error is None
    parameters = {
        "run_id": run.run_id,
        "attempt": run.attempt,
        "status": ending.status,
        "error": jsonb(ending.error),
        "values": jsonb(RawJson(ending.output or b"")) if has_values else None,
    }
    await _announce(tx, ANNOUNCE_TEMPORARY, run.webhook or "", parameters)


async def _announce(
    tx: Connection, statement: sql.Composed, webhook: str, parameters: dict[str, object]
) -> None:
    if "webhooks" in http_config().disabled:
        return
    delivery_id = uuid7()
    named = {"delivery_id": delivery_id, "url": shown(httpx.URL(webhook)), **parameters}
    written = await tx.execute(statement, named)
    if await written.fetchone():
        arguments: JsonObject = {"delivery_id": str(delivery_id)}
        await defer(tx, TASK, arguments, queue="webhooks", priority=PRIORITY)


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingDelivery:
    """What is to be sent now."""

    delivery_id: UUID
    run_id: UUID
    url: str
    """The whole one."""

    body: bytes
    sent_at: int
    """Now, in Unix seconds."""

    attempts: int


PENDING = """
SELECT run_id, payload #>> '{kwargs,webhook}' AS url, attempts,
       extract(epoch FROM now())::bigint AS sent_at,
       (SELECT jsonb_object_agg(key, value)
          FROM jsonb_each(payload || jsonb_build_object('webhook_sent_at', now()))
         WHERE %(fields)s::text[] IS NULL OR key = ANY(%(fields)s)) AS body
  FROM webhook_delivery WHERE delivery_id = %(delivery_id)s AND status = 'pending'
"""


async def pending_delivery(
    delivery_id: UUID, *, fields: tuple[str, ...] | None
) -> PendingDelivery | None:
    """Return a delivery with the body that says it is sent now; None when it is done with."""
    parameters = {"delivery_id": delivery_id, "fields": list(fields) if fields else None}
    row = await db.fetch_one(PENDING, parameters)
    return _pending(delivery_id, row) if row else None


def _pending(delivery_id: UUID, row: Row) -> PendingDelivery:
    return PendingDelivery(
        delivery_id=delivery_id,
        run_id=row["run_id"],
        url=row["url"],
        body=row["body"].text if row["body"] else b"{}",
        sent_at=row["sent_at"],
        attempts=row["attempts"],
    )


RECORD = """
UPDATE webhook_delivery SET status = %(status)s, attempts = attempts + 1,
       status_code = %(status_code)s, error = %(error)s, attempted_at = now()
 WHERE delivery_id = %(delivery_id)s AND status = 'pending'
"""


async def record_attempt(
    delivery_id: UUID, *, status: str, status_code: int | None, error: str | None
) -> None:
    """Write down how an attempt went, and what becomes of the delivery."""
    parameters = {
        "delivery_id": delivery_id,
        "status": status,
        "status_code": status_code,
        "error": error,
    }
    await db.execute(RECORD, parameters)


FORGET = """
DELETE FROM webhook_delivery WHERE delivery_id IN (
  SELECT delivery_id FROM webhook_delivery
   WHERE created_at < now() - make_interval(secs => %(seconds)s) AND status <> 'pending'
   ORDER BY created_at LIMIT %(limit)s)
"""


async def forget_deliveries(*, older_than_seconds: float) -> int:
    """Delete old deliveries that are done with, so many at a time; returns how many went."""
    gone = 0
    while True:
        parameters = {"seconds": older_than_seconds, "limit": FORGOTTEN_AT_ONCE}
        deleted = await db.execute(FORGET, parameters)
        gone += deleted
        if deleted < FORGOTTEN_AT_ONCE:
            return gone
