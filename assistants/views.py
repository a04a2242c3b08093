from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from assistants.deletion import delete_assistant
from assistants.describing import (
    describe_graph,
    describe_subgraph,
    describe_subgraphs,
    draw_graph,
)
from assistants.finding import found_assistant
from assistants.queries import (
    AssistantRow,
    AssistantSearch,
    count_assistants,
    create_assistant,
    find_assistant,
    search_assistants,
    update_assistant,
)
from assistants.serializers import (
    AssistantCountSerializer,
    AssistantCreateSerializer,
    AssistantListSerializer,
    AssistantSearchSerializer,
    AssistantSerializer,
    AssistantUpdateSerializer,
    LatestSerializer,
    VersionSearchSerializer,
    VersionSerializer,
)
from assistants.versions import list_versions, set_latest
from common.errors import Conflict, NotFound, Unprocessable
from common.responses import Response
from common.search import one_page, page_headers, whole_param
from common.serializers import ErrorSerializer, FlagField
from common.viewsets import AsyncViewSet
from graphs.registry import graph_spec

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
RECURSE = OpenApiParameter("recurse", bool, default=False)
# Clients send it all the same.
RECURSE_ANYWAY = OpenApiParameter(
    "recurse", bool, default=False, description="Changes nothing: a namespace may be of any depth."
)
LIMIT = OpenApiParameter("limit", int, default=1000)
OFFSET = OpenApiParameter("offset", int, default=0)
XRAY = OpenApiParameter("xray", str, description="true, false, or how many levels to open")


class AssistantViewSet(AsyncViewSet):
    """Graphs with a configuration. A graph's name serves as the id of its own assistant."""

    @extend_schema(
        request=AssistantCreateSerializer,
        responses={
            200: AssistantSerializer,
            400: ErrorSerializer,
            409: ErrorSerializer,
            **ERRORS,
        },
    )
    async def create(self, request: Request) -> HttpResponseBase:
        new, existing_will_do = AssistantCreateSerializer.parse(request.data)
        graph_spec(new.graph_id)
        row = await create_assistant(new)
        if row is None and existing_will_do:
            found = await find_assistant(str(new.assistant_id), caller=caller_of(request))
            row = _json(found) if found else None
        if row is None:
            raise Conflict(f"Assistant with ID {new.assistant_id} already exists")
        return Response(row)

    @extend_schema(
        request=AssistantSearchSerializer,
        responses={200: AssistantSerializer(many=True), 422: ErrorSerializer},
    )
    async def search(self, request: Request) -> HttpResponseBase:
        search = AssistantSearchSerializer.parse(request.data)
        rows = await search_assistants(search, caller=caller_of(request))
        page, more = one_page(rows, search.limit)
        headers = page_headers(offset=search.offset, limit=search.limit, more=more, found=len(page))
        return Response(page, headers=headers)

    @extend_schema(
        request=AssistantCountSerializer,
        responses={200: OpenApiTypes.INT, 422: ErrorSerializer},
    )
    async def count(self, request: Request) -> HttpResponseBase:
        search = AssistantCountSerializer.parse(request.data)
        return Response(await count_assistants(search, caller=caller_of(request)))

    @extend_schema(responses={200: AssistantSerializer, **ERRORS})
    async def retrieve(self, request: Request, assistant_id: str) -> HttpResponseBase:
        return Response(_json(await found_assistant(assistant_id, caller=caller_of(request))))

    @extend_schema(
        request=AssistantUpdateSerializer,
        responses={200: AssistantSerializer, 400: ErrorSerializer, **ERRORS},
    )
    async def partial_update(self, request: Request, assistant_id: str) -> HttpResponseBase:
        caller = caller_of(request)
        changes = AssistantUpdateSerializer.parse(request.data)
        if "graph_id" in changes:
            graph_spec(str(changes["graph_id"]))
        found = await found_assistant(assistant_id, caller=caller)
        row = await update_assistant(found.assistant_id, changes, caller=caller)
        if row is None:
            raise NotFound(f"Assistant {assistant_id} not found")
        return Response(row)

    @extend_schema(
        responses={204: None, **ERRORS},
        parameters=[OpenApiParameter("delete_threads", bool, default=False)],
    )
    async def destroy(self, request: Request, assistant_id: str) -> HttpResponseBase:
        with_threads = FlagField.read(request.query_params.get("delete_threads"))
        caller = caller_of(request)
        found = await found_assistant(assistant_id, caller=caller)
        key = found.assistant_id
        if not await delete_assistant(key, with_threads=with_threads, caller=caller):
            raise NotFound(f"Assistant {assistant_id} not found")
        return Response(status=204)

    @extend_schema(
        request=VersionSearchSerializer,
        responses={200: VersionSerializer(many=True), **ERRORS},
    )
    async def versions(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """List what the assistant was at each version, newest first; 404 when none is found."""
        search = VersionSearchSerializer.parse(request.data)
        caller = caller_of(request)
        found = await found_assistant(assistant_id, caller=caller)
        versions = await list_versions(found.assistant_id, search, caller=caller)
        if not versions:
            raise NotFound(
                f"Assistant {assistant_id} has no such version; it is at {found.version}"
            )
        return Response(versions)

    @extend_schema(
        request=LatestSerializer,
        responses={200: AssistantSerializer, **ERRORS},
    )
    async def latest(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Make the assistant what it was at a version; the next update is the newest again."""
        version, caller = LatestSerializer.parse(request.data), caller_of(request)
        found = await found_assistant(assistant_id, caller=caller)
        row = await set_latest(found.assistant_id, version, caller=caller)
        if row is None:
            raise NotFound(
                f"Assistant {assistant_id} has no version {version} of a graph that is served"
            )
        return Response(row)

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS}, parameters=[XRAY])
    async def graph(self, request: Request, assistant_id: str) -> HttpResponseBase:
        xray = _xray(request.query_params.get("xray", "false"))
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await draw_graph(assistant, xray=xray))

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS})
    async def schemas(self, request: Request, assistant_id: str) -> HttpResponseBase:
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_graph(assistant))

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS}, parameters=[RECURSE])
    async def subgraphs(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Describe the graphs inside the graph, by namespace; `recurse`, those inside them too."""
        recurse = FlagField.read(request.query_params.get("recurse"))
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_subgraphs(assistant, recurse=recurse))

    @extend_schema(
        operation_id="assistants_subgraph_retrieve",
        responses={200: OpenApiTypes.OBJECT, **ERRORS},
        parameters=[RECURSE_ANYWAY],
    )
    async def subgraph(
        self, request: Request, assistant_id: str, namespace: str
    ) -> HttpResponseBase:
        """Describe the graph at a namespace, such as `sub|inner`."""
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_subgraph(assistant, namespace))

    @extend_schema(
        responses={200: AssistantListSerializer, 422: ErrorSerializer},
        parameters=[LIMIT, OFFSET],
    )
    async def list(self, request: Request) -> HttpResponseBase:
        """List all assistants, newest first, as Aegra does."""
        query = request.query_params
        search = AssistantSearch(
            limit=whole_param(query, "limit", default=1000, minimum=1, maximum=1000),
            offset=whole_param(query, "offset", default=0, minimum=0, maximum=2**31 - 1),
        )
        caller = caller_of(request)
        rows = await search_assistants(search, caller=caller)
        total = await count_assistants(search, caller=caller)
        return Response({"assistants": rows[: search.limit], "total": total})


def _json(assistant: AssistantRow) -> dict[str, object]:
    return {name: getattr(assistant, name) for name in AssistantRow.__slots__}


def _xray(text: str) -> bool | int:
    """Read `xray`: a flag, or a number of levels above zero."""
    if text.lower() in ("true", "false", "yes", "no", ""):
        return FlagField.read(text)
    if text.isdigit() and 0 < int(text[:4]) <= 100:
        return int(text)
    raise Unprocessable("xray: must be true, false, or a number of levels from 1 to 100")
