from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from access.caller import Caller, caller_of
from assistants.describing import describe_graph, keep_messages
from assistants.queries import AssistantRow, find_assistant, search_assistants
from assistants.serializers import AgentSchemasSerializer, AgentSearchSerializer, AgentSerializer
from common.description import PAGES, errors
from common.errors import NotFound
from common.responses import Response
from common.search import one_page
from common.viewsets import AsyncViewSet

# Schemas that the protocol wants told; others are left out when there is none.
REQUIRED = ("input_schema", "output_schema")
OPTIONAL = ("state_schema", "config_schema")


class AgentViewSet(AsyncViewSet):
    """Assistants under the names of the Agent Protocol."""

    tag = "Agents"
    errors_have_message = True

    @extend_schema(
        request=AgentSearchSerializer,
        responses={200: AgentSerializer(many=True)},
        parameters=PAGES,
    )
    async def search(self, request: Request) -> HttpResponseBase:
        """Search agents by metadata and name."""
        search = AgentSearchSerializer.parse(request.data)
        rows = await search_assistants(search, caller=caller_of(request))
        page, headers = one_page(rows, search)
        return Response(await _agents([AssistantRow(**row) for row in page]), headers=headers)

    @extend_schema(responses={200: AgentSerializer, **errors(404)})
    async def retrieve(self, request: Request, agent_id: str) -> HttpResponseBase:
        """Get an agent, by its id or its graph's name."""
        assistant = await _found(agent_id, caller_of(request))
        return Response((await _agents([assistant]))[0])

    @extend_schema(responses={200: AgentSchemasSerializer, **errors(404, 424)})
    async def schemas(self, request: Request, agent_id: str) -> HttpResponseBase:
        """Get the JSON Schemas of what an agent takes and gives."""
        assistant = await _found(agent_id, caller_of(request))
        schemas = await describe_graph(assistant)
        return Response(
            {
                "agent_id": assistant.assistant_id,
                **{name: schemas[name] or {} for name in REQUIRED},
                **{name: schemas[name] for name in OPTIONAL if schemas[name] is not None},
            }
        )


async def _found(agent_id: str, caller: Caller) -> AssistantRow:
    """Return an assistant; any other text is an id that nobody has."""
    found = await find_assistant(agent_id, caller=caller)
    if found is None:
        raise NotFound(f"Agent with ID {agent_id} not found")
    return found


async def _agents(assistants: Sequence[AssistantRow]) -> list[dict[str, Any]]:
    told = await keep_messages(assistants)
    return [
        {
            "agent_id": assistant.assistant_id,
            "name": assistant.name,
            "description": assistant.description or "",
            "metadata": assistant.metadata,
            "capabilities": {"ap.io.messages": has_messages, "ap.io.streaming": True},
        }
        for assistant, has_messages in zip(assistants, told, strict=True)
    ]
