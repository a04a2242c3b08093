from __future__ import annotations

from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from assistants.models import Assistant
from common.admin import (
    RecordAdmin,
    column,
    do_each,
    id_begins,
    json_column,
    label,
    link,
    metadata_says,
    moment_column,
    newest,
    newest_with,
    time_column,
    titled,
)
from common.pretty import NOTHING, duration_text, pretty_json
from runs.bulk import cancel_each, retry_each
from runs.models import CancelAction, Run, RunStatus
from runs.webhooks import admin as webhook_admin  # noqa: F401 -- registers its pages

LABELS = {
    RunStatus.PENDING: "",
    RunStatus.RUNNING: "info",
    RunStatus.SUCCESS: "success",
    RunStatus.ERROR: "danger",
    RunStatus.TIMEOUT: "danger",
    RunStatus.INTERRUPTED: "warning",
}

GONE = "deleted assistant"

LISTED_ASSISTANTS = 100


class AssistantFilter(admin.SimpleListFilter):
    title = parameter_name = "assistant"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        listed = Assistant.objects.order_by("name").values_list("pk", "name")[:LISTED_ASSISTANTS]
        return [(str(key), name) for key, name in listed]

    def queryset(self, request: HttpRequest, runs: QuerySet[Run]) -> QuerySet[Run]:
        wanted = self.value()
        if wanted is None:
            return runs
        try:
            return runs.filter(assistant_id=UUID(wanted))
        except ValueError:
            return runs.none()


@admin.register(Run)
class RunAdmin(RecordAdmin[Run]):
    list_display = ("title", "state", "on_thread", "duration", "tries", "held", "created")
    actions = ("cancel_runs", "roll_back_runs", "retry_runs")
    list_filter = ("status", AssistantFilter)
    search_fields = ("run_id",)
    search_help_text = "Run, thread or assistant id, key=value, metadata"
    # The key is a UUID of version 7: its index is the order of making.
    ordering = ("-run_id",)
    sortable_by = ()
    readonly_fields = (
        "state",
        "of_assistant",
        "on_thread",
        "duration",
        "held",
        "input_json",
        "options_json",
        "metadata_json",
        "error_json",
        "created_moment",
        "started_moment",
        "ended_moment",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("run_id", "state"),
                    ("of_assistant", "on_thread"),
                    ("created_moment", "started_moment"),
                    ("ended_moment", "duration"),
                    ("multitask_strategy", "attempt", "lost_attempts"),
                    ("claimed_by", "held"),
                    "error_json",
                )
            },
        ),
        ("Asked for", {"fields": ("input_json", "options_json", "metadata_json")}),
    )

    metadata_json = json_column("metadata")
    error_json = json_column("error")
    created = time_column("created_at")
    created_moment = moment_column("created_at")
    started_moment = moment_column("started_at")
    ended_moment = moment_column("ended_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Run]:
        # A run outlives its assistant: a join would hide such a run.
        runs: QuerySet[Run] = super().get_queryset(request)
        return runs.prefetch_related("assistant")

    @column("run")
    def title(self, run: Run) -> SafeString:
        return titled(self._assistant_name(run), run.run_id)

    @column("status")
    def state(self, run: Run) -> SafeString:
        return label(run.status, LABELS[RunStatus(run.status)])

    @column("assistant")
    def of_assistant(self, run: Run) -> str | SafeString:
        name = self._assistant_name(run)
        if name == GONE:
            return f"{name} ({run.assistant_id})"
        return link("assistants_assistant", run.assistant_id, name)

    @column("thread")
    def on_thread(self, run: Run) -> SafeString:
        return link("threads_thread", run.thread_id, run.thread_id)

    @column("duration")
    def duration(self, run: Run) -> str:
        return duration_text(run.started_at, run.ended_at)

    @column("tries")
    def tries(self, run: Run) -> str:
        return f"{run.attempt}, {run.lost_attempts} lost" if run.lost_attempts else str(run.attempt)

    @column("held")
    def held(self, run: Run) -> SafeString:
        """Show for how long a run has waited, or whether its process is still there."""
        if run.status == RunStatus.PENDING:
            return format_html("waits {}", duration_text(run.created_at, timezone.now()))
        if run.status != RunStatus.RUNNING or run.lease_until is None:
            return NOTHING
        if run.lease_until < timezone.now():
            return label("lost", "danger")
        return format_html("by process {}", run.claimed_by)

    @admin.action(description="Cancel", permissions=["operate"])
    def cancel_runs(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        do_each(request, runs, partial(cancel_each, action=CancelAction.INTERRUPT))

    @admin.action(description="Roll back", permissions=["operate"])
    def roll_back_runs(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        do_each(request, runs, partial(cancel_each, action=CancelAction.ROLLBACK))

    @admin.action(description="Try again", permissions=["operate"])
    def retry_runs(self, request: HttpRequest, runs: QuerySet[Run]) -> None:
        do_each(request, runs, retry_each)

    @column("input")
    def input_json(self, run: Run) -> SafeString:
        return pretty_json(run.kwargs.get("command") or run.kwargs.get("input"))

    @column("options")
    def options_json(self, run: Run) -> SafeString:
        shown = {key for key, value in run.kwargs.items() if value} - {"input", "command"}
        return pretty_json({key: run.kwargs[key] for key in sorted(shown)})

    def search(self, records: QuerySet[Run], term: str) -> QuerySet[Run]:
        if "=" in term:
            return records.filter(metadata_says(term), pk__in=newest(records))
        found = id_begins(term, "run_id", "thread_id", "assistant_id")
        return records.filter(found) if found else newest_with(records, "metadata", term)

    def _assistant_name(self, run: Run) -> str:
        try:
            return run.assistant.name
        except Assistant.DoesNotExist:
            return GONE
