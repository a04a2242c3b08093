from __future__ import annotations

from django.contrib import admin, messages
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from procrastinate.contrib.django import app

from common.admin import (
    RecordAdmin,
    column,
    id_begins,
    json_column,
    label,
    link,
    moment_column,
    newest,
    time_column,
    titled,
)
from runs.models import Run, WebhookDelivery
from runs.webhooks.queries import PRIORITY, TASK

LABELS = {
    WebhookDelivery.Status.PENDING: "info",
    WebhookDelivery.Status.DELIVERED: "success",
    WebhookDelivery.Status.FAILED: "danger",
}


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(RecordAdmin[WebhookDelivery]):
    list_display = ("title", "state", "of_run", "attempts", "status_code", "created")
    list_filter = ("status",)
    search_fields = ("delivery_id",)
    search_help_text = "Delivery, run or thread id, part of the URL"
    # The key is a UUID of version 7: its index is the order of making.
    ordering = ("-delivery_id",)
    sortable_by = ()
    actions = ("send_again",)
    readonly_fields = (
        "state",
        "of_run",
        "payload_json",
        "created_moment",
        "attempted_moment",
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    ("delivery_id", "state"),
                    ("url", "of_run"),
                    ("created_moment", "attempted_moment"),
                    ("attempts", "status_code"),
                    "error",
                )
            },
        ),
        ("What is sent", {"fields": ("payload_json",)}),
    )

    payload_json = json_column("payload")
    created = time_column("created_at")
    created_moment = moment_column("created_at")
    attempted_moment = moment_column("attempted_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        deliveries: QuerySet[WebhookDelivery] = super().get_queryset(request)
        run = Run.objects.filter(run_id=OuterRef("run_id"))
        found = deliveries.annotate(has_run=Exists(run))
        # A list has no use for what was sent, which may be large.
        return found if _is_of_one(request) else found.defer("payload")

    @column("delivery")
    def title(self, delivery: WebhookDelivery) -> SafeString:
        return titled(delivery.url, delivery.delivery_id)

    @column("status")
    def state(self, delivery: WebhookDelivery) -> SafeString:
        return label(delivery.status, LABELS[WebhookDelivery.Status(delivery.status)])

    @column("run")
    def of_run(self, delivery: WebhookDelivery) -> str | SafeString:
        # A stateless run goes as it ends.
        if not getattr(delivery, "has_run", False):
            return str(delivery.run_id)
        return link("runs_run", delivery.run_id, delivery.run_id)

    def search(self, records: QuerySet[WebhookDelivery], term: str) -> QuerySet[WebhookDelivery]:
        if found := id_begins(term, "delivery_id", "run_id", "thread_id"):
            return records.filter(found)
        return records.filter(pk__in=newest(records), url__icontains=term)

    def has_send_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("runs.change_webhookdelivery")

    @admin.action(description="Send again", permissions=["send"])
    def send_again(self, request: HttpRequest, deliveries: QuerySet[WebhookDelivery]) -> None:
        sent = send_again(deliveries)
        told = f"{sent} to be sent again."
        if waiting := len(deliveries) - sent:
            told += f" {waiting} still to be sent anyway."
        messages.info(request, told)


def send_again(deliveries: QuerySet[WebhookDelivery]) -> int:
    """Have deliveries that are done with sent once more, under their ids; returns how many."""
    done_with = WebhookDelivery.objects.filter(pk__in=deliveries.values("pk")).exclude(
        status=WebhookDelivery.Status.PENDING
    )
    with transaction.atomic():
        again = list(done_with.select_for_update().values_list("pk", flat=True))
        WebhookDelivery.objects.filter(pk__in=again).update(
            status=WebhookDelivery.Status.PENDING, attempts=0
        )
        job = app.configure_task(TASK, queue="webhooks", priority=PRIORITY)
        for delivery_id in again:
            job.defer(delivery_id=str(delivery_id))
    return len(again)


def _is_of_one(request: HttpRequest) -> bool:
    return bool(request.resolver_match and request.resolver_match.kwargs.get("object_id"))
