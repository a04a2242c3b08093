from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Left, Now


class ThreadStatus(models.TextChoices):
    IDLE = "idle"
    BUSY = "busy"
    INTERRUPTED = "interrupted"
    ERROR = "error"


class TtlStrategy(models.TextChoices):
    DELETE = "delete"
    KEEP_LATEST = "keep_latest"


class ExpiresAt(Func):
    """The moment of an update and some minutes more, in UTC: an index takes no other zone."""

    template = "(%(expressions)s)"
    arg_joiner = " AT TIME ZONE 'UTC' + interval '1 minute' * "


class Thread(models.Model):
    """A conversation: what its runs have made of it so far."""

    thread_id = models.UUIDField(primary_key=True)
    status = models.TextField(
        choices=ThreadStatus, default=ThreadStatus.IDLE, db_default=ThreadStatus.IDLE
    )
    settled_status = models.TextField(
        choices=ThreadStatus,
        default=ThreadStatus.IDLE,
        db_default=ThreadStatus.IDLE,
        help_text="The status when no run is active: what the last one left behind.",
    )
    metadata = models.JSONField(default=dict, db_default={})
    config = models.JSONField(default=dict, db_default={})
    values = models.JSONField(null=True)
    interrupts = models.JSONField(default=dict, db_default={})
    error = models.JSONField(null=True)
    ttl_minutes = models.FloatField(
        null=True, help_text="How long it is kept after its last update; empty: for good."
    )
    ttl_strategy = models.TextField(choices=TtlStrategy, null=True)
    pruned_at = models.DateTimeField(
        null=True, help_text="When its checkpoints but the newest were dropped, being expired."
    )
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())
    state_updated_at = models.DateTimeField(null=True, db_default=Now())

    class Meta:
        db_table = "thread"
        ordering = ["-updated_at"]
        indexes = [
            # Search without a filter, and the admin's list.
            models.Index(fields=["-updated_at"], name="thread_by_update"),
            # Inboxes: search by status, latest first.
            models.Index(fields=["status", "-updated_at"], name="thread_by_status"),
            # Search by metadata (`@>`).
            GinIndex(fields=["metadata"], name="thread_metadata", opclasses=["jsonb_path_ops"]),
            # Search by what a state holds (`@>`): docs/decisions/0008-index-on-values.md.
            GinIndex(fields=["values"], name="thread_values", opclasses=["jsonb_path_ops"]),
            # What every front end asks: the threads of a graph or an assistant, latest first. An
            # index has no room for text of any length, which metadata may be.
            models.Index(
                Left(KT("metadata__graph_id"), 255), F("updated_at").desc(), name="thread_by_graph"
            ),
            models.Index(
                Left(KT("metadata__assistant_id"), 255),
                F("updated_at").desc(),
                name="thread_by_assistant",
            ),
            # Search sorted by the other two moments.
            models.Index(fields=["-created_at"], name="thread_by_creation"),
            models.Index(fields=["-state_updated_at"], name="thread_by_state_update"),
            # The sweep of expired threads.
            models.Index(
                ExpiresAt("updated_at", "ttl_minutes"),
                name="thread_by_expiry",
                condition=Q(ttl_minutes__isnull=False)
                & Q(status__in=[ThreadStatus.IDLE, ThreadStatus.ERROR])
                & (Q(pruned_at__isnull=True) | Q(pruned_at__lt=F("updated_at"))),
            ),
        ]

        constraints = [
            models.CheckConstraint(
                condition=Q(ttl_minutes__isnull=True, ttl_strategy__isnull=True)
                | Q(ttl_minutes__gt=0, ttl_strategy__isnull=False),
                name="thread_ttl_is_whole",
            ),
        ]

    def __str__(self) -> str:
        return str(self.thread_id)

    @property
    def expires_at(self) -> datetime | None:
        """When its time to live is over; None for a thread that is kept."""
        if self.ttl_minutes is None:
            return None
        return self.updated_at + timedelta(minutes=self.ttl_minutes)
