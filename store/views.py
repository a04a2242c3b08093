from __future__ import annotations

from django.http import QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request

from access.caller import caller_of
from common.description import errors
from common.errors import Unprocessable
from common.responses import Response
from common.search import list_param
from common.serializers import FlagField
from common.viewsets import AsyncViewSet
from store.items import delete_item, get_item, put_item, search_items, search_namespaces
from store.serializers import (
    ItemKeySerializer,
    ItemPutSerializer,
    ItemSearchSerializer,
    ItemSerializer,
    ItemsSerializer,
    Namespace,
    NamespaceSearchSerializer,
    NamespacesSerializer,
)

KEY = {"type": "string", "minLength": 1}
LABELS = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
# Where the embedding of `store.index` has a part.
EMBEDDED = errors(424)


class StoreItemViewSet(AsyncViewSet):
    """Long-term memory: items by namespace and key."""

    tag = "Store"

    @extend_schema(request=ItemPutSerializer, responses={204: None, **EMBEDDED})
    async def put_item(self, request: Request) -> HttpResponseBase:
        """Store an item, in place of one that has its namespace and key."""
        await put_item(ItemPutSerializer.parse(request.data), caller=caller_of(request))
        return Response(status=204)

    @extend_schema(
        responses={200: ItemSerializer},
        parameters=[
            OpenApiParameter("key", KEY, required=True, description="The item's key."),
            OpenApiParameter(
                "namespace", LABELS, required=True, description="Labels, joined by dots."
            ),
            OpenApiParameter(
                "refresh_ttl", bool, description="Begin the item's time to live anew."
            ),
        ],
    )
    async def get_item(self, request: Request) -> HttpResponseBase:
        """Get an item; null when there is none."""
        key = request.query_params.get("key")
        if not key:
            message = "Key is required"
            return Response({"error": message, "detail": message}, status=400)
        refresh = request.query_params.get("refresh_ttl")
        item = await get_item(
            _namespace(request.query_params),
            key,
            refresh_ttl=FlagField.read(refresh) if refresh else None,
            caller=caller_of(request),
        )
        return Response(item)

    @extend_schema(request=ItemKeySerializer, responses={204: None})
    async def delete_item(self, request: Request) -> HttpResponseBase:
        """Delete an item, if it is there."""
        namespace, key = ItemKeySerializer.parse_key(request.data)
        await delete_item(namespace, key, caller=caller_of(request))
        return Response(status=204)

    @extend_schema(request=ItemSearchSerializer, responses={200: ItemsSerializer, **EMBEDDED})
    async def search(self, request: Request) -> HttpResponseBase:
        """Search the items below a namespace."""
        search = ItemSearchSerializer.parse(request.data)
        return Response({"items": await search_items(search, caller=caller_of(request))})

    @extend_schema(request=NamespaceSearchSerializer, responses={200: NamespacesSerializer})
    async def namespaces(self, request: Request) -> HttpResponseBase:
        """List the namespaces that have items."""
        search = NamespaceSearchSerializer.parse(request.data)
        found = await search_namespaces(search, caller=caller_of(request))
        return Response({"namespaces": found})


def _namespace(query: QueryDict) -> Namespace:
    """Read a namespace as the SDKs write it: joined by dots, repeated, or a JSON array."""
    labels = [label for text in list_param(query, "namespace") for label in text.split(".")]
    if not labels or not all(labels):
        raise Unprocessable("namespace: labels must be non-empty strings, joined by dots")
    return tuple(labels)
