from django.db import migrations

from common.cascade import cascade_in_database


class Migration(migrations.Migration):
    dependencies = [("assistants", "0001_initial")]

    operations = [cascade_in_database("assistant_version", "assistant", "assistant_id")]
