from __future__ import annotations

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.description import COUNT, PAGES, errors
from common.errors import NotFound
from common.ids import parse_id
from common.responses import Response
from common.search import one_page
from common.viewsets import AsyncViewSet
from crons.queries import count_crons, delete_cron, get_cron, search_crons
from crons.serializers import (
    CronCountSerializer,
    CronCreateForThreadSerializer,
    CronCreateSerializer,
    CronSearchSerializer,
    CronSerializer,
    CronUpdateSerializer,
    SelectedCronSerializer,
)
from crons.writing import create_cron, update_cron


class CronViewSet(AsyncViewSet):
    """Runs made by a schedule."""

    tag = "Crons"

    @extend_schema(request=CronCreateSerializer, responses={200: CronSerializer, **errors(404)})
    async def create(self, request: Request) -> HttpResponseBase:
        """Create a cron whose runs each have a thread of their own.

        404 is an assistant that is not there.
        """
        new = CronCreateSerializer.parse(request.data)
        return Response(await create_cron(new, thread_id=None, caller=caller_of(request)))

    @extend_schema(
        request=CronCreateForThreadSerializer, responses={200: CronSerializer, **errors(404)}
    )
    async def create_for_thread(self, request: Request, thread_id: str) -> HttpResponseBase:
        """Create a cron whose runs are on one thread.

        404 is a thread or an assistant that is not there.
        """
        thread = parse_id(thread_id, "thread")
        new = CronCreateForThreadSerializer.parse(request.data)
        return Response(await create_cron(new, thread_id=thread, caller=caller_of(request)))

    @extend_schema(
        request=CronSearchSerializer,
        responses={200: SelectedCronSerializer(many=True)},
        parameters=PAGES,
    )
    async def search(self, request: Request) -> HttpResponseBase:
        """Search crons by assistant, thread, metadata and whether they are enabled."""
        search = CronSearchSerializer.parse(request.data)
        rows = await search_crons(search, caller=caller_of(request))
        page, headers = one_page(rows, search)
        return Response(page, headers=headers)

    @extend_schema(request=CronCountSerializer, responses={200: COUNT})
    async def count(self, request: Request) -> HttpResponseBase:
        """Count the crons that a search would find."""
        search = CronCountSerializer.parse(request.data)
        return Response(await count_crons(search, caller=caller_of(request)))

    @extend_schema(responses={200: CronSerializer, **errors(404)})
    async def retrieve(self, request: Request, cron_id: str) -> HttpResponseBase:
        """Get a cron."""
        cron = parse_id(cron_id, "cron")
        row = await get_cron(cron, caller=caller_of(request))
        if row is None:
            raise NotFound(f"Cron with ID {cron} not found")
        return Response(row)

    @extend_schema(request=CronUpdateSerializer, responses={200: CronSerializer, **errors(404)})
    async def partial_update(self, request: Request, cron_id: str) -> HttpResponseBase:
        """Change a cron; what is left out stays as it is, and an `end_time` of null is none.

        Metadata is merged key by key. Another schedule or time zone counts from now, and so does
        a cron that is enabled again.
        """
        cron = parse_id(cron_id, "cron")
        changes = CronUpdateSerializer.parse(request.data)
        return Response(await update_cron(cron, changes, caller=caller_of(request)))

    @extend_schema(responses={204: None, **errors(404)})
    async def destroy(self, request: Request, cron_id: str) -> HttpResponseBase:
        """Delete a cron; the runs it has made stay."""
        cron = parse_id(cron_id, "cron")
        if not await delete_cron(cron, caller=caller_of(request)):
            raise NotFound(f"Cron with ID {cron} not found")
        return Response(status=204)
