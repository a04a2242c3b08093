"""Runs by their id alone, as the Agent Protocol has them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common import jsoncodec
from common.db import Row
from common.description import errors
from common.errors import NotFound
from common.ids import parse_id
from common.responses import Response
from common.serializers import FlagField
from common.sse import keep_alive_json_response
from common.viewsets import AsyncViewSet
from runs.agent_protocol import agent_output, agent_run
from runs.cancellation import cancel_run, delete_run
from runs.following import Following
from runs.models import RunStatus
from runs.queries import find_run, search_runs
from runs.search_serializers import RunSearchSerializer
from runs.serializers import RunSerializer
from runs.views import ACTION, WAIT, cancel_action

AGENT_OUTPUT = {
    "type": "object",
    "description": "The run, its values, and the messages among them.",
    "examples": [
        {
            "run": {"run_id": "0199d8a5-7b87-7c2e-9b7a-3f5f0c8e2a10", "status": "success"},
            "values": {"messages": [{"content": "hi", "type": "human", "id": "h1"}]},
            "messages": [{"content": "hi", "role": "user", "type": "human", "id": "h1"}],
        }
    ],
}


class AgentRunViewSet(AsyncViewSet):
    """Runs of any thread."""

    tag = "Runs"
    errors_have_message = True

    @extend_schema(
        request=RunSearchSerializer,
        responses={200: RunSerializer(many=True)},
    )
    async def search(self, request: Request) -> HttpResponseBase:
        """Find runs, newest first.

        `pending` finds those that are being executed too.
        """
        search = RunSearchSerializer.parse(request.data)
        rows = await search_runs(search, caller=caller_of(request))
        return Response([agent_run(row) for row in rows])

    @extend_schema(responses={200: RunSerializer, **errors(404)})
    async def retrieve(self, request: Request, run_id: str) -> HttpResponseBase:
        """Get a run."""
        return Response(agent_run(await _found(request, run_id)))

    @extend_schema(responses={204: None, **errors(404)})
    async def destroy(self, request: Request, run_id: str) -> HttpResponseBase:
        """Delete a run; an active one is cancelled first. Its checkpoints stay."""
        run = await _found(request, run_id)
        await delete_run(run["run_id"], thread_id=run["thread_id"], caller=caller_of(request))
        return Response(status=204)

    @extend_schema(
        request=None,
        responses={204: None, **errors(404)},
        parameters=[WAIT, ACTION],
    )
    async def cancel(self, request: Request, run_id: str) -> HttpResponseBase:
        """Cancel a run.

        404 is also a run that has ended.
        """
        action, caller = cancel_action(request), caller_of(request)
        run = await _found(request, run_id)
        await cancel_run(run["run_id"], thread_id=run["thread_id"], action=action, caller=caller)
        if FlagField.read(request.query_params.get("wait")):
            await _following(request, run).ended()
        return Response(status=204)

    @extend_schema(responses={200: AGENT_OUTPUT, **errors(404)})
    async def wait(self, request: Request, run_id: str) -> HttpResponseBase:
        """Answer with the run, its values and its messages when it is over."""
        run = await _found(request, run_id)
        place = f"/runs/{run['run_id']}"
        headers = {"content-location": place, "location": f"{place}/wait"}
        return keep_alive_json_response(agent_outputs(_following(request, run), run), headers)


async def agent_outputs(following: Following, row: Row) -> AsyncIterator[bytes]:
    """Yield what a run comes to, after newlines, in the protocol's form.

    `row` tells of a run that is gone by then, as stateless ones are.
    """
    async for chunk in following.output():
        if not chunk.strip():
            yield chunk
            continue
        output: Any = jsoncodec.loads_stored(chunk)
        left = await find_run(following.run_id, caller=following.caller)
        run = agent_run(left or {**row, "status": _status(output)})
        yield jsoncodec.dumps(agent_output(run, output))


def _status(output: Any) -> str:
    is_error = isinstance(output, dict) and "__error__" in output
    return RunStatus.ERROR if is_error else RunStatus.SUCCESS


def _following(request: Request, run: Row) -> Following:
    return Following(
        run_id=run["run_id"],
        thread_id=run["thread_id"],
        caller=caller_of(request),
        cancel_on_disconnect=FlagField.read(request.query_params.get("cancel_on_disconnect")),
    )


async def _found(request: Request, run_id: str) -> Row:
    run = parse_id(run_id, "run")
    row = await find_run(run, caller=caller_of(request))
    if row is None:
        raise NotFound(f"Run with ID {run} not found")
    return row
