"""The store in Redis Streams: an entry for each flush of a run, a message for each flush.

That a run is over stands in the database alone, as everywhere. Redis may be stopped or emptied:
runs go on, and write again what their processes still have when it is back.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from django.conf import settings
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry

from runs.events import queries
from runs.events.database import Database
from runs.events.ids import Position
from runs.events.store import Chunk, Found, Page, StoreLost

CHANNEL = "aegra:events"
EPOCH = "aegra:epoch"
EMPTIED = "Redis has lost what it had."
SOCKET_SECONDS = 5.0
RECONNECT_SECONDS = 0.5
TURN_SECONDS = 0.5
PAGE_ENTRIES = 16

# An entry's id is its attempt and its last event's number, so that no earlier attempt writes
# after a later one, and nothing is written twice that was in doubt when a connection broke.
APPEND = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
local refused = {}
for i = 2, #KEYS do
  local at = 4 + (i - 2) * 4
  local attempt, last, body, output = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local newest = redis.call('XREVRANGE', KEYS[i], '+', '-', 'COUNT', 1)[1]
  if newest and tonumber(string.match(newest[1], '^%d+')) > tonumber(attempt) then
    refused[#refused + 1] = i - 2
  else
    redis.pcall('XADD', KEYS[i], attempt .. '-' .. last, 'b', body, 'o', output)
    redis.call('EXPIRE', KEYS[i], ARGV[2])
  end
end
if ARGV[3] ~= '' then redis.call('PUBLISH', 'aegra:events', ARGV[3]) end
return refused
"""


def client(url: str) -> Redis:
    """Return a client that connects when it is used, and never tries twice by itself."""
    return Redis.from_url(
        url,
        socket_timeout=SOCKET_SECONDS,
        socket_connect_timeout=SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )


class RedisStore:
    in_database = False

    def __init__(self, url: str) -> None:
        self._url = url
        self._client = client(url)
        self._append = self._client.register_script(APPEND)
        self._database = Database()
        self._epoch: bytes | None = None
        self._stopping = threading.Event()
        self._listener: threading.Thread | None = None

    def check(self) -> None:
        """Raise StoreLost, in one line, when there is no Redis to be used."""
        address = urlsplit(self._url)
        place = f"{address.hostname}:{address.port or 6379}" if address.hostname else address.path
        try:
            # A script may be forbidden where a value may be read.
            with self._connected():
                self._client.eval("return 1", 0)
        except (StoreLost, RedisError) as exc:
            raise StoreLost(
                f"EVENT_BUS_URL leads to no usable Redis at {place}: {exc} Start Redis there, "
                "correct the setting, or leave it out: events then go through PostgreSQL."
            ) from exc

    def listen(
        self, on_words: Callable[[Sequence[str]], object], on_gap: Callable[[], object]
    ) -> None:
        self._listener = threading.Thread(
            target=self._listen, args=(on_words, on_gap), name="redis", daemon=True
        )
        self._listener.start()

    def append(
        self, chunks: Sequence[Chunk], words: Collection[str], ended: Collection[UUID]
    ) -> set[tuple[UUID, int]]:
        # A run that says nothing for long must find its stream again.
        kept_seconds = int(settings.RUN_TIMEOUT_SECONDS + settings.EVENT_RETENTION_SECONDS) + 1
        arguments: list[Any] = [b"", kept_seconds, " ".join(words)]
        for chunk in chunks:
            arguments += [chunk.attempt, chunk.last, chunk.body, chunk.output or b""]
        with self._connected() as epoch:
            arguments[0] = epoch
            keys = [EPOCH, *(_key(chunk.run_id) for chunk in chunks)]
            refused = self._append(keys=keys, args=arguments)
            if refused is None:
                raise StoreLost(EMPTIED)
            with self._client.pipeline(transaction=False) as pipeline:
                for run_id in ended:
                    pipeline.expire(_key(run_id), int(settings.EVENT_RETENTION_SECONDS) + 1)
                pipeline.execute()
        return {(chunks[place].run_id, chunks[place].attempt) for place in refused}

    def read(self, wanted: Sequence[tuple[UUID, Position]]) -> list[Found]:
        with self._database.connection() as conn:
            # Before its events are looked for: what it said last is never overlooked.
            over = queries.over_among(conn, [run_id for run_id, _ in wanted])
        with self._reading() as (pipeline, answers):
            for run_id, (attempt, number) in wanted:
                pipeline.xrange(_key(run_id), f"({attempt}-{number}", "+", count=PAGE_ENTRIES)
        found = []
        for (run_id, after), entries in zip(wanted, answers, strict=True):
            page = Page(after, has_more=len(entries) == PAGE_ENTRIES, is_over=run_id in over)
            for entry_id, fields in entries:
                page.add(_position(entry_id)[0], fields[b"b"])
            found.append(page.found)
        return found

    def last(self, run_ids: Collection[UUID]) -> dict[UUID, Position]:
        return {
            run_id: _position(entry[0])
            for run_id, entry in zip(run_ids, self._newest(run_ids), strict=True)
            if entry
        }

    def output(self, run_id: UUID) -> bytes | None:
        (newest,) = self._newest([run_id])
        return newest[1][b"o"] or None if newest else None

    def is_connected(self) -> bool:
        # Nothing depends on it: `is_whole` finds out.
        return True

    def is_whole(self) -> bool:
        with self._connected() as epoch:
            if self._client.get(EPOCH) == epoch:
                return True
        self._epoch = None
        return False

    def close(self) -> None:
        self._stopping.set()
        if self._listener:
            self._listener.join(TURN_SECONDS * 2)
        self._client.close()
        self._database.close()

    def _newest(self, run_ids: Collection[UUID]) -> list[Any]:
        with self._reading() as (pipeline, answers):
            for run_id in run_ids:
                pipeline.xrevrange(_key(run_id), count=1)
        return [entries[0] if entries else None for entries in answers]

    @contextmanager
    def _reading(self) -> Iterator[tuple[Any, list[Any]]]:
        """Lend a pipeline of reads, and fill the list with its answers when the block ends.

        Raises StoreLost when Redis was emptied: nothing then means nothing.
        """
        answers: list[Any] = []
        with self._connected() as epoch, self._client.pipeline(transaction=False) as pipeline:
            yield pipeline, answers
            # Read last: what was found before it had not been lost.
            pipeline.get(EPOCH)
            *found, mark = pipeline.execute()
            if mark != epoch:
                raise StoreLost(EMPTIED)
            answers += found

    @contextmanager
    def _connected(self) -> Iterator[bytes]:
        """Tell by which mark it is known that Redis was not emptied; raises StoreLost."""
        try:
            while self._epoch is None:
                self._client.set(EPOCH, uuid4().hex, nx=True)
                self._epoch = _bytes(self._client.get(EPOCH))
            yield self._epoch
        except StoreLost:
            self._epoch = None
            raise
        except (RedisError, OSError) as exc:
            self._epoch = None
            raise StoreLost(f"{type(exc).__name__}: {exc}") from exc

    def _listen(
        self, on_words: Callable[[Sequence[str]], object], on_gap: Callable[[], object]
    ) -> None:
        while not self._stopping.is_set():
            try:
                self._hear(on_words, on_gap)
            except (RedisError, OSError):
                # What is wrong is told by who writes.
                self._stopping.wait(RECONNECT_SECONDS)

    def _hear(
        self, on_words: Callable[[Sequence[str]], object], on_gap: Callable[[], object]
    ) -> None:
        pubsub: Any = self._client.pubsub
        with pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(CHANNEL)
            on_gap()
            while not self._stopping.is_set():
                if message := channel.get_message(timeout=TURN_SECONDS):
                    on_words(message["data"].decode().split())


def _bytes(value: Any) -> bytes | None:
    return value if isinstance(value, bytes) else None


def _key(run_id: UUID) -> str:
    return f"aegra:events:{run_id.hex}"


def _position(entry_id: bytes) -> Position:
    attempt, _, number = entry_id.partition(b"-")
    return int(attempt), int(number)
