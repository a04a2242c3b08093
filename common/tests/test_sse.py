from __future__ import annotations

from collections.abc import AsyncIterator

from common.sse import StreamEvent, encode_sse, keep_alive_json_response, sse_response

EVENT = StreamEvent(id="1795452531974-0", event="values|sub:1", data=b'{"a":"\xe2\x98\x83"}')


async def nothing() -> AsyncIterator[bytes]:
    for chunk in (b"", b"{}"):
        yield chunk


def test_a_frame_ends_its_lines_as_the_reference_does() -> None:
    assert encode_sse(EVENT, with_id=True) == (
        b'event: values|sub:1\r\ndata: {"a":"\xe2\x98\x83"}\r\nid: 1795452531974-0\r\n\r\n'
    )


def test_a_frame_of_events_that_are_not_kept_has_no_id() -> None:
    assert b"id:" not in encode_sse(EVENT, with_id=False)


async def test_a_stream_is_neither_stored_nor_buffered_on_its_way() -> None:
    response = sse_response(nothing(), {"location": "/threads/t/runs/r/stream"})

    assert response["content-type"] == "text/event-stream; charset=utf-8"
    assert response["cache-control"] == "no-store"
    assert response["x-accel-buffering"] == "no"
    assert response["location"] == "/threads/t/runs/r/stream"
    assert response.streaming


async def test_a_waiting_answer_is_streamed_json() -> None:
    response = keep_alive_json_response(nothing())

    assert response["content-type"] == "application/json"
    assert [chunk async for chunk in response] == [b"", b"{}"]
