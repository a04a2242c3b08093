from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from access.caller import ANONYMOUS
from common import db
from common.admin import (
    RecordAdmin,
    column,
    id_range,
    json_column,
    label,
    link,
    listing,
    metadata_says,
    moment_column,
    tag,
    time_column,
    titled,
    within,
)
from common.errors import ApiError
from common.pretty import NOTHING, until
from crons.firing import fire_now
from crons.models import Cron
from crons.writing import CronChanges, update_cron

Verb = Callable[[UUID], Awaitable[object]]


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
        ids = id_range(term)
        if ids is None:
            return records.filter(words)
        return records.filter(
            words | within("pk", ids) | within("thread_id", ids) | within("assistant_id", ids)
        )

    def has_operate_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("crons.change_cron")

    @admin.action(description="Enable", permissions=["operate"])
    def enable(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        self._do(request, crons, _enabling(is_enabled=True), "enabled")

    @admin.action(description="Disable", permissions=["operate"])
    def disable(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        self._do(request, crons, _enabling(is_enabled=False), "disabled")

    @admin.action(description="Run now", permissions=["operate"])
    def run_now(self, request: HttpRequest, crons: QuerySet[Cron]) -> None:
        self._do(request, crons, fire_now, "started")

    def _do(self, request: HttpRequest, crons: QuerySet[Cron], verb: Verb, done: str) -> None:
        ids = list(crons.values_list("pk", flat=True))
        failed = asyncio.run(_each(ids, verb))
        if succeeded := len(ids) - len(failed):
            self.message_user(request, f"{succeeded} {done}.", messages.SUCCESS)
        for cron_id, error in failed.items():
            self.message_user(request, f"{cron_id}: {error}", messages.ERROR)


def _is_over(cron: Cron) -> bool:
    return cron.end_time is not None and cron.end_time <= timezone.now()


def _enabling(*, is_enabled: bool) -> Verb:
    # Who may use the admin's actions may use them on everybody's crons.
    changes = CronChanges(columns={"enabled": is_enabled})
    return lambda cron_id: update_cron(cron_id, changes, caller=ANONYMOUS)


async def _each(ids: list[UUID], verb: Verb) -> dict[UUID, str]:
    """Do something to each cron; return what went wrong with which."""
    failed: dict[UUID, str] = {}
    for cron_id in ids:
        try:
            await verb(cron_id)
        except ApiError as exc:
            failed[cron_id] = exc.detail
    await db.close_pool()
    return failed
