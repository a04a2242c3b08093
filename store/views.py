from __future__ import annotations

from django.http import QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.errors import Unprocessable
from common.responses import Response
from common.search import list_param
from common.serializers import ErrorSerializer
from common.viewsets import AsyncViewSet
from store.items import delete_item, get_item, put_item, search_items, search_namespaces
from store.serializers import (
    ItemKeySerializer,
    ItemPutSerializer,
    ItemSearchSerializer,
    ItemSerializer,
    Namespace,
    NamespaceSearchSerializer,
)

ERRORS = {400: ErrorSerializer, 422: ErrorSerializer}


class StoreItemViewSet(AsyncViewSet):
    """Long-term memory: items by namespace and key."""

    @extend_schema(request=ItemPutSerializer, responses={204: None, **ERRORS})
    async def put_item(self, request: Request) -> HttpResponseBase:
        await put_item(ItemPutSerializer.parse(request.data), caller=caller_of(request))
        return Response(status=204)

    @extend_schema(
        responses={200: ItemSerializer, **ERRORS},
        parameters=[
            OpenApiParameter("key", str, required=True),
            OpenApiParameter("namespace", str, many=True, description="Labels, joined by dots."),
        ],
    )
    async def get_item(self, request: Request) -> HttpResponseBase:
        key = request.query_params.get("key")
        if not key:
            message = "Key is required"
            return Response({"error": message, "detail": message}, status=400)
        namespace = _namespace(request.query_params)
        return Response(await get_item(namespace, key, caller=caller_of(request)))

    @extend_schema(request=ItemKeySerializer, responses={204: None, **ERRORS})
    async def delete_item(self, request: Request) -> HttpResponseBase:
        namespace, key = ItemKeySerializer.parse_key(request.data)
        await delete_item(namespace, key, caller=caller_of(request))
        return Response(status=204)

    @extend_schema(request=ItemSearchSerializer, responses={200: OpenApiTypes.OBJECT, **ERRORS})
    async def search(self, request: Request) -> HttpResponseBase:
        search = ItemSearchSerializer.parse(request.data)
        return Response({"items": await search_items(search, caller=caller_of(request))})

    @extend_schema(
        request=NamespaceSearchSerializer, responses={200: OpenApiTypes.OBJECT, **ERRORS}
    )
    async def namespaces(self, request: Request) -> HttpResponseBase:
        search = NamespaceSearchSerializer.parse(request.data)
        found = await search_namespaces(search, caller=caller_of(request))
        return Response({"namespaces": found})


def _namespace(query: QueryDict) -> Namespace:
    """Read a namespace as the SDKs write it: joined by dots, repeated, or a JSON array."""
    labels = [label for text in list_param(query, "namespace") for label in text.split(".")]
    if not labels or not all(labels):
        raise Unprocessable("namespace: labels must be non-empty strings, joined by dots")
    return tuple(labels)
