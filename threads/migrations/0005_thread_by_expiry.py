from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

import threads.models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("threads", "0004_thread_pruned_at")]

    operations = [
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(
                threads.models.ExpiresAt("updated_at", "ttl_minutes"),
                name="thread_by_expiry",
                condition=Q(ttl_minutes__isnull=False)
                & Q(status__in=["idle", "error"])
                & (Q(pruned_at__isnull=True) | Q(pruned_at__lt=F("updated_at"))),
            ),
        ),
    ]
