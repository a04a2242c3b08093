"""Many threads whose time to live is over, each with five checkpoints and a run."""

from __future__ import annotations

# Every other one keeps its newest checkpoint; of a hundred, one is busy, in a process that nobody
# knows, and one waits for an answer.
THREADS = """
INSERT INTO thread (thread_id, ttl_minutes, ttl_strategy, status, settled_status, metadata,
                    updated_at)
SELECT gen_random_uuid(), 60, CASE mod(n, 2) WHEN 0 THEN 'delete' ELSE 'keep_latest' END,
       CASE mod(n, 100) WHEN 0 THEN 'busy' WHEN 1 THEN 'interrupted' ELSE 'idle' END,
       CASE mod(n, 100) WHEN 1 THEN 'interrupted' ELSE 'idle' END,
       '{{"expired": true}}', now() - interval '2 hours' - n * interval '1 second'
  FROM generate_series(1, {threads}) AS n
"""
RUNS = """
INSERT INTO run (run_id, thread_id, assistant_id, status, multitask_strategy, lease_until, ended_at)
SELECT gen_random_uuid(), thread_id, gen_random_uuid(),
       CASE status WHEN 'busy' THEN 'running' ELSE 'success' END, 'enqueue',
       CASE status WHEN 'busy' THEN now() + interval '1 day' END,
       CASE WHEN status <> 'busy' THEN now() END
  FROM thread WHERE metadata @> '{{"expired": true}}'
"""
CHECKPOINTS = """
INSERT INTO checkpoints (thread_id, checkpoint_ns, checkpoint_id, checkpoint, metadata)
SELECT thread_id::text, '', step::text,
       jsonb_build_object('v', 4, 'channel_versions', jsonb_build_object('messages', step::text)),
       jsonb_build_object('step', step)
  FROM thread, generate_series(1, 5) AS step WHERE thread.metadata @> '{{"expired": true}}'
"""
BLOBS = """
INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
SELECT thread_id::text, '', 'messages', step::text, 'msgpack',
       convert_to(repeat(md5(thread_id::text || step), 20), 'UTF8')
  FROM thread, generate_series(1, 5) AS step WHERE thread.metadata @> '{{"expired": true}}'
"""
FILL = (THREADS, RUNS, CHECKPOINTS, BLOBS)


def filling(threads: int) -> list[str]:
    """Return the statements that make so many threads."""
    return [statement.format(threads=threads) for statement in FILL]
