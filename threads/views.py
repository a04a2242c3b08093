from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.errors import Conflict, NotFound
from common.ids import parse_id
from common.responses import Response
from common.search import one_page, page_headers
from common.serializers import ErrorSerializer
from common.viewsets import AsyncViewSet
from threads.queries import (
    count_threads,
    create_thread,
    delete_thread,
    get_thread,
    search_threads,
    update_thread,
)
from threads.serializers import (
    ThreadCountSerializer,
    ThreadCreateSerializer,
    ThreadSearchSerializer,
    ThreadSerializer,
    ThreadUpdateSerializer,
)

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
PREFER = OpenApiParameter("Prefer", str, OpenApiParameter.HEADER, description="return=minimal")


class ThreadViewSet(AsyncViewSet):
    """Conversations."""

    @extend_schema(
        request=ThreadCreateSerializer,
        responses={200: ThreadSerializer, 409: ErrorSerializer, 422: ErrorSerializer},
    )
    async def create(self, request: Request) -> HttpResponseBase:
        thread_id, metadata, existing_will_do = ThreadCreateSerializer.parse(request.data)
        row = await create_thread(thread_id, metadata)
        if row is None and existing_will_do:
            row = await get_thread(thread_id, caller=caller_of(request))
        if row is None:
            raise Conflict(f"Thread with ID {thread_id} already exists")
        return Response(row)

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

    @extend_schema(responses={200: ThreadSerializer, **ERRORS})
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        row = await get_thread(thread, caller=caller_of(request))
        if row is None:
            raise NotFound(f"Thread with ID {thread} not found")
        return Response(row)

    @extend_schema(
        request=ThreadUpdateSerializer,
        responses={200: ThreadSerializer, 204: None, **ERRORS},
        parameters=[PREFER],
    )
    async def partial_update(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        metadata = ThreadUpdateSerializer.parse(request.data)
        row = await update_thread(thread, metadata, caller=caller_of(request))
        if row is None:
            raise NotFound(f"Thread with ID {thread} not found")
        if "return=minimal" in request.headers.get("prefer", ""):
            return Response(status=204)
        return Response(row)

    @extend_schema(responses={204: None, **ERRORS})
    async def destroy(self, request: Request, thread_id: str) -> HttpResponseBase:
        thread = parse_id(thread_id, "thread")
        if not await delete_thread(thread, caller=caller_of(request)):
            raise NotFound(f"Thread with ID {thread} not found")
        return Response(status=204)
