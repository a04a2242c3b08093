from __future__ import annotations

from django.http.response import HttpResponseBase
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
    ASSISTANT_COLUMNS,
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
    GraphDrawingSerializer,
    GraphSchemasSerializer,
    LatestSerializer,
    SelectedAssistantSerializer,
    SubgraphSerializer,
    VersionSearchSerializer,
    VersionSerializer,
)
from assistants.versions import list_versions, set_latest
from common.description import COUNT, OFFSET, PAGES, errors, flag, whole
from common.errors import Conflict, NotFound, Unprocessable
from common.responses import Response
from common.search import one_page, page_params
from common.serializers import FlagField
from common.viewsets import AsyncViewSet
from graphs.registry import graph_spec

ALL = whole("limit", "How many to return at most.", default=1000, minimum=1, maximum=1000)
DELETE_THREADS = flag("delete_threads", "Delete the threads of its runs, too.")
RECURSE = flag("recurse", "Describe the graphs inside those, too.")
# Clients send it all the same.
RECURSE_ANYWAY = flag("recurse", "Changes nothing: a namespace may be of any depth.")
XRAY = OpenApiParameter(
    "xray", str, default="false", description="`true`, `false`, or how many levels to open."
)


class AssistantViewSet(AsyncViewSet):
    """Graphs with a configuration. A graph's name serves as the id of its own assistant."""

    tag = "Assistants"

    @extend_schema(
        request=AssistantCreateSerializer,
        responses={200: AssistantSerializer, **errors(404, 409)},
    )
    async def create(self, request: Request) -> HttpResponseBase:
        """Create an assistant.

        404 is an unknown graph. With `if_exists: do_nothing` an assistant that has the id
        already is returned as it is.
        """
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
        responses={200: SelectedAssistantSerializer(many=True)},
        parameters=PAGES,
    )
    async def search(self, request: Request) -> HttpResponseBase:
        """Search assistants by metadata, graph and name, newest first."""
        search = AssistantSearchSerializer.parse(request.data)
        rows = await search_assistants(search, caller=caller_of(request))
        page, headers = one_page(rows, search)
        return Response(page, headers=headers)

    @extend_schema(request=AssistantCountSerializer, responses={200: COUNT})
    async def count(self, request: Request) -> HttpResponseBase:
        """Count the assistants that a search would find."""
        search = AssistantCountSerializer.parse(request.data)
        return Response(await count_assistants(search, caller=caller_of(request)))

    @extend_schema(responses={200: AssistantSerializer, **errors(404)})
    async def retrieve(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Get an assistant, by its id or its graph's name."""
        return Response(_json(await found_assistant(assistant_id, caller=caller_of(request))))

    @extend_schema(
        request=AssistantUpdateSerializer,
        responses={200: AssistantSerializer, **errors(404)},
    )
    async def partial_update(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Change an assistant; what is left out stays as it is.

        Each change makes a new version.
        """
        caller = caller_of(request)
        changes = AssistantUpdateSerializer.parse(request.data)
        if "graph_id" in changes:
            graph_spec(str(changes["graph_id"]))
        found = await found_assistant(assistant_id, caller=caller)
        row = await update_assistant(found.assistant_id, changes, caller=caller)
        if row is None:
            raise NotFound(f"Assistant {assistant_id} not found")
        return Response(row)

    @extend_schema(responses={204: None, **errors(404)}, parameters=[DELETE_THREADS])
    async def destroy(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Delete an assistant with its versions; its active runs are cancelled."""
        with_threads = FlagField.read(request.query_params.get("delete_threads"))
        caller = caller_of(request)
        found = await found_assistant(assistant_id, caller=caller)
        key = found.assistant_id
        if not await delete_assistant(key, with_threads=with_threads, caller=caller):
            raise NotFound(f"Assistant {assistant_id} not found")
        return Response(status=204)

    @extend_schema(
        request=VersionSearchSerializer,
        responses={200: VersionSerializer(many=True), **errors(404)},
    )
    async def versions(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """List what the assistant was at each version, newest first.

        404 is also an assistant that has no such version.
        """
        search = VersionSearchSerializer.parse(request.data)
        caller = caller_of(request)
        found = await found_assistant(assistant_id, caller=caller)
        versions = await list_versions(found.assistant_id, search, caller=caller)
        if not versions:
            raise NotFound(
                f"Assistant {assistant_id} has no such version; it is at {found.version}"
            )
        return Response(versions)

    @extend_schema(request=LatestSerializer, responses={200: AssistantSerializer, **errors(404)})
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

    @extend_schema(responses={200: GraphDrawingSerializer, **errors(404, 424)}, parameters=[XRAY])
    async def graph(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Get the nodes and edges of an assistant's graph, to draw it."""
        xray = _xray(request.query_params.get("xray", "false"))
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await draw_graph(assistant, xray=xray))

    @extend_schema(responses={200: GraphSchemasSerializer, **errors(404, 424)})
    async def schemas(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Get the JSON Schemas of what an assistant's graph takes and gives."""
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_graph(assistant))

    @extend_schema(responses={200: SubgraphSerializer, **errors(404, 424)}, parameters=[RECURSE])
    async def subgraphs(self, request: Request, assistant_id: str) -> HttpResponseBase:
        """Describe the graphs inside the graph, by namespace."""
        recurse = FlagField.read(request.query_params.get("recurse"))
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_subgraphs(assistant, recurse=recurse))

    @extend_schema(
        responses={200: SubgraphSerializer, **errors(404, 424)}, parameters=[RECURSE_ANYWAY]
    )
    async def subgraph(
        self, request: Request, assistant_id: str, namespace: str
    ) -> HttpResponseBase:
        """Describe the graph at a namespace, such as `sub|inner`."""
        assistant = await found_assistant(assistant_id, caller=caller_of(request))
        return Response(await describe_subgraph(assistant, namespace))

    @extend_schema(
        responses={200: AssistantListSerializer},
        parameters=[ALL, OFFSET],
    )
    async def list(self, request: Request) -> HttpResponseBase:
        """List all assistants, newest first, as Aegra does."""
        limit, offset = page_params(request.query_params, default=1000)
        search = AssistantSearch(limit=limit, offset=offset)
        caller = caller_of(request)
        rows = await search_assistants(search, caller=caller)
        total = await count_assistants(search, caller=caller)
        return Response({"assistants": rows[: search.limit], "total": total})


def _json(assistant: AssistantRow) -> dict[str, object]:
    return {name: getattr(assistant, name) for name in ASSISTANT_COLUMNS}


def _xray(text: str) -> bool | int:
    """Read `xray`: a flag, or a number of levels above zero."""
    if text.lower() in ("true", "false", "yes", "no", ""):
        return FlagField.read(text)
    if text.isdigit() and 0 < int(text[:4]) <= 100:
        return int(text)
    raise Unprocessable("xray: must be true, false, or a number of levels from 1 to 100")
