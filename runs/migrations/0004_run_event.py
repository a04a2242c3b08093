from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("runs", "0003_lost_attempts")]

    operations = [
        migrations.CreateModel(
            name="RunEvent",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "run_id",
                        "attempt",
                        "last_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("run_id", models.UUIDField()),
                ("attempt", models.IntegerField()),
                (
                    "last_id",
                    models.BigIntegerField(
                        help_text="The last event's id as one number: runs/events/ids"
                    ),
                ),
                (
                    "body",
                    models.BinaryField(
                        help_text="For each event a line of id and name, and one of JSON."
                    ),
                ),
                (
                    "output",
                    models.BinaryField(
                        null=True, help_text="What `wait` answers, of a stateless run."
                    ),
                ),
            ],
            options={"db_table": "run_event"},
        ),
        migrations.AddIndex(
            model_name="runevent",
            index=models.Index(fields=["last_id"], name="run_event_by_time"),
        ),
        # Compressing costs more than it saves of what is deleted in minutes.
        migrations.RunSQL(
            "ALTER TABLE run_event ALTER COLUMN body SET STORAGE EXTERNAL",
            "ALTER TABLE run_event ALTER COLUMN body SET STORAGE EXTENDED",
        ),
        # What a run said goes with its record; but of a run whose thread is deleted when it
        # ends, it is kept for a while, for those who read in other processes.
        migrations.RunSQL(
            """
            CREATE FUNCTION aegra_forget_run_events() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              DELETE FROM run_event USING gone
               WHERE run_event.run_id = gone.run_id AND NOT gone.kwargs @> '{"temporary": true}';
              RETURN NULL;
            END $$;
            CREATE TRIGGER aegra_forget_run_events AFTER DELETE ON run
              REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
              EXECUTE FUNCTION aegra_forget_run_events();
            """,
            """
            DROP TRIGGER aegra_forget_run_events ON run;
            DROP FUNCTION aegra_forget_run_events();
            """,
        ),
    ]
