from __future__ import annotations

from django.db import connection, models

# From each namespace the index leads to the next: the cost grows with namespaces, not with items.
NAMESPACES = """
WITH RECURSIVE namespace AS (
    SELECT min(prefix) AS prefix FROM store
    UNION ALL
    SELECT (SELECT min(store.prefix) FROM store WHERE store.prefix > namespace.prefix)
      FROM namespace WHERE namespace.prefix IS NOT NULL
) SELECT prefix FROM namespace WHERE prefix IS NOT NULL LIMIT %s
"""


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
    expires_at = models.DateTimeField(null=True, help_text="From then on it is not found.")

    class Meta:
        db_table = "store_item"
        managed = False
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return f"{self.prefix}/{self.key}"

    @staticmethod
    def namespaces(limit: int) -> list[str]:
        """Return the first namespaces that have items, in the order of their names."""
        with connection.cursor() as cursor:
            cursor.execute(NAMESPACES, [limit])
            return [prefix for (prefix,) in cursor.fetchall()]
