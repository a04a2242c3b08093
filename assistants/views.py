from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import Caller, caller_of
from assistants.describing import describe_graph, draw_graph
from assistants.queries import (
    AssistantRow,
    count_assistants,
    create_assistant,
    delete_assistant,
    find_assistant,
    search_assistants,
    update_assistant,
)
from assistants.serializers import (
    AssistantCountSerializer,
    AssistantCreateSerializer,
    AssistantSearchSerializer,
    AssistantSerializer,
    AssistantUpdateSerializer,
)
from common.errors import Conflict, NotBuiltYet, NotFound, Unprocessable
from common.ids import parse_id
from common.responses import Response
from common.search import one_page, page_headers
from common.serializers import ErrorSerializer, FlagField
from common.viewsets import AsyncViewSet
from graphs.registry import graph_ids, graph_spec

ERRORS = {404: ErrorSerializer, 422: ErrorSerializer}
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
        return Response(_json(await _found(assistant_id, caller_of(request))))

    @extend_schema(
        request=AssistantUpdateSerializer,
        responses={200: AssistantSerializer, 400: ErrorSerializer, **ERRORS},
    )
    async def partial_update(self, request: Request, assistant_id: str) -> HttpResponseBase:
        caller = caller_of(request)
        changes = AssistantUpdateSerializer.parse(request.data)
        if "graph_id" in changes:
            graph_spec(str(changes["graph_id"]))
        found = await _found(assistant_id, caller)
        row = await update_assistant(found.assistant_id, changes, caller=caller)
        if row is None:
            raise NotFound(f"Assistant {assistant_id} not found")
        return Response(row)

    @extend_schema(
        responses={204: None, **ERRORS},
        parameters=[OpenApiParameter("delete_threads", bool, default=False)],
    )
    async def destroy(self, request: Request, assistant_id: str) -> HttpResponseBase:
        if FlagField.read(request.query_params.get("delete_threads")):
            raise NotBuiltYet("delete_threads")
        caller = caller_of(request)
        found = await _found(assistant_id, caller)
        await delete_assistant(found.assistant_id, caller=caller)
        return Response(status=204)

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS}, parameters=[XRAY])
    async def graph(self, request: Request, assistant_id: str) -> HttpResponseBase:
        xray = _xray(request.query_params.get("xray", "false"))
        assistant = await _found(assistant_id, caller_of(request))
        return Response(await draw_graph(assistant, xray=xray))

    @extend_schema(responses={200: OpenApiTypes.OBJECT, **ERRORS})
    async def schemas(self, request: Request, assistant_id: str) -> HttpResponseBase:
        assistant = await _found(assistant_id, caller_of(request))
        return Response(await describe_graph(assistant))


async def _found(key: str, caller: Caller) -> AssistantRow:
    """Return an assistant by id or graph name; raises NotFound, or Unprocessable for neither."""
    found = await find_assistant(key, caller=caller)
    if found is not None:
        return found
    known = graph_ids()
    try:
        if key not in known:
            parse_id(key, "assistant")
    except Unprocessable as exc:
        raise Unprocessable(f"{exc.detail}, or one of the graphs: {', '.join(known)}") from exc
    raise NotFound(f"Assistant with ID {key} not found")


def _json(assistant: AssistantRow) -> dict[str, object]:
    return {name: getattr(assistant, name) for name in AssistantRow.__slots__}


def _xray(text: str) -> bool | int:
    """Read `xray`: a flag, or a number of levels above zero."""
    if text.lower() in ("true", "false", "yes", "no", ""):
        return FlagField.read(text)
    if text.isdigit() and 0 < int(text[:4]) <= 100:
        return int(text)
    raise Unprocessable("xray: must be true, false, or a number of levels from 1 to 100")
