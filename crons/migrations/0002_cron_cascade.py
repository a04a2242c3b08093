from django.db import migrations

from common.cascade import cascade_in_database


class Migration(migrations.Migration):
    dependencies = [("crons", "0001_initial")]

    operations = [
        cascade_in_database("cron", "assistant", "assistant_id"),
        cascade_in_database("cron", "thread", "thread_id"),
    ]
