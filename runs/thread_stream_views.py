from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.description import Declared, errors
from common.errors import NotFound, Unprocessable
from common.ids import parse_id
from common.search import list_param
from common.sse import sse_response
from common.viewsets import AsyncViewSet
from runs.events.ids import read_position
from runs.queries import thread_exists
from runs.serializers import EVENTS
from runs.thread_following import THREAD_MODES, ThreadFollowing, moment_of

PARAMETERS = [
    OpenApiParameter(
        "Last-Event-ID",
        str,
        OpenApiParameter.HEADER,
        description="Go on after this id; `-` for all that is kept, without it from now on.",
    ),
    OpenApiParameter(
        "stream_mode", str, many=True, description="Some of the modes.", enum=THREAD_MODES
    ),
    OpenApiParameter(
        "stream_modes", str, many=True, description="The same by another name.", enum=THREAD_MODES
    ),
]
SSE: Declared = {(200, "text/event-stream"): EVENTS, **errors(404)}


class ThreadStreamViewSet(AsyncViewSet):
    """What happens on a thread, whichever run it is."""

    tag = "Threads"

    @extend_schema(responses=SSE, parameters=PARAMETERS)
    async def stream(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Stream the events of every run of a thread as they come; never ends by itself.

        Modes: `run_modes` (the default) is every event of every run, and that a run is done;
        `lifecycle` only where runs begin and are done; `state_update` the state after it was
        written through the API.
        """
        thread = parse_id(thread_id, "thread")
        query = request.query_params
        modes = _modes(list_param(query, "stream_mode") + list_param(query, "stream_modes"))
        after = _last_event_id(request.headers.get("last-event-id"))
        if not await thread_exists(thread, caller=caller_of(request)):
            raise NotFound(f"Thread with ID {thread} not found")
        following = ThreadFollowing(
            thread_id=thread, modes=modes, after=after, since_ms=await moment_of(after)
        )
        return sse_response(following.frames())


def _modes(asked: list[str]) -> list[str]:
    if wrong := [mode for mode in asked if mode not in THREAD_MODES]:
        raise Unprocessable(
            f"stream_mode: {wrong[0]!r} is none of {', '.join(THREAD_MODES)}, the modes of a thread"
        )
    return asked or ["run_modes"]


def _last_event_id(given: str | None) -> str | None:
    if given is None:
        return None
    if given in ("-", "-1"):
        return "-1"
    if read_position(given) is None:
        raise Unprocessable(
            f"Last-Event-ID: {given[:50]!r} is no id of an event; send one, or `-` for all"
        )
    return given
