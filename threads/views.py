from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import Caller, caller_of
from common.db import Row
from common.errors import Conflict, NotFound, Unprocessable
from common.ids import parse_id
from common.responses import Response
from common.search import list_param, one_page, page_headers, whole_param
from common.serializers import ErrorSerializer
from common.viewsets import AsyncViewSet
from threads.copying import copy_thread
from threads.pruning import prune_threads
from threads.queries import (
    NewThread,
    create_thread,
    delete_thread,
    get_thread,
    thread_storage,
    update_thread,
)
from threads.searching import ThreadSearch, count_threads, search_threads
from threads.serializers import (
    PrunedSerializer,
    ThreadCountSerializer,
    ThreadCreateSerializer,
    ThreadListSerializer,
    ThreadPruneSerializer,
    ThreadSearchSerializer,
    ThreadSerializer,
    ThreadStorageSerializer,
    ThreadUpdateSerializer,
)
from threads.writing import StateUpdate, create_thread_with

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="return=minimal")
MINIMAL = "return=minimal"
INCLUDE = OpenApiParameter("include", str, description="ttl")
LIMIT = OpenApiParameter("limit", int, default=100)
OFFSET = OpenApiParameter("offset", int, default=0)


class ThreadViewSet(AsyncViewSet):
    """Conversations."""

    @extend_schema(
        request=ThreadCreateSerializer,
        responses={
            200: ThreadSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
            **ERRORS,
        },
    )
    async def create(self, request: Request) -> HttpResponseBase:
        new, history, existing_will_do = ThreadCreateSerializer.parse(request.data)
        row = await _created(new, history, caller_of(request))
        if row is None and existing_will_do:
            row = await get_thread(new.thread_id, caller=caller_of(request))
        if row is None:
            raise Conflict(f"Thread with ID {new.thread_id} already exists")
        return Response(row)

    @extend_schema(
        responses={200: ThreadListSerializer, 422: ErrorSerializer}, parameters=[LIMIT, OFFSET]
    )
    async def list(self, request: Request) -> HttpResponseBase:
        query = request.query_params
        search = ThreadSearch(
            limit=whole_param(query, "limit", default=100, minimum=1, maximum=1000),
            offset=whole_param(query, "offset", default=0, minimum=0, maximum=2**31 - 1),
        )
        caller = caller_of(request)
        page, _ = one_page(await search_threads(search, caller=caller), search.limit)
        return Response({"threads": page, "total": await count_threads(search, caller=caller)})

    @extend_schema(
        request=ThreadSearchSerializer,
        responses={200: ThreadSerializer(many=True), 422: ErrorSerializer},
    )
    async def search(self, request: Request) -> HttpResponseBase:
        search = ThreadSearchSerializer.parse(request.data)
        rows = await search_threads(search, caller=caller_of(request))
        page, more = one_page(rows, search.limit)
        headers = page_headers(offset=search.offset, limit=search.limit, more=more, found=len(page))
        return Response(page, headers=headers)

    @extend_schema(
        request=ThreadCountSerializer,
        responses={200: OpenApiTypes.INT, 422: ErrorSerializer},
    )
    async def count(self, request: Request) -> HttpResponseBase:
        search = ThreadCountSerializer.parse(request.data)
        return Response(await count_threads(search, caller=caller_of(request)))

    @extend_schema(
        request=ThreadPruneSerializer,
        responses={200: PrunedSerializer, 422: ErrorSerializer},
    )
    async def prune(self, request: Request) -> HttpResponseBase:
        thread_ids, strategy = ThreadPruneSerializer.parse(request.data)
        pruned = await prune_threads(thread_ids, strategy, caller=caller_of(request))
        return Response({"pruned_count": pruned})

    @extend_schema(responses={200: ThreadSerializer, **ERRORS}, parameters=[INCLUDE])
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread, included = parse_id(thread_id, "thread"), _included(request)
        caller = caller_of(request)
        row = await get_thread(thread, caller=caller, with_ttl="ttl" in included)
        return Response(_found(row, thread))

    @extend_schema(
        request=ThreadUpdateSerializer,
        responses={200: ThreadSerializer, 204: None, **ERRORS},
        parameters=[PREFER],
    )
    async def partial_update(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        metadata, ttl = ThreadUpdateSerializer.parse(request.data)
        row = _found(await update_thread(thread, metadata, ttl, caller=caller_of(request)), thread)
        if MINIMAL in request.headers.get("prefer", "").lower().replace(" ", ""):
            return Response(status=204, headers={"preference-applied": MINIMAL})
        return Response(row)

    @extend_schema(responses={204: None, **ERRORS})
    async def destroy(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        if not await delete_thread(thread, caller=caller_of(request)):
            raise NotFound(f"Thread with ID {thread} not found")
        return Response(status=204)

    @extend_schema(request=None, responses={200: ThreadSerializer, 409: ErrorSerializer, **ERRORS})
    async def copy(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        return Response(await copy_thread(thread, caller=caller_of(request)))

    @extend_schema(responses={200: ThreadStorageSerializer, **ERRORS})
    async def storage(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        row = _found(await thread_storage(thread, caller=caller_of(request)), thread)
        sizes = {name: int(size) for name, size in row.items() if name.endswith("_bytes")}
        return Response({"thread_id": thread, **sizes, "total_bytes": sum(sizes.values())})


async def _created(new: NewThread, history: StateUpdate | None, caller: Caller) -> Row | None:
    """Write a thread, with its history if it has one; None when its id is taken."""
    if history is None:
        return await create_thread(new)
    return await create_thread_with(new, history, caller=caller)


def _found(row: Row | None, thread_id: UUID) -> Row:
    if row is None:
        raise NotFound(f"Thread with ID {thread_id} not found")
    return row


def _included(request: Request) -> set[str]:
    """Read `include`: the words, joined by commas or repeated."""
    given = list_param(request.query_params, "include")
    words = {word.strip() for item in given for word in item.split(",")}
    if not words <= {"ttl"}:
        raise Unprocessable("include: must be ttl")
    return words
