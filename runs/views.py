from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.description import LIMIT, OFFSET, errors, flag, header
from common.errors import NotFound, Unprocessable
from common.ids import parse_id
from common.responses import Response
from common.search import list_param, page_params
from common.serializers import FlagField
from common.sse import keep_alive_json_response
from common.viewsets import AsyncViewSet
from runs.agent_protocol import agent_run, speaks_agent_protocol
from runs.asking import IDEMPOTENCY_KEY, asked_batch, asked_once, asked_run
from runs.cancel_serializers import CancelManySerializer, RunUpdateSerializer
from runs.cancellation import cancel_run, cancel_runs, cancel_runs_of_status, delete_run
from runs.following import Following
from runs.models import CancelAction, RunStatus
from runs.queries import RUN_COLUMNS, get_run, list_runs, thread_exists
from runs.serializers import (
    OUTPUT,
    RunCreateSerializer,
    RunSerializer,
    SelectedRunSerializer,
)
from runs.submission import submit_batch, submit_run

PLACE = header("Content-Location", "The path of the run.")
STATUS = OpenApiParameter(
    "status", str, many=True, enum=RunStatus.values, description="Only runs of these statuses."
)
SELECT = OpenApiParameter(
    "select", str, many=True, enum=RUN_COLUMNS, description="The fields to return."
)
WAIT = flag("wait", "Answer when the run has ended, with the thread's values.")
ACTION = OpenApiParameter(
    "action",
    str,
    enum=CancelAction.values,
    default="interrupt",
    description="`interrupt` keeps what the run did; `rollback` undoes it and deletes the run.",
)


class ThreadRunViewSet(AsyncViewSet):
    """The runs of a thread."""

    tag = "Thread runs"

    @extend_schema(
        request=RunCreateSerializer,
        responses={200: RunSerializer, **errors(404, 409, 410)},
        parameters=[IDEMPOTENCY_KEY, PLACE],
    )
    async def create(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Start a run on a thread, and answer at once.

        404 is a thread or a checkpoint that is not there; 409 a thread with an active run
        when the multitask strategy is `reject`.
        """
        thread = parse_id(thread_id, "thread")
        spec = asked_run(request)
        submitted = await submit_run(
            spec, thread_id=thread, caller=caller_of(request), once=asked_once(request)
        )
        place = f"/threads/{thread}/runs/{submitted.run_id}"
        return Response(submitted.row, headers={"content-location": place})

    @extend_schema(
        responses={200: SelectedRunSerializer(many=True), **errors(404)},
        parameters=[LIMIT, OFFSET, STATUS, SELECT],
    )
    async def list(self, request: Request, thread_id: str) -> HttpResponseBase:
        """List the runs of a thread, newest first."""
        thread = parse_id(thread_id, "thread")
        caller = caller_of(request)
        limit, offset = page_params(request.query_params, default=10)
        statuses = list_param(request.query_params, "status")
        if set(statuses) - set(RunStatus.values):
            raise Unprocessable(f"status: must be one of {', '.join(RunStatus.values)}")
        asked = list_param(request.query_params, "select")
        select = _selected(asked)
        rows = await list_runs(
            thread, caller=caller, statuses=statuses, select=select, limit=limit, offset=offset
        )
        if not rows and not await thread_exists(thread, caller=caller):
            raise NotFound(f"Thread with ID {thread} not found")
        extra = {} if asked else {"langsmith_session_name": None}
        return Response([{**row, **extra} for row in rows])

    @extend_schema(responses={200: RunSerializer, **errors(404)})
    async def retrieve(self, request: Request, thread_id: str, run_id: str) -> HttpResponseBase:
        """Get a run."""
        thread, run = parse_id(thread_id, "thread"), parse_id(run_id, "run")
        row = await get_run(run, thread_id=thread, caller=caller_of(request))
        if row is None:
            raise NotFound(f"Run with ID {run} not found")
        return Response({**row, "langsmith_session_name": None})

    @extend_schema(responses={204: None, **errors(404)})
    async def destroy(self, request: Request, thread_id: str, run_id: str) -> HttpResponseBase:
        """Delete a run; an active one is cancelled first. Its checkpoints stay."""
        thread, run = parse_id(thread_id, "thread"), parse_id(run_id, "run")
        caller = caller_of(request)
        if await get_run(run, thread_id=thread, caller=caller) is None:
            raise NotFound(f"Run with ID {run} not found")
        await delete_run(run, thread_id=thread, caller=caller)
        return Response(status=204)

    @extend_schema(
        request=None,
        responses={200: OUTPUT, 202: None, **errors(404)},
        parameters=[WAIT, ACTION],
    )
    async def cancel(self, request: Request, thread_id: str, run_id: str) -> HttpResponseBase:
        """Cancel a run.

        404 is also a run that has ended.
        """
        thread, run = parse_id(thread_id, "thread"), parse_id(run_id, "run")
        caller = caller_of(request)
        action = cancel_action(request)
        if await get_run(run, thread_id=thread, caller=caller) is None:
            raise NotFound(f"Run with ID {run} not found")
        await cancel_run(run, thread_id=thread, action=action, caller=caller)
        if not FlagField.read(request.query_params.get("wait")):
            return Response(status=202)
        following = Following(run_id=run, thread_id=thread, caller=caller)
        place = f"/threads/{thread}/runs/{run}"
        headers = {"content-location": place, "location": f"{place}/join"}
        return keep_alive_json_response(following.output(), headers)

    @extend_schema(request=RunUpdateSerializer, responses={200: RunSerializer, **errors(404)})
    async def partial_update(
        self, request: Request, thread_id: str, run_id: str
    ) -> HttpResponseBase:
        """Cancel a run, as clients of Aegra do.

        404 is also a run that has ended.
        """
        thread, run = parse_id(thread_id, "thread"), parse_id(run_id, "run")
        caller = caller_of(request)
        RunUpdateSerializer.checked(request.data)
        row = await get_run(run, thread_id=thread, caller=caller)
        if row is None:
            raise NotFound(f"Run with ID {run} not found")
        await cancel_run(run, thread_id=thread, action="interrupt", caller=caller)
        row = await get_run(run, thread_id=thread, caller=caller) or row
        return Response({**row, "langsmith_session_name": None})


class StatelessRunViewSet(AsyncViewSet):
    """Runs on the thread that the body names, or else on one of their own."""

    tag = "Stateless runs"

    @extend_schema(
        request=RunCreateSerializer,
        responses={200: RunSerializer, **errors(404, 409, 410)},
        parameters=[IDEMPOTENCY_KEY, PLACE],
    )
    async def create(self, request: Request) -> HttpResponseBase:
        """Start a run on the thread that the body names, or one of its own; answer at once."""
        spec = asked_run(request)
        submitted = await submit_run(
            spec, thread_id=spec.thread_id, caller=caller_of(request), once=asked_once(request)
        )
        run = f"/runs/{submitted.run_id}"
        place = run if spec.thread_id is None else f"/threads/{spec.thread_id}{run}"
        row = agent_run(submitted.row) if speaks_agent_protocol(request.data) else submitted.row
        return Response(row, headers={"content-location": place})

    @extend_schema(
        request=RunCreateSerializer(many=True),
        responses={200: RunSerializer(many=True), **errors(404, 409, 410)},
        parameters=[IDEMPOTENCY_KEY],
    )
    async def batch(self, request: Request) -> HttpResponseBase:
        """Create many runs, all of them or none."""
        submitted = await submit_batch(
            asked_batch(request), caller=caller_of(request), once=asked_once(request)
        )
        return Response([run.row for run in submitted])

    @extend_schema(
        request=CancelManySerializer, responses={204: None, **errors(404)}, parameters=[ACTION]
    )
    async def cancel_many(self, request: Request) -> HttpResponseBase:
        """Cancel the named runs of a thread, or all runs of a status."""
        asked = CancelManySerializer.parse(request.data)
        action, caller = cancel_action(request), caller_of(request)
        if asked.thread_id is not None:
            cancelled = await cancel_runs(
                asked.run_ids, thread_id=asked.thread_id, action=action, caller=caller
            )
        else:
            cancelled = await cancel_runs_of_status(asked.statuses, action=action, caller=caller)
        if not cancelled:
            raise NotFound("No runs found to cancel: none of those asked for is active.")
        return Response(status=204)


def cancel_action(request: Request) -> str:
    action = request.query_params.get("action") or "interrupt"
    if action not in CancelAction.values:
        raise Unprocessable(f"action: must be one of {', '.join(CancelAction.values)}")
    return action


def _selected(names: list[str]) -> list[str]:
    if unknown := sorted(set(names) - set(RUN_COLUMNS)):
        raise Unprocessable(f"select: unknown field {unknown[0]!r}")
    return names or list(RUN_COLUMNS)
