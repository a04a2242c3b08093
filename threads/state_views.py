from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.ids import parse_id
from common.responses import Response
from common.search import whole_param
from common.serializers import ErrorSerializer, FlagField
from common.viewsets import AsyncViewSet
from threads.serializers import (
    HistorySerializer,
    StateAtSerializer,
    StateUpdateSerializer,
    ThreadStateSerializer,
)
from threads.state import HistoryQuery, get_history, get_state, update_state

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
SUBGRAPHS = OpenApiParameter("subgraphs", bool, default=False)
STATE = {200: ThreadStateSerializer, **ERRORS}
STATES = {200: ThreadStateSerializer(many=True), **ERRORS}


class ThreadStateViewSet(AsyncViewSet):
    """What a thread's checkpoints hold."""

    @extend_schema(responses=STATE, parameters=[SUBGRAPHS])
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        state = await get_state(
            parse_id(thread_id, "thread"),
            caller=caller_of(request),
            subgraphs=FlagField.read(request.query_params.get("subgraphs")),
        )
        return Response(state)

    @extend_schema(operation_id="threads_state_at", responses=STATE, parameters=[SUBGRAPHS])
    async def at(self, request: Request, thread_id: str, checkpoint_id: str) -> HttpResponseBase:
        state = await get_state(
            parse_id(thread_id, "thread"),
            caller=caller_of(request),
            checkpoint={"checkpoint_id": checkpoint_id},
            subgraphs=FlagField.read(request.query_params.get("subgraphs")),
        )
        return Response(state)

    @extend_schema(request=StateAtSerializer, responses=STATE)
    async def at_checkpoint(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        checkpoint, subgraphs = StateAtSerializer.parse(request.data)
        caller = caller_of(request)
        state = await get_state(thread, caller=caller, checkpoint=checkpoint, subgraphs=subgraphs)
        return Response(state)

    @extend_schema(
        request=StateUpdateSerializer,
        responses={
            200: OpenApiTypes.OBJECT,
            400: ErrorSerializer,
            409: ErrorSerializer,
            **ERRORS,
        },
    )
    async def update(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        written = StateUpdateSerializer.parse(request.data)
        return Response(await update_state(thread, written, caller=caller_of(request)))

    @extend_schema(
        responses=STATES,
        parameters=[OpenApiParameter("limit", int, default=10), OpenApiParameter("before", str)],
    )
    async def history(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        query = HistoryQuery(
            limit=whole_param(request.query_params, "limit", default=10, minimum=1, maximum=1000),
            before=request.query_params.get("before") or None,
        )
        return Response(await get_history(thread, query, caller=caller_of(request)))

    @extend_schema(request=HistorySerializer, responses=STATES)
    async def search_history(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        query = HistorySerializer.parse(request.data)
        return Response(await get_history(thread, query, caller=caller_of(request)))
