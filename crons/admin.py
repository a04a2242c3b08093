from __future__ import annotations

from functools import partial
from uuid import UUID

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from access.caller import ANONYMOUS
from common.admin import (
    RecordAdmin,
    column,
    do_each,
    id_begins,
    json_column,
    label,
    link,
    listing,
    metadata_says,
    moment_column,
    tag,
    time_column,
    titled,
)
from common.bulk import Done, each
from common.pretty import NOTHING, until
from crons.firing import fire_now
from crons.models import Cron
from crons.writing import CronChanges, update_cron


@admin.register(Cron)
class CronAdmin(RecordAdmin[Cron]):
    list_display = ("title", "state", "when", "on_thread", "next_run", "last_run", "created")
    list_filter = ("enabled", ("assistant", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("assistant",)
    search_fields = ("schedule",)
    search_help_text = "Schedule, assistant, user, key=value, or the id of a cron or thread"
    sortable_by = ("next_run", "last_run", "created")
    actions = ("enable", "disable", "run_now")
    readonly_fields = (
        "state",
        "when",
        "of_assistant",
        "on_thread",
        "usage",
        "payload_json",
        "metadata_json",
        "next_moment",
        "last_moment",
        "end_moment",
        "created_moment",
        "updated_moment",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("cron_id", "state"),
                    ("when", "end_moment"),
                    ("of_assistant", "on_thread"),
                    ("on_run_completed", "user_id"),
                    ("next_moment", "last_moment"),
                    "last_error",
                    "usage",
                    ("created_moment", "updated_moment"),
                )
            },
        ),
        ("Each run is given", {"fields": ("payload_json", "metadata_json")}),
    )

    payload_json = json_column("payload")
    metadata_json = json_column("metadata")
    created = time_column("created_at")
    next_moment = moment_column("next_run_date")
    last_moment = moment_column("last_run_date")
    end_moment = moment_column("end_time")
    created_moment = moment_column("created_at")
    updated_moment = moment_column("updated_at")
    last_run = time_column("last_run_date")

    @column("cron")
    def title(self, cron: Cron) -> SafeString:
        return titled(cron.assistant.name, cron.cron_id)

    @column("status")
    def state(self, cron: Cron) -> SafeString:
        if _is_over(cron):
            return label("ended")
        if not cron.enabled:
            return label("disabled", "warning")
        return label("failing", "danger") if cron.last_error else label("enabled", "success")

    @column("schedule")
    def when(self, cron: Cron) -> SafeString:
        return format_html("{} {}", tag(cron.schedule), cron.timezone or "UTC")

    @column("assistant")
    def of_assistant(self, cron: Cron) -> SafeString:
        return link("assistants_assistant", cron.assistant_id, cron.assistant.name)

    @column("thread")
    def on_thread(self, cron: Cron) -> SafeString | str:
        if cron.thread_id is None:
            return "a new one each time"
        return link("threads_thread", cron.thread_id, cron.thread_id)

    @column("next run", ordering="next_run_date")
    def next_run(self, cron: Cron) -> SafeString:
        is_coming = cron.enabled and not _is_over(cron)
        return until(cron.next_run_date) if is_coming else NOTHING

    @column("runs")
    def usage(self, cron: Cron) -> SafeString:
        return listing("runs_run", "those it has made", q=f"cron_id={cron.cron_id}")

    def search(self, records: QuerySet[Cron], term: str) -> QuerySet[Cron]:
        if "=" in term:
            return records.filter(metadata_says(term))
        words = (
            Q(schedule__icontains=term)
            | Q(timezone__icontains=term)
            | Q(user_id__icontains=term)
            | Q(assistant__name__icontains=term)
        )
        return records.filter(words | id_begins(term, "pk", "thread_id", "assistant_id"))

    @admin.action(description="Enable", permissions=["operate"])
    def enable(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        do_each(request, crons, partial(_change_each, is_enabled=True))

    @admin.action(description="Disable", permissions=["operate"])
    def disable(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        do_each(request, crons, partial(_change_each, is_enabled=False))

    @admin.action(description="Run now", permissions=["operate"])
    def run_now(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        do_each(request, crons, _run_each)


def _is_over(cron: Cron) -> bool:
    return cron.end_time is not None and cron.end_time <= timezone.now()


async def _change_each(cron_ids: list[UUID], *, is_enabled: bool) -> list[Done]:
    changes = CronChanges(columns={"enabled": is_enabled})

    async def change(cron_id: UUID) -> str:
        # Who may use the admin's actions may use them on everybody's crons.
        await update_cron(cron_id, changes, caller=ANONYMOUS)
        return "enabled" if is_enabled else "disabled"

    return await each(cron_ids, change)


async def _run_each(cron_ids: list[UUID]) -> list[Done]:
    async def run(cron_id: UUID) -> str:
        await fire_now(cron_id)
        return "started"

    return await each(cron_ids, run)
