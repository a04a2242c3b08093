import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("runs", "0006_idempotent_request"),
    ]

    operations = [
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                ("delivery_id", models.UUIDField(primary_key=True, serialize=False)),
                ("run_id", models.UUIDField()),
                ("thread_id", models.UUIDField()),
                ("url", models.TextField(help_text="Without credentials and query.")),
                (
                    "payload",
                    models.JSONField(
                        help_text="The run as it ended; the whole URL is in its kwargs."
                    ),
                ),
                (
                    "status",
                    models.TextField(
                        choices=[
                            ("pending", "Pending"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        db_default="pending",
                        default="pending",
                    ),
                ),
                ("attempts", models.IntegerField(db_default=0, default=0)),
                ("status_code", models.IntegerField(help_text="Of the last answer.", null=True)),
                ("error", models.TextField(help_text="Why the last attempt failed.", null=True)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("attempted_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "webhook deliveries",
                "db_table": "webhook_delivery",
                "ordering": ["-created_at"],
                "indexes": [
                    models.Index(fields=["run_id"], name="webhook_delivery_by_run"),
                    models.Index(fields=["created_at"], name="webhook_delivery_by_creation"),
                ],
            },
        ),
    ]
