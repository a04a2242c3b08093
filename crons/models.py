from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from assistants.models import Assistant
from threads.models import Thread


class OnRunCompleted(models.TextChoices):
    DELETE = "delete"
    KEEP = "keep"


class Cron(models.Model):
    """Runs made by a schedule: upon one thread, or each upon a thread of its own."""

    cron_id = models.UUIDField(primary_key=True)
    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="crons")
    thread = models.ForeignKey(Thread, on_delete=models.CASCADE, null=True, related_name="crons")
    user_id = models.TextField(null=True, help_text="Who made it, and in whose name it runs.")
    schedule = models.TextField()
    timezone = models.TextField(null=True, help_text="An IANA name; UTC when it is null.")
    end_time = models.DateTimeField(null=True)
    payload = models.JSONField(default=dict, db_default={}, help_text="What each run is given.")
    next_run_date = models.DateTimeField(null=True)
    metadata = models.JSONField(default=dict, db_default={})
    on_run_completed = models.TextField(choices=OnRunCompleted, null=True)
    enabled = models.BooleanField(default=True, db_default=True)
    last_run_date = models.DateTimeField(null=True, help_text="When it last made a run, or tried.")
    last_error = models.TextField(null=True, help_text="Why its last try made no run.")
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "cron"
        ordering = ["-created_at"]
        indexes = [
            # What is due.
            models.Index(fields=["next_run_date"], name="cron_due", condition=Q(enabled=True)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(thread__isnull=True, on_run_completed__isnull=False)
                | Q(thread__isnull=False, on_run_completed__isnull=True),
                name="cron_ends_only_threads_of_its_own",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.schedule} {self.timezone or 'UTC'}"
