from django.db import migrations

from common.cascade import cascade_in_database


class Migration(migrations.Migration):
    dependencies = [("runs", "0001_initial")]

    operations = [cascade_in_database("run", "thread", "thread_id")]
