"""Events as server-sent frames, and the responses that carry a stream."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from django.http import StreamingHttpResponse

HEARTBEAT = b": heartbeat\r\n\r\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """One part of a run's output stream."""

    id: str
    """`<milliseconds>-<n>`, rising within a run and never used twice."""

    event: str
    """A stream mode (`values`, `updates|ns`, …), or `metadata`, `error`."""

    data: bytes
    """One JSON document on one line, encoded once for all readers."""


def encode_sse(event: StreamEvent, *, with_id: bool) -> bytes:
    """Serialise one event as an SSE frame, closed by a blank line.

    Source: WHATWG HTML, section 9.2. `id` lets a client resume with `Last-Event-ID`; it is
    sent only for runs whose events are kept for that.
    """
    frame = b"event: %b\r\ndata: %b\r\n" % (event.event.encode(), event.data)
    if with_id:
        frame += b"id: %b\r\n" % event.id.encode()
    return frame + b"\r\n"


class Streamed(StreamingHttpResponse):
    """Bytes as they come, without the two iterators that Django puts around a stream's own."""

    _iterator: AsyncIterator[bytes]

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._iterator


def sse_response(
    frames: AsyncIterator[bytes], headers: Mapping[str, str] | None = None
) -> StreamingHttpResponse:
    return Streamed(
        frames,
        content_type="text/event-stream; charset=utf-8",
        headers={
            "cache-control": "no-store",
            "connection": "keep-alive",
            "x-accel-buffering": "no",
            **(headers or {}),
        },
    )


def keep_alive_json_response(
    chunks: AsyncIterator[bytes], headers: Mapping[str, str] | None = None
) -> StreamingHttpResponse:
    """Stream one JSON document after any number of newlines, which JSON parsers skip."""
    return Streamed(chunks, content_type="application/json", headers=dict(headers or {}))
