"""Many threads at once, for what has to be quick among them."""

from __future__ import annotations

# `graph_id` and `topic` many threads have, `owner` few, `customer` and the messages' ids one each;
# those of the graph `old`, and those that are `archived`, are older than all others. Half of all
# are `rated`, but none of the newest 3000.
FILL = """
INSERT INTO thread (thread_id, metadata, values, created_at, updated_at, state_updated_at)
SELECT gen_random_uuid(),
       jsonb_build_object('graph_id',
                          CASE WHEN n < {threads} / 5 THEN 'old' ELSE 'g' || mod(n, 5) END,
                          'owner', 'user-' || mod(n, 1000), 'number', n,
                          'archived', n < {threads} / 3),
       jsonb_build_object('topic', CASE mod(n, 2) WHEN 0 THEN 'rain' ELSE 'sun' END, 'customer', n,
         'rated', mod(n, 2) = 0 AND n <= {threads} - 3000,
         'messages', (
           SELECT jsonb_agg(jsonb_build_object('type', 'human', 'id', md5(n || '.' || m),
                    'content', repeat(md5(n || ' ' || m), 8), 'additional_kwargs', '{{}}'::jsonb))
             FROM generate_series(1, 6) AS m)),
       at, at, at
  FROM generate_series(1, {threads}) AS n,
       LATERAL (SELECT now() - ({threads} - n) * interval '1 second' AS at) AS moment
"""
VACUUM = "VACUUM (ANALYZE) thread"
REMOVE = "DELETE FROM thread WHERE jsonb_exists(metadata, 'archived')"


def filling(threads: int) -> str:
    """Return the statement that makes so many threads."""
    return FILL.format(threads=threads)
