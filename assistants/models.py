from __future__ import annotations

from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Now

# What else stands under the key, from before it was checked, is no limit.
MAX_RUNS = "$.max_runs ? (@ >= 1 && @ <= 2147483647 && @ == @.floor())"


class Assistant(models.Model):
    """A graph with a configuration. `metadata.created_by` is `system` for one made per graph."""

    assistant_id = models.UUIDField(primary_key=True)
    graph_id = models.TextField()
    name = models.TextField()
    description = models.TextField(null=True)
    config = models.JSONField(default=dict, db_default={})
    context = models.JSONField(default=dict, db_default={})
    metadata = models.JSONField(default=dict, db_default={})
    max_runs = models.GeneratedField(
        expression=Cast(
            Func(F("metadata"), Value(MAX_RUNS), function="jsonb_path_query_first"),
            models.IntegerField(),
        ),
        output_field=models.IntegerField(null=True),
        db_persist=True,
        help_text="How many of its runs may be executed at once; of its metadata.",
    )
    version = models.IntegerField(default=1, db_default=1)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "assistant"
        ordering = ["-created_at"]
        indexes = [
            # Search by graph, newest first.
            models.Index(fields=["graph_id", "-created_at"], name="assistant_by_graph"),
            # Claim: the assistants that have a limit.
            models.Index(
                fields=["assistant_id"],
                name="assistant_limited",
                condition=Q(max_runs__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class AssistantVersion(models.Model):
    """What an assistant was at one version."""

    assistant = models.ForeignKey(Assistant, on_delete=models.CASCADE, related_name="versions")
    version = models.IntegerField()
    graph_id = models.TextField()
    name = models.TextField()
    description = models.TextField(null=True)
    config = models.JSONField(default=dict, db_default={})
    context = models.JSONField(default=dict, db_default={})
    metadata = models.JSONField(default=dict, db_default={})
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        db_table = "assistant_version"
        ordering = ["-version"]
        constraints = [
            models.UniqueConstraint(fields=["assistant", "version"], name="assistant_version_once"),
        ]

    def __str__(self) -> str:
        return f"{self.name} v{self.version}"
