from __future__ import annotations

from dataclasses import replace

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.description import LIMIT, errors, flag
from common.ids import parse_id
from common.jsoncodec import Json, JsonObject, RawJson, dumps_repeated
from common.responses import Response
from common.search import list_param, whole_param
from common.serializers import FlagField
from common.viewsets import AsyncViewSet
from threads.repairing import repair_json, repair_thread
from threads.state import HistoryQuery, StateQuery, get_history, get_state
from threads.state_serializers import (
    UPDATED_OR_READ,
    HistorySerializer,
    RepairSerializer,
    SelectedStateSerializer,
    StateAtSerializer,
    StateSelectSerializer,
    StateUpdateSerializer,
)
from threads.writing import update_state

SUBGRAPHS = flag("subgraphs", "Tell of each task that is a subgraph what state that has.")
SELECT = OpenApiParameter(
    "select", str, many=True, description="Fields, and `values.<key>` for one key of the values."
)
BEFORE = OpenApiParameter("before", str, description="Only what is older than this checkpoint id.")
STATE = {200: SelectedStateSerializer, **errors(404, 424)}
STATES = {200: SelectedStateSerializer(many=True), **errors(404, 424)}


class ThreadStateViewSet(AsyncViewSet):
    """What a thread's checkpoints hold."""

    tag = "Thread state"

    @extend_schema(responses=STATE, parameters=[SUBGRAPHS, SELECT])
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Get the newest state of a thread."""
        thread = parse_id(thread_id, "thread")
        return Response(await get_state(thread, _asked(request), caller=caller_of(request)))

    @extend_schema(responses=STATE, parameters=[SUBGRAPHS, SELECT])
    async def at(self, request: Request, thread_id: str, checkpoint_id: str) -> HttpResponseBase:
        """Get the state of a thread at a checkpoint."""
        thread = parse_id(thread_id, "thread")
        query = replace(_asked(request), checkpoint={"checkpoint_id": checkpoint_id})
        return Response(await get_state(thread, query, caller=caller_of(request)))

    @extend_schema(request=StateAtSerializer, responses=STATE)
    async def at_checkpoint(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Get the state of a thread at a checkpoint, also one of a subgraph."""
        thread = parse_id(thread_id, "thread")
        query = StateAtSerializer.parse(request.data)
        return Response(await get_state(thread, query, caller=caller_of(request)))

    @extend_schema(
        request=StateUpdateSerializer,
        responses={200: UPDATED_OR_READ, **errors(404, 409, 424)},
    )
    async def update(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Write values into the state of a thread, as if a node had returned them.

        400 is what the graph refuses, or a thread without a graph; 409 a thread with an
        active run. Without `values` and `as_node` the state is read instead, as Aegra does.
        """
        thread, caller = parse_id(thread_id, "thread"), caller_of(request)
        asked = StateUpdateSerializer.parse(request.data)
        if isinstance(asked, StateQuery):
            return Response(await get_state(thread, asked, caller=caller))
        return Response(await update_state(thread, asked, caller=caller))

    @extend_schema(request=None, responses={200: RepairSerializer, **errors(404, 409, 424)})
    async def repair(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Answer the tool calls of a thread that a cancelled run has left without an answer.

        Models refuse a conversation with such calls. Each is answered with a tool message of
        status `error`, and the thread is at rest; one where no call dangles stays as it is. 409
        is a thread with an active run, or one that waits for the answer to an interrupt.
        """
        thread = parse_id(thread_id, "thread")
        return Response(repair_json(await repair_thread(thread, caller=caller_of(request))))

    @extend_schema(responses=STATES, parameters=[LIMIT, BEFORE, SELECT])
    async def history(self, request: Request, thread_id: str) -> HttpResponseBase:
        """List the states of a thread, newest first."""
        thread = parse_id(thread_id, "thread")
        query = HistoryQuery(
            limit=whole_param(request.query_params, "limit", default=10, minimum=1, maximum=1000),
            before=request.query_params.get("before") or None,
            select=_select(request),
        )
        return _written(await get_history(thread, query, caller=caller_of(request)))

    @extend_schema(request=HistorySerializer, responses=STATES)
    async def search_history(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Search the states of a thread, newest first."""
        thread = parse_id(thread_id, "thread")
        query = HistorySerializer.parse(request.data)
        return _written(await get_history(thread, query, caller=caller_of(request)))


def _written(states: list[JsonObject]) -> Response:
    # A message stands in every state after it.
    return Response(RawJson(dumps_repeated(states)))


def _asked(request: Request) -> StateQuery:
    return StateQuery(
        subgraphs=FlagField.read(request.query_params.get("subgraphs")), select=_select(request)
    )


def _select(request: Request) -> tuple[str, ...]:
    named: Json = [*list_param(request.query_params, "select")]
    return StateSelectSerializer.parse({"select": named})
