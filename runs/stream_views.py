from __future__ import annotations

from uuid import UUID

from django.http import StreamingHttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import Caller, caller_of
from common.description import Declared, errors, flag, header
from common.errors import Gone, NotFound
from common.ids import parse_id
from common.search import list_param
from common.serializers import FlagField
from common.sse import keep_alive_json_response, sse_response
from common.viewsets import AsyncViewSet
from runs.agent_protocol import speaks_agent_protocol
from runs.agent_views import agent_outputs
from runs.asking import IDEMPOTENCY_KEY, asked_once, asked_run
from runs.events.current import current_log
from runs.following import Following
from runs.queries import find_run, get_run
from runs.serializers import EVENTS, OUTPUT, RunCreateSerializer
from runs.spec import Submitted
from runs.submission import submit_run

LAST_EVENT_ID = OpenApiParameter(
    "Last-Event-ID", str, OpenApiParameter.HEADER, description="`-1` replays from the start."
)
STREAM_MODE = OpenApiParameter(
    "stream_mode", str, many=True, description="Only events of these stream modes."
)
CANCEL_ON_DISCONNECT = flag("cancel_on_disconnect", "Cancel the run when this client leaves.")
PLACES = [
    header("Content-Location", "The path of the run."),
    header("Location", "Where to attach to the run again."),
]
CREATED = [IDEMPOTENCY_KEY, *PLACES]
JOINED = [LAST_EVENT_ID, STREAM_MODE, CANCEL_ON_DISCONNECT, *PLACES]
SSE: Declared = {(200, "text/event-stream"): EVENTS, **errors(404)}
VALUES: Declared = {200: OUTPUT, **errors(404)}


class ThreadRunStreamViewSet(AsyncViewSet):
    """Runs of a thread, followed as they happen."""

    tag = "Thread runs"

    @extend_schema(
        request=RunCreateSerializer, responses={**SSE, **errors(409, 410)}, parameters=CREATED
    )
    async def stream(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Start a run on a thread, and stream its events."""
        thread = parse_id(thread_id, "thread")
        return await _stream(request, thread)

    @extend_schema(
        request=RunCreateSerializer, responses={**VALUES, **errors(409, 410)}, parameters=CREATED
    )
    async def wait(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Start a run on a thread, and answer with the thread's values when it has ended.

        Newlines keep the connection open until then. A run that failed is told as
        `{"__error__": …}`.
        """
        thread = parse_id(thread_id, "thread")
        return await _wait(request, thread)

    @extend_schema(responses=VALUES, parameters=[CANCEL_ON_DISCONNECT, *PLACES])
    async def join(self, request: Request, thread_id: str, run_id: str) -> HttpResponseBase:
        """Wait for a run to end, and answer with the thread's values."""
        following = await _follow(request, parse_id(thread_id, "thread"), parse_id(run_id, "run"))
        return keep_alive_json_response(following.output(), _headers(following, "join"))

    @extend_schema(responses=SSE, parameters=JOINED)
    async def join_stream(self, request: Request, thread_id: str, run_id: str) -> HttpResponseBase:
        """Stream the events of a run that was started before."""
        following = await _follow(request, parse_id(thread_id, "thread"), parse_id(run_id, "run"))
        return _join_stream(request, following, _headers(following, "stream"))


class StatelessRunStreamViewSet(AsyncViewSet):
    """Runs on the thread that the body names, or on one of their own, followed as they happen."""

    tag = "Stateless runs"

    @extend_schema(
        request=RunCreateSerializer, responses={**SSE, **errors(409, 410)}, parameters=CREATED
    )
    async def stream(self, request: Request) -> HttpResponseBase:
        """Start a run on a thread of its own, and stream its events."""
        return await _stream(request, None)

    @extend_schema(
        request=RunCreateSerializer, responses={**VALUES, **errors(409, 410)}, parameters=CREATED
    )
    async def wait(self, request: Request) -> HttpResponseBase:
        """Start a run on a thread of its own, and answer with the values when it has ended."""
        return await _wait(request, None)

    @extend_schema(responses=VALUES, parameters=[CANCEL_ON_DISCONNECT, *PLACES])
    async def join(self, request: Request, run_id: str) -> HttpResponseBase:
        """Wait for a run to end by its id alone, and answer with its thread's values."""
        following = await _follow(request, None, parse_id(run_id, "run"))
        headers = _headers(following, "join", stateless=True)
        return keep_alive_json_response(following.output(), headers)

    @extend_schema(responses=SSE, parameters=JOINED)
    async def join_stream(self, request: Request, run_id: str) -> HttpResponseBase:
        """Stream the events of a run by its id alone."""
        following = await _follow(request, None, parse_id(run_id, "run"))
        return _join_stream(request, following, _headers(following, "stream", stateless=True))


async def _stream(request: Request, thread_id: UUID | None) -> HttpResponseBase:
    spec = asked_run(request)
    thread_id = thread_id or spec.thread_id
    caller = caller_of(request)
    submitted = await submit_run(spec, thread_id=thread_id, caller=caller, once=asked_once(request))
    await _require_told(submitted)
    following = _following(submitted, caller, cancel=spec.on_disconnect == "cancel")
    return sse_response(
        following.frames(after="-1", modes=None, with_ids=spec.stream_resumable),
        _headers(following, "stream", stateless=thread_id is None),
    )


async def _wait(request: Request, thread_id: UUID | None) -> HttpResponseBase:
    is_by_body = thread_id is None
    spec = asked_run(request)
    thread_id = thread_id or spec.thread_id
    caller = caller_of(request)
    submitted = await submit_run(spec, thread_id=thread_id, caller=caller, once=asked_once(request))
    await _require_told(submitted)
    following = _following(submitted, caller, cancel=spec.on_disconnect == "cancel")
    if is_by_body and speaks_agent_protocol(request.data):
        headers = _headers(following, "wait", stateless=True)
        return keep_alive_json_response(agent_outputs(following, submitted.row), headers)
    headers = _headers(following, "join", stateless=thread_id is None)
    return keep_alive_json_response(following.output(), headers)


async def _require_told(submitted: Submitted) -> None:
    """Raise Gone for a run of an earlier request that has left nothing to be told."""
    if submitted.is_gone and not await current_log().keeps(submitted.run_id):
        raise Gone(
            f"Run {submitted.run_id} of this Idempotency-Key has ended, and what it said is kept "
            "no more: a stateless run leaves nothing. Send a new key to run it anew."
        )


def _join_stream(
    request: Request, following: Following, headers: dict[str, str]
) -> StreamingHttpResponse:
    frames = following.frames(
        after=request.headers.get("last-event-id"),
        modes=list_param(request.query_params, "stream_mode"),
        with_ids=True,
    )
    return sse_response(frames, headers)


def _following(submitted: Submitted, caller: Caller, *, cancel: bool) -> Following:
    return Following(
        run_id=submitted.run_id,
        thread_id=submitted.thread_id,
        caller=caller,
        cancel_on_disconnect=cancel,
    )


async def _follow(request: Request, thread_id: UUID | None, run_id: UUID) -> Following:
    """Return the following of a run that is there; raises NotFound."""
    caller = caller_of(request)
    if thread_id is None:
        row = await find_run(run_id, caller=caller)
    else:
        row = await get_run(run_id, thread_id=thread_id, caller=caller)
    if row is None:
        raise NotFound(f"Run with ID {run_id} not found")
    return Following(
        run_id=run_id,
        thread_id=row["thread_id"],
        caller=caller,
        cancel_on_disconnect=FlagField.read(request.query_params.get("cancel_on_disconnect")),
    )


def _headers(following: Following, way: str, *, stateless: bool = False) -> dict[str, str]:
    """Say where the run is and where to attach again; clients parse both."""
    run = f"/runs/{following.run_id}"
    place = run if stateless else f"/threads/{following.thread_id}{run}"
    return {"location": f"{place}/{way}", "content-location": place}
