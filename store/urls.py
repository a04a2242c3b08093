from __future__ import annotations

from django.urls import path

from store.views import StoreItemViewSet

urlpatterns = [
    path(
        "store/items",
        StoreItemViewSet.as_view({"put": "put_item", "get": "get_item", "delete": "delete_item"}),
    ),
    path("store/items/search", StoreItemViewSet.as_view({"post": "search"})),
    path("store/namespaces", StoreItemViewSet.as_view({"post": "namespaces"})),
]
