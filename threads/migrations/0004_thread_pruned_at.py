from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("threads", "0003_search_indexes")]

    operations = [
        migrations.AddField(
            model_name="thread",
            name="pruned_at",
            field=models.DateTimeField(
                null=True,
                help_text="When its checkpoints but the newest were dropped, being expired.",
            ),
        ),
    ]
