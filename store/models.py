from __future__ import annotations

from django.db import models


class StoreItem(models.Model):
    """A row of LangGraph's own `store` table, for the admin to show.

    Read through a view made at startup: the admin needs a key of one column.
    """

    item_id = models.TextField(primary_key=True, help_text="Namespace and key.")
    prefix = models.TextField(help_text="The namespace, joined by dots.")
    key = models.TextField()
    value = models.JSONField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "store_item"
        managed = False
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"{self.prefix}/{self.key}"
