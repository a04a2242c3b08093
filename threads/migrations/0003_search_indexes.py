from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # An index over many states takes a while: threads are written meanwhile.
    atomic = False

    dependencies = [("threads", "0002_thread_ttl")]

    operations = [
        AddIndexConcurrently(
            model_name="thread",
            index=GinIndex(fields=["values"], name="thread_values", opclasses=["jsonb_path_ops"]),
        ),
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(fields=["-created_at"], name="thread_by_creation"),
        ),
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(fields=["-state_updated_at"], name="thread_by_state_update"),
        ),
    ]
