from __future__ import annotations

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import TabularInline

from assistants.models import Assistant, AssistantVersion
from common.admin import (
    RecordAdmin,
    column,
    id_begins,
    json_column,
    label,
    listing,
    metadata_says,
    moment_column,
    tag,
    time_column,
    titled,
)


class VersionInline(TabularInline):
    model = AssistantVersion
    fields = readonly_fields = (
        "number",
        "name",
        "graph",
        "config_json",
        "context_json",
        "metadata_json",
        "created",
    )
    extra = 0
    per_page = 10
    can_delete = False
    tab = True

    config_json = json_column("config")
    context_json = json_column("context")
    metadata_json = json_column("metadata")
    created = time_column("created_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[AssistantVersion]:
        found: QuerySet[AssistantVersion] = super().get_queryset(request)
        return found.select_related("assistant")

    @column("version")
    def number(self, version: AssistantVersion) -> SafeString:
        is_current = version.version == version.assistant.version
        return format_html("{} {}", version.version, label("current", "info") if is_current else "")

    @column("graph")
    def graph(self, version: AssistantVersion) -> SafeString:
        return tag(version.graph_id)

    def has_add_permission(self, request: HttpRequest, obj: Assistant | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Assistant | None = None) -> bool:
        return False


@admin.register(Assistant)
class AssistantAdmin(RecordAdmin[Assistant]):
    list_display = ("title", "graph", "version", "made_by", "updated")
    list_filter = ("graph_id",)
    search_fields = ("name",)
    search_help_text = "Name, graph, id or key=value"
    sortable_by = ("updated",)
    inlines = (VersionInline,)
    readonly_fields = (
        "max_runs",
        "usage",
        "config_json",
        "context_json",
        "metadata_json",
        "created_moment",
        "updated_moment",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("assistant_id", "graph_id"),
                    ("name", "version"),
                    ("description", "max_runs"),
                    "usage",
                    ("created_moment", "updated_moment"),
                )
            },
        ),
        ("Configuration", {"fields": ("config_json", "context_json", "metadata_json")}),
    )

    config_json = json_column("config")
    context_json = json_column("context")
    metadata_json = json_column("metadata")
    created_moment = moment_column("created_at")
    updated_moment = moment_column("updated_at")
    updated = time_column("updated_at")

    @column("assistant")
    def title(self, assistant: Assistant) -> SafeString:
        return titled(assistant.name, assistant.assistant_id)

    @column("graph")
    def graph(self, assistant: Assistant) -> SafeString:
        return tag(assistant.graph_id)

    @column("made by")
    def made_by(self, assistant: Assistant) -> str:
        return assistant.metadata.get("created_by") or "-"

    @column("used by")
    def usage(self, assistant: Assistant) -> SafeString:
        key = assistant.assistant_id
        return format_html(
            "{} · {}",
            listing("threads_thread", "its threads", assistant_id=key),
            listing("runs_run", "its runs", assistant=key),
        )

    def search(self, records: QuerySet[Assistant], term: str) -> QuerySet[Assistant]:
        if "=" in term:
            return records.filter(metadata_says(term))
        words = Q(name__icontains=term) | Q(graph_id__icontains=term)
        return records.filter(words | id_begins(term, "pk"))
