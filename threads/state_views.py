from __future__ import annotations

from dataclasses import replace

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.ids import parse_id
from common.jsoncodec import Json, JsonObject, RawJson, dumps_repeated
from common.responses import Response
from common.search import list_param, whole_param
from common.serializers import ErrorSerializer, FlagField
from common.viewsets import AsyncViewSet
from threads.state import HistoryQuery, StateQuery, get_history, get_state
from threads.state_serializers import (
    HistorySerializer,
    StateAtSerializer,
    StateSelectSerializer,
    StateUpdateSerializer,
    ThreadStateSerializer,
)
from threads.writing import update_state

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
SUBGRAPHS = OpenApiParameter("subgraphs", bool, default=False)
SELECT = OpenApiParameter(
    "select", str, many=True, description="fields, and values.<key> for one key of the values"
)
STATE = {200: ThreadStateSerializer, **ERRORS}
STATES = {200: ThreadStateSerializer(many=True), **ERRORS}


class ThreadStateViewSet(AsyncViewSet):
    """What a thread's checkpoints hold."""

    @extend_schema(responses=STATE, parameters=[SUBGRAPHS, SELECT])
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        return Response(await get_state(thread, _asked(request), caller=caller_of(request)))

    @extend_schema(operation_id="threads_state_at", responses=STATE, parameters=[SUBGRAPHS, SELECT])
    async def at(self, request: Request, thread_id: str, checkpoint_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        query = replace(_asked(request), checkpoint={"checkpoint_id": checkpoint_id})
        return Response(await get_state(thread, query, caller=caller_of(request)))

    @extend_schema(request=StateAtSerializer, responses=STATE)
    async def at_checkpoint(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        query = StateAtSerializer.parse(request.data)
        return Response(await get_state(thread, query, caller=caller_of(request)))

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
        thread, caller = parse_id(thread_id, "thread"), caller_of(request)
        asked = StateUpdateSerializer.parse(request.data)
        if isinstance(asked, StateQuery):
            return Response(await get_state(thread, asked, caller=caller))
        return Response(await update_state(thread, asked, caller=caller))

    @extend_schema(
        responses=STATES,
        parameters=[
            OpenApiParameter("limit", int, default=10),
            OpenApiParameter("before", str),
            SELECT,
        ],
    )
    async def history(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        query = HistoryQuery(
            limit=whole_param(request.query_params, "limit", default=10, minimum=1, maximum=1000),
            before=request.query_params.get("before") or None,
            select=_select(request),
        )
        return _written(await get_history(thread, query, caller=caller_of(request)))

    @extend_schema(request=HistorySerializer, responses=STATES)
    async def search_history(self, request: Request, thread_id: str) -> HttpResponseBase:
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
