from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from common.admin import (
    RecordAdmin,
    column,
    json_column,
    moment_column,
    newest_with,
    time_column,
    titled,
)
from common.pretty import preview, until
from store.models import StoreItem

LISTED_NAMESPACES = 100


class NamespaceFilter(admin.SimpleListFilter):
    title = parameter_name = "namespace"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [(prefix, prefix) for prefix in StoreItem.namespaces(LISTED_NAMESPACES)]

    def queryset(self, request: HttpRequest, items: QuerySet[StoreItem]) -> QuerySet[StoreItem]:
        wanted = self.value()
        return items if wanted is None else items.filter(prefix=wanted)


@admin.register(StoreItem)
class StoreItemAdmin(RecordAdmin[StoreItem]):
    list_display = ("title", "value_preview", "updated", "expires")
    list_filter = (NamespaceFilter,)
    search_fields = ("key",)
    search_help_text = "Namespace, key or text of the value"
    sortable_by = ()
    readonly_fields = ("value_json", "created_moment", "updated_moment", "expires")
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("prefix", "key"),
                    ("created_moment", "updated_moment", "expires"),
                )
            },
        ),
        ("Value", {"fields": ("value_json",)}),
    )

    value_json = json_column("value")
    created_moment = moment_column("created_at")
    updated_moment = moment_column("updated_at")
    updated = time_column("updated_at")

    @column("item")
    def title(self, item: StoreItem) -> SafeString:
        return titled(item.key, item.prefix)

    @column("expires")
    def expires(self, item: StoreItem) -> SafeString:
        return until(item.expires_at)

    @column("value")
    def value_preview(self, item: StoreItem) -> str:
        return preview(item.value)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> StoreItem | None:
        """Find the item by its namespace too: the table has no index on the joined key."""
        parts = object_id.split("/")
        namespaces = ["/".join(parts[:end]) for end in range(1, len(parts))]
        items = StoreItem.objects.filter(prefix__in=namespaces)
        return items.filter(item_id=object_id).first()

    def search(self, records: QuerySet[StoreItem], term: str) -> QuerySet[StoreItem]:
        words = Q(prefix__startswith=term) | Q(key__icontains=term)
        return records.filter(words) | newest_with(records, "value", term)
