from __future__ import annotations

from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import Caller, caller_of
from common.db import Row
from common.description import COUNT, OFFSET, PAGES, errors, whole
from common.errors import Conflict, NotFound, Unprocessable
from common.ids import parse_id
from common.responses import Response
from common.search import list_param, one_page, page_params
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
    SelectedThreadSerializer,
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

PREFER = OpenApiParameter(
    "Prefer",
    str,
    OpenApiParameter.HEADER,
    description="`return=minimal` answers 204, without the thread.",
)
MINIMAL = "return=minimal"
INCLUDE = OpenApiParameter("include", str, enum=["ttl"], description="`ttl`: when it expires.")
LIMIT = whole("limit", "How many to return.", default=100, minimum=1, maximum=1000)


class ThreadViewSet(AsyncViewSet):
    """Conversations."""

    tag = "Threads"

    @extend_schema(
        request=ThreadCreateSerializer,
        responses={200: ThreadSerializer, **errors(404, 409, 424)},
    )
    async def create(self, request: Request) -> HttpResponseBase:
        """Create a thread.

        With `if_exists: do_nothing` a thread that has the id already is returned as it is.
        With `supersteps` it begins with a history, as if a graph had run.
        """
        new, history, existing_will_do = ThreadCreateSerializer.parse(request.data)
        row = await _created(new, history, caller_of(request))
        if row is None and existing_will_do:
            row = await get_thread(new.thread_id, caller=caller_of(request))
        if row is None:
            raise Conflict(f"Thread with ID {new.thread_id} already exists")
        return Response(row)

    @extend_schema(responses={200: ThreadListSerializer}, parameters=[LIMIT, OFFSET])
    async def list(self, request: Request) -> HttpResponseBase:
        """List threads as Aegra does, with their number."""
        limit, offset = page_params(request.query_params, default=100)
        search = ThreadSearch(limit=limit, offset=offset)
        caller = caller_of(request)
        rows = await search_threads(search, caller=caller)
        page, _ = one_page(rows, search)
        return Response({"threads": page, "total": await count_threads(search, caller=caller)})

    @extend_schema(
        request=ThreadSearchSerializer,
        responses={200: SelectedThreadSerializer(many=True)},
        parameters=PAGES,
    )
    async def search(self, request: Request) -> HttpResponseBase:
        """Search threads by metadata, values and status, the last changed first."""
        search = ThreadSearchSerializer.parse(request.data)
        rows = await search_threads(search, caller=caller_of(request))
        page, headers = one_page(rows, search)
        return Response(page, headers=headers)

    @extend_schema(request=ThreadCountSerializer, responses={200: COUNT})
    async def count(self, request: Request) -> HttpResponseBase:
        """Count the threads that a search would find."""
        search = ThreadCountSerializer.parse(request.data)
        return Response(await count_threads(search, caller=caller_of(request)))

    @extend_schema(request=ThreadPruneSerializer, responses={200: PrunedSerializer})
    async def prune(self, request: Request) -> HttpResponseBase:
        """Delete threads, or all of their checkpoints but the latest.

        Threads with an active run are left alone, and not counted.
        """
        thread_ids, strategy = ThreadPruneSerializer.parse(request.data)
        pruned = await prune_threads(thread_ids, strategy, caller=caller_of(request))
        return Response({"pruned_count": pruned})

    @extend_schema(responses={200: ThreadSerializer, **errors(404)}, parameters=[INCLUDE])
    async def retrieve(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Get a thread with its newest values."""
        thread, included = parse_id(thread_id, "thread"), _included(request)
        caller = caller_of(request)
        row = await get_thread(thread, caller=caller, with_ttl="ttl" in included)
        return Response(_found(row, thread))

    @extend_schema(
        request=ThreadUpdateSerializer,
        responses={200: ThreadSerializer, 204: None, **errors(404)},
        parameters=[PREFER],
    )
    async def partial_update(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Merge keys into a thread's metadata."""
        thread = parse_id(thread_id, "thread")
        metadata, ttl = ThreadUpdateSerializer.parse(request.data)
        row = _found(await update_thread(thread, metadata, ttl, caller=caller_of(request)), thread)
        if MINIMAL in request.headers.get("prefer", "").lower().replace(" ", ""):
            return Response(status=204, headers={"preference-applied": MINIMAL})
        return Response(row)

    @extend_schema(responses={204: None, **errors(404)})
    async def destroy(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Delete a thread with its runs and checkpoints."""
        thread = parse_id(thread_id, "thread")
        if not await delete_thread(thread, caller=caller_of(request)):
            raise NotFound(f"Thread with ID {thread} not found")
        return Response(status=204)

    @extend_schema(request=None, responses={200: ThreadSerializer, **errors(404, 409)})
    async def copy(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Copy a thread with its checkpoints, without its runs.

        409 means that there is no such thread.
        """
        thread = parse_id(thread_id, "thread")
        return Response(await copy_thread(thread, caller=caller_of(request)))

    @extend_schema(responses={200: ThreadStorageSerializer, **errors(404)})
    async def storage(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Tell how many bytes a thread takes, and where."""
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
