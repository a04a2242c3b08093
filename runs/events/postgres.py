"""The store in PostgreSQL: a row for each flush of a run, and a NOTIFY for each flush."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from uuid import UUID

import psycopg

from common import notices
from runs.events import queries
from runs.events.database import Database
from runs.events.ids import Position
from runs.events.store import PAGE_BYTES, PAGE_CHUNKS, Chunk, Found, Page

logger = logging.getLogger(__name__)

CHANNEL = "aegra_events"
# A payload has less than 8,000 bytes; a word has 33 and a space.
WORDS_AT_ONCE = 200


class PostgresStore:
    in_database = True

    def __init__(self, listener: notices.Listener) -> None:
        self._database = Database()
        self._listener = listener

    def listen(
        self, on_words: Callable[[Sequence[str]], object], on_gap: Callable[[], object]
    ) -> None:
        self._listener.listen(CHANNEL, lambda payload: on_words(payload.split()), on_gap)

    def append(
        self, chunks: Sequence[Chunk], words: Collection[str], ended: Collection[UUID]
    ) -> set[tuple[UUID, int]]:
        try:
            with self._database.connection() as conn:
                stored = queries.insert(conn, chunks, _payloads(words))
        except psycopg.Error as exc:
            if len(chunks) > 1:
                return set().union(*(self.append([chunk], words, ended) for chunk in chunks))
            logger.warning("events that cannot be stored: %s", exc)
            return set()
        return {(chunk.run_id, chunk.attempt) for chunk in chunks} - stored

    def read(self, wanted: Sequence[tuple[UUID, Position]]) -> list[Found]:
        with self._database.connection() as conn:
            rows = queries.read(conn, wanted, chunks=PAGE_CHUNKS, size=PAGE_BYTES)
        pages: dict[UUID, Page] = {}
        after = dict(wanted)
        for run_id, is_over, has_more, attempt, body in rows:
            page = pages.get(run_id)
            if page is None:
                page = pages[run_id] = Page(after[run_id], has_more=has_more, is_over=is_over)
            if body:
                page.add(attempt, body)
        return [pages[run_id].found for run_id, _ in wanted]

    def last(self, run_ids: Collection[UUID]) -> dict[UUID, Position]:
        if not run_ids:
            return {}
        with self._database.connection() as conn:
            return queries.last(conn, run_ids)

    def output(self, run_id: UUID) -> bytes | None:
        with self._database.connection() as conn:
            return queries.output(conn, run_id)

    def is_connected(self) -> bool:
        return self._database.is_connected()

    def is_whole(self) -> bool:
        return True

    def close(self) -> None:
        self._database.close()


def _payloads(words: Collection[str]) -> list[str]:
    listed = sorted(words)
    return [
        " ".join(listed[start : start + WORDS_AT_ONCE])
        for start in range(0, len(listed), WORDS_AT_ONCE)
    ]
