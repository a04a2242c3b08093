from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models
from django.db.models import F
from django.db.models.fields.json import KT
from django.db.models.functions import Left


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
            index=models.Index(
                Left(KT("metadata__graph_id"), 255), F("updated_at").desc(), name="thread_by_graph"
            ),
        ),
        AddIndexConcurrently(
            model_name="thread",
            index=models.Index(
                Left(KT("metadata__assistant_id"), 255),
                F("updated_at").desc(),
                name="thread_by_assistant",
            ),
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
