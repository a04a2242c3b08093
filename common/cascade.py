from __future__ import annotations

from django.db.migrations import RunSQL

_REWRITE = """
DO $$
DECLARE found text;
BEGIN
  SELECT conname INTO STRICT found FROM pg_constraint
   WHERE conrelid = '{table}'::regclass AND confrelid = '{parent}'::regclass AND contype = 'f';
  EXECUTE format('ALTER TABLE {table} DROP CONSTRAINT %I', found);
  EXECUTE format('ALTER TABLE {table} ADD CONSTRAINT %I FOREIGN KEY ({column}) '
                 'REFERENCES {parent} ({column}) {rule} DEFERRABLE INITIALLY DEFERRED', found);
END $$
"""


def cascade_in_database(table: str, parent: str, column: str) -> RunSQL:
    """Make a foreign key delete its rows in the database, which Django 5.2 does not write.

    For keys whose column has the same name in both tables.
    """
    names = {"table": table, "parent": parent, "column": column}
    return RunSQL(
        _REWRITE.format(**names, rule="ON DELETE CASCADE"),
        _REWRITE.format(**names, rule=""),
    )
