from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("threads", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="thread",
            name="ttl_minutes",
            field=models.FloatField(
                null=True,
                help_text="How long it is kept after its last update; empty: for good.",
            ),
        ),
        migrations.AddField(
            model_name="thread",
            name="ttl_strategy",
            field=models.TextField(
                choices=[("delete", "Delete"), ("keep_latest", "Keep Latest")], null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="thread",
            constraint=models.CheckConstraint(
                condition=Q(ttl_minutes__isnull=True, ttl_strategy__isnull=True)
                | Q(ttl_minutes__gt=0, ttl_strategy__isnull=False),
                name="thread_ttl_is_whole",
            ),
        ),
    ]
